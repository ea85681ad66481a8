"""Runs in a cluster, and what people and accidents do to them."""

import os
import signal
import threading
from typing import Any

from tests.airflow.kubernetes.conftest import ClusterSite, cluster_task

BEST = {"when": {"random-seed": 1}, "ttft_ms": 10, "tpot_ms": 1}
LONG = {"when": {"random-seed": 2}, "seconds": 25.0}
SLOW_START = {"when": {"random-seed": 2}, "start_s": 8.0}
VERY_SLOW_START = {"when": {"random-seed": 2}, "start_s": 45.0}


CASES: dict[str, dict[str, Any]] = {
    "kd-marked": LONG,
    "kd-failed": LONG,
    "kd-pod-deleted": LONG,
    "kd-benchmark-killed": LONG,
    "kd-deploy-killed": SLOW_START,
    "kd-deferred": VERY_SLOW_START,
}


def begin_disturbed(site: ClusterSite) -> None:
    """Start every case as a run of its own, all at once, each to be disturbed; once a site.

    Whoever else has runs to wait for begins these first: they take their time.
    """
    if "disturbed" in site.begun:
        return
    site.begun.add("disturbed")
    for run, rule in CASES.items():
        task = cluster_task(
            run, site.namespace, parameters={"random_seed": [1, 2]}, rules=[BEST, rule]
        )
        site.api.trigger({"task": task}, run)
    for disturb in (_mark, _fail, _delete_pod, _kill_benchmark, _kill_deploy):
        threading.Thread(target=disturb, args=(site,), daemon=True).start()


def _running(site: ClusterSite, run: str, task: str) -> dict[str, Any]:
    """The task of the bad slot, once it runs and its server does."""

    def found() -> dict[str, Any] | None:
        for one in site.api.tasks(run):
            if one["rendered_map_index"] != "random_seed=2" or one["task_id"] != f"slot.{task}":
                continue
            if one["state"] == "running" and site.server(run, one["map_index"]):
                return dict(one)
        return None

    task_now: dict[str, Any] = site.api.until(found, 700, f"{task} of {run} to run")
    return task_now


def _measured(site: ClusterSite, run: str) -> dict[str, Any]:
    """The benchmark of the bad slot, once its client runs."""
    one = _running(site, run, "benchmark")
    site.api.until(
        lambda: site.site.record(run, one["map_index"], "client"), 200, f"the client of {run}"
    )
    return one


def _mark(site: ClusterSite) -> None:
    one = _running(site, "kd-marked", "benchmark")
    site.api.mark_task("kd-marked", "slot.benchmark", one["map_index"], "failed")


def _fail(site: ClusterSite) -> None:
    _running(site, "kd-failed", "benchmark")
    site.api.mark_run("kd-failed", "failed")


def _delete_pod(site: ClusterSite) -> None:
    one = _measured(site, "kd-pod-deleted")
    pod = site.server("kd-pod-deleted", one["map_index"])
    if pod:
        site.admin.delete(site.path("pods", pod["metadata"]["name"]), gracePeriodSeconds="1")


def _kill_benchmark(site: ClusterSite) -> None:
    os.kill(_measured(site, "kd-benchmark-killed")["pid"], signal.SIGKILL)


def _kill_deploy(site: ClusterSite) -> None:
    os.kill(_running(site, "kd-deploy-killed", "deploy")["pid"], signal.SIGKILL)
