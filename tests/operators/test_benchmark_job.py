"""The runner of BenchmarkJobs on a fake cluster, whose OME is a few lines of these tests."""

import io
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.launchers.ome.orders import SETTINGS, cluster, handle, order

from airtune.benchmark.client import RAW_FOLDER, client_argv, client_env
from airtune.benchmark.output import ClientOutput
from airtune.benchmark.runner import Ended, Ending
from airtune.errors import TrialFailed
from airtune.launchers.kubernetes.api import ApiRefused, Json
from airtune.launchers.kubernetes.exec import ExecFailed
from airtune.launchers.ome.installed import ome_path
from airtune.launchers.ome.job_pod import require_hope
from airtune.launchers.ome.world import OmeWorld
from airtune.operators.benchmark_job import JobRunner
from airtune.records import Endpoint, FailureClass, LoadPoint, ValidityFlag
from airtune.task import Task
from airtune.testing.fake_cluster import FakeCluster

RUN = "autotune_ome/run-1"
PODS = "/api/v1/namespaces/tuner/pods"
POINT = LoadPoint(scenario="D(10,5)", concurrency=2)
DONE: Json = {
    "terminated": {
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:00:12Z",
    }
}
RUNNING: Json = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
FIELDS: dict[str, Any] = {
    "task_name": "t",
    "launcher": "ome",
    "engine": "sglang",
    "base_runtime": "llama-rt",
    "model": {"name": "llama", "namespace": "tuner"},
    "parameters": {"mem-fraction-static": [0.8]},
    "optimization": {"objective": "minimize_latency"},
    "ome": {"output_claim": {"claim": "results", "sub_path": "airtune"}},
    "benchmark": {
        "client": "benchmark_job",
        "model_name": "llama",
        "model_tokenizer": "org/llama",
        "traffic_scenarios": [POINT.scenario],
        "num_concurrency": [POINT.concurrency],
        "max_time_per_iteration": 3,
        "max_requests_per_iteration": 40,
    },
}


def _archive(**files: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{RAW_FOLDER}/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


@dataclass
class Ome:
    """A cluster in which a BenchmarkJob gets a pod at once.

    Attributes:
        state: of genai-bench's container.
        left: what is on the claim; None: nothing.
        executed: argv lists, in order.
        jobs: BenchmarkJobs that were made.
    """

    api: FakeCluster
    service: Json
    state: Json
    left: bytes | None
    pod: bool = True
    phase: Json = field(default_factory=dict)
    status: Json = field(default_factory=dict)
    executed: list[Sequence[str]] = field(default_factory=list)
    jobs: list[Json] = field(default_factory=list)

    def made(self, one: Json) -> None:
        """Called with each object that is created."""
        if one["kind"] == "BenchmarkJob":
            self.jobs.append(one)
            one["status"] = self.status
            if self.pod:
                self.api.add(PODS, self._pod(one))
        if one["kind"] == "Pod" and one["metadata"]["name"].endswith("-results"):
            told = {"name": "results", "state": RUNNING}
            one["status"] = {"phase": "Running", "containerStatuses": [told]}

    def _pod(self, job: Json) -> Json:
        name = job["metadata"]["name"]
        told = {"name": "genai-bench", "state": self.state}
        return {
            "metadata": {
                "name": f"{name}-x",
                "labels": {"job-name": name},
                "ownerReferences": [{"uid": job["metadata"]["uid"], "controller": True}],
            },
            "spec": {"nodeName": "n1", "containers": [{"name": "genai-bench", "image": "i"}]},
            "status": {"phase": "Running", "containerStatuses": [told], **self.phase},
        }

    def execute(self, namespace: str, pod: str, container: str, argv: Sequence[str]) -> bytes:
        """Run a program in the pod that reads the claim."""
        self.api.get(f"{PODS}/{pod}")
        self.executed.append(argv)
        if argv[0] == "tar" and self.left is None:
            raise ExecFailed(2, "tar: no such file")
        return self.left or b"" if argv[0] == "tar" else b""


def _ome(state: Json = DONE, left: bytes | None = None, **more: Any) -> Ome:
    api = cluster()
    (asked,) = OmeWorld(SETTINGS).objects(api, order())
    asked["metadata"]["uid"] = str(uuid4())
    service = api.add(ome_path("InferenceService", "tuner"), asked)
    api.add("/api/v1/namespaces/tuner/persistentvolumeclaims", {"metadata": {"name": "results"}})
    ome = Ome(api, service, state, left, **more)
    api.on_create = ome.made
    return ome


def _runner(ome: Ome, task: Task | None = None, **more: Any) -> JobRunner:
    found = handle(ome.service)
    endpoint = Endpoint(
        base_url=found.inside_url, model_name="llama", trial_id=7, handle=found.model_dump()
    )
    task = task or Task.model_validate(FIELDS)
    return JobRunner(ome.api, ome.execute, endpoint, task, SETTINGS, RUN, 2, 3, **more)


def _run(
    ome: Ome,
    own: Path,
    task: Task | None = None,
    limit_s: float = 30.0,
    complete: Callable[[], bool] = lambda: False,
    runner: JobRunner | None = None,
    **more: Any,
) -> Ending:
    runner = runner or _runner(ome, task, **more)
    around = runner.surroundings(runner.endpoint, runner.task, own)
    own.mkdir(exist_ok=True)
    with ClientOutput(own / "client.log", lambda line: None) as output:
        return runner.run(
            client_argv(around, runner.endpoint, runner.task, POINT),
            env=client_env(around),
            around=around,
            output=output,
            limit_s=limit_s,
            complete=complete,
        )


def _nothing_is_left(ome: Ome) -> bool:
    return not ome.api.all("benchmarkjobs") and not ome.api.all("pods")


def test_a_load_point_is_one_benchmark_job_that_belongs_to_its_server(tmp_path: Path) -> None:
    ome = _ome(left=_archive(a="1"))
    _run(ome, tmp_path / "D10_5-c2")
    (job,) = ome.jobs
    name = job["metadata"]["name"]
    assert job["metadata"]["ownerReferences"][0]["uid"] == ome.service["metadata"]["uid"]
    assert job["metadata"]["labels"]["airtune/role"] == "client"
    spec = job["spec"]
    assert spec["endpoint"]["inferenceService"] == {
        "name": ome.service["metadata"]["name"],
        "namespace": "tuner",
    }
    assert (spec["trafficScenarios"], spec["numConcurrency"]) == (["D(10,5)"], [2])
    assert (spec["maxTimePerIteration"], spec["maxRequestsPerIteration"]) == (3, 40)
    assert spec["outputLocation"]["storageUri"] == f"pvc://results/airtune/{name}-3-D10_5-c2"
    assert spec["resultFolderName"] == RAW_FOLDER
    assert spec["podOverride"]["image"] == SETTINGS.client_image
    env = {one["name"]: one["value"] for one in spec["podOverride"]["env"]}
    assert (env["HF_HUB_OFFLINE"], env["ENABLE_UI"]) == ("1", "false")


def test_files_come_from_the_claim_and_are_removed_there(tmp_path: Path) -> None:
    own = tmp_path / "p"
    ome = _ome(left=_archive(one="1", two="22"))
    ending = _run(ome, own, complete=lambda: (own / RAW_FOLDER / "two").exists())
    assert ending.how is Ended.RESULT_COMPLETE
    assert (own / RAW_FOLDER / "two").read_text() == "22"
    name = ome.jobs[0]["metadata"]["name"]
    tar, find = ome.executed
    assert list(tar) == ["tar", "-C", f"/claim/{name}-3-p", "-cf", "-", RAW_FOLDER]
    assert list(find)[:3] == ["find", "/claim", "-mindepth"]
    assert f"{name}-*" in find
    assert _nothing_is_left(ome)


def test_the_pod_that_reads_goes_where_the_client_ran_and_can_do_little(tmp_path: Path) -> None:
    ome = _ome(left=_archive(one="1"))
    _run(ome, tmp_path / "p")
    pod = next(body for method, path, body in ome.api.calls if (method, path) == ("POST", PODS))
    assert "'values': ['n1']" in str(pod["spec"]["affinity"])
    (container,) = pod["spec"]["containers"]
    assert container["command"][0] == "sleep"
    mount = {"name": "claim", "mountPath": "/claim", "subPath": "airtune"}
    assert container["volumeMounts"] == [mount]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["metadata"]["labels"]["airtune/role"] == "client"


def test_completed_without_a_result_is_an_end_like_any_other(tmp_path: Path) -> None:
    ome = _ome(status={"state": "Completed"})
    ending = _run(ome, tmp_path / "p")
    assert (ending.how, ending.exit_code, ending.seconds) == (Ended.BY_ITSELF, 0, 12.0)
    assert _nothing_is_left(ome)


def test_a_client_that_fails_hands_its_code_and_output_on(tmp_path: Path) -> None:
    died = {"terminated": DONE["terminated"] | {"exitCode": 137, "reason": "OOMKilled"}}
    ome = _ome(died)
    name = f"{_runner(ome).name}-x"
    ome.api.logs[("tuner", name, "genai-bench")] = "hello\nworld\n"
    ending = _run(ome, tmp_path / "p")
    assert (ending.how, ending.exit_code) == (Ended.BY_ITSELF, 137)
    written = (tmp_path / "p" / "client.log").read_text()
    assert "hello\nworld\nKubernetes: OOMKilled\n" in written


def test_what_runs_too_long_is_removed_and_what_it_left_is_fetched(tmp_path: Path) -> None:
    ome = _ome(RUNNING, left=_archive(half="x"))
    ending = _run(ome, tmp_path / "p", limit_s=0.2)
    assert (ending.how, ending.exit_code) == (Ended.LIMIT, None)
    assert (tmp_path / "p" / RAW_FOLDER / "half").exists()
    assert _nothing_is_left(ome)


def test_a_client_whose_server_is_gone_is_ended(tmp_path: Path) -> None:
    ome = _ome(RUNNING)
    assert _run(ome, tmp_path / "p", should_stop=lambda: True).how is Ended.SERVER_GONE
    assert _nothing_is_left(ome)


def test_a_fenced_off_attempt_starts_nothing(tmp_path: Path) -> None:
    ome = _ome(RUNNING)
    assert _run(ome, tmp_path / "p", is_current=lambda: False).how is Ended.FENCED_OFF
    assert ome.executed == []
    assert _nothing_is_left(ome)


def test_a_newer_attempts_job_is_left_alone(tmp_path: Path) -> None:
    ome = _ome()
    name = _runner(ome).name
    ours = {"airtune/installation": "tests", "airtune/attempt": "4", "airtune/role": "client"}
    metadata = {"name": name, "labels": ours, "annotations": {"airtune/run-id": RUN}}
    ome.api.add(ome_path("BenchmarkJob", "tuner"), {"metadata": metadata})
    with pytest.raises(TrialFailed, match="newer attempt") as caught:
        _run(ome, tmp_path / "p")
    assert caught.value.failure.failure_class is FailureClass.CANCELLED
    assert len(ome.api.all("benchmarkjobs")) == 1


def test_an_earlier_attempts_job_is_removed_first(tmp_path: Path) -> None:
    ome = _ome(left=_archive(one="1"))
    _run(ome, tmp_path / "p")
    old = ome.jobs[0]
    old["metadata"]["labels"]["airtune/attempt"] = "1"
    ome.api.add(ome_path("BenchmarkJob", "tuner"), old)
    _run(ome, tmp_path / "q")
    assert len(ome.jobs) == 2
    assert _nothing_is_left(ome)


def test_a_claim_removed_after_plan_is_named_at_once(tmp_path: Path) -> None:
    ome = _ome()
    ome.api.end("/api/v1/namespaces/tuner/persistentvolumeclaims/results")
    with pytest.raises(TrialFailed, match="PersistentVolumeClaim results") as caught:
        _run(ome, tmp_path / "p")
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG
    assert ome.jobs == []


def test_an_image_that_cannot_be_pulled_is_noticed_and_everything_removed(tmp_path: Path) -> None:
    waiting = {"reason": "ErrImagePull", "message": 'rpc error: code = NotFound: "i": not found'}
    ome = _ome({"waiting": waiting}, phase={"phase": "Pending"})
    with pytest.raises(TrialFailed, match="cannot be pulled") as caught:
        _run(ome, tmp_path / "p")
    assert caught.value.failure.failure_class is FailureClass.IMAGE
    assert "BenchmarkJob tuner/" in caught.value.failure.reason
    assert _nothing_is_left(ome)


def test_a_pod_that_is_taken_away_while_it_runs_is_noticed(tmp_path: Path) -> None:
    ome = _ome(RUNNING, status={"state": "Running"})

    def take(method: str, path: str, body: Any) -> ApiRefused | None:
        if method == "GET" and path.endswith("/log"):
            ome.api.end(path.removesuffix("/log"))
        return None

    ome.api.refuse = take
    with pytest.raises(TrialFailed, match="its pod is gone") as caught:
        _run(ome, tmp_path / "p")
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE
    assert _nothing_is_left(ome)


def test_a_kill_removes_the_job_and_what_it_wrote(tmp_path: Path) -> None:
    ome = _ome(RUNNING)

    class Killed(BaseException):
        pass

    def kill() -> bool:
        raise Killed

    with pytest.raises(Killed):
        _run(ome, tmp_path / "p", should_stop=kill)
    assert [argv[0] for argv in ome.executed] == ["find"]
    assert _nothing_is_left(ome)


def test_a_refusal_of_the_api_server_is_a_failure_of_the_trial(tmp_path: Path) -> None:
    ome = _ome()
    ome.api.forbidden.add(("create", "benchmarkjobs"))
    with pytest.raises(TrialFailed, match="benchmarkjobs") as caught:
        _run(ome, tmp_path / "p")
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_the_tokenizer_is_the_models_own_folder_on_the_node(tmp_path: Path) -> None:
    runner = _runner(_ome())
    around = runner.surroundings(runner.endpoint, runner.task, tmp_path)
    assert around.tokenizer.reference == "/models/llama"
    assert "HF_TOKEN" not in client_env(around, token="secret")


def test_the_tasks_client_resources_reach_the_jobs_pod(tmp_path: Path) -> None:
    client = {
        "requests": {"cpu": "100m"},
        "node_selector": {"pool": "bench"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
    }
    task = Task.model_validate(FIELDS | {"kubernetes": {"client": client}})
    ome = _ome()
    _run(ome, tmp_path / "p", task)
    override = ome.jobs[0]["spec"]["podOverride"]
    assert override["resources"] == {"requests": {"cpu": "100m"}}
    assert override["nodeSelector"] == {"pool": "bench"}
    assert override["tolerations"] == [{"key": "k", "operator": "Exists"}]


def test_no_job_means_ome_does_not_run(tmp_path: Path) -> None:
    ome = _ome()
    runner = _runner(ome)
    around = runner.surroundings(runner.endpoint, runner.task, tmp_path)
    asked = runner.order(client_argv(around, runner.endpoint, runner.task, POINT), {}, around)
    require_hope(ome.api, asked, None, 100.0)
    with pytest.raises(TrialFailed, match="has made no Job") as caught:
        require_hope(ome.api, asked, None, 200.0)
    assert caught.value.failure.failure_class is FailureClass.INFRASTRUCTURE


def test_a_client_on_the_servers_node_is_a_doubt(tmp_path: Path) -> None:
    ome, flags = _ome(), []
    labels = {"ome.io/inferenceservice": ome.service["metadata"]["name"], "component": "engine"}
    for node in ("n1", "n2"):
        spec = {"nodeName": node, "containers": [{"name": "ome-container"}]}
        ome.api.add(PODS, {"metadata": {"name": "engine", "labels": labels}, "spec": spec})
        runner = _runner(ome)
        _run(ome, tmp_path / node, runner=runner)
        flags.append(list(runner.doubts()))
        ome.api.end(f"{PODS}/engine")
    assert flags == [[ValidityFlag.SHARED_HOST], []]
