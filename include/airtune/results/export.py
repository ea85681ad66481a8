"""A measured trial as manifests for a cluster: Deployment and Service, or an InferenceService.

Pure: nothing is asked of a cluster. The manifests carry none of airtune's labels, so clean-up never
takes them, and no owner or deadline, so they stay.
"""

from collections.abc import Iterator

from airtune.errors import Problem, TaskError
from airtune.results.document import ResultsDocument, TrialResult
from airtune.results.export_form import FILES, Form
from airtune.results.export_ome import ome_values
from airtune.results.export_pod import pod_values
from airtune.results.export_template import render
from airtune.results.export_trial import Exported
from airtune.settings import Settings
from airtune.task import Task


def exports(document: ResultsDocument, task: Task, settings: Settings) -> dict[str, str]:
    """What the verdict recommends, in every form that it can be had in: file name → YAML.

    That is the winner, or the baseline where nothing beats it; nothing where no trial is feasible.
    """
    trial = recommended(document)
    if trial is None:
        return {}
    return {FILES[form]: text for form, text in _all(trial, task, settings)}


def recommended(document: ResultsDocument) -> TrialResult | None:
    """The trial that the verdict recommends to run; None if there is none."""
    verdict = document.verdict
    if verdict.best is None:
        return None
    wanted = verdict.baseline if verdict.winner is None else verdict.winner
    return next((trial for trial in document.trials if trial.trial_id == wanted), None)


def export(trial: Exported, task: Task, settings: Settings, form: Form) -> str:
    """``trial`` in one form, as YAML.

    Raises:
        TaskError: it cannot be had in this form; the text says why and what to do.
    """
    if form == "deployment":
        return export_deployment(trial, task, settings)
    return export_inference_service(trial, task, settings)


def export_deployment(trial: Exported, task: Task, settings: Settings) -> str:
    """A Deployment of one replica and its Service.

    Raises:
        TaskError: the trial has no server, or was OME's.
    """
    _refuse_unstarted(trial, task)
    return render("deployment.yaml.j2", pod_values(trial, task, settings))


def export_inference_service(trial: Exported, task: Task, settings: Settings) -> str:
    """OME's InferenceService.

    Raises:
        TaskError: the trial has no server, or the task names no serving runtime.
    """
    _refuse_unstarted(trial, task)
    return render("inference_service.yaml.j2", ome_values(trial, task, settings))


def _all(trial: Exported, task: Task, settings: Settings) -> Iterator[tuple[Form, str]]:
    for form in FILES:
        try:
            yield form, export(trial, task, settings, form)
        except TaskError:  # not for this trial; the command tells why to whoever asks for it
            continue


def _refuse_unstarted(trial: Exported, task: Task) -> None:
    if task.launcher in {"local", "endpoint"}:
        reason = "trials ran without an image, so there is nothing that a cluster could start."
        fix = "Tune it with docker, kubernetes or ome; launch_command starts it on this host."
        raise TaskError([Problem("launcher", task.launcher, reason, fix)], task.task_name)
    if not trial.argv:
        reason = "never started a server."
        fix = "Name another trial: airtune results shows them."
        raise TaskError([Problem("trial", trial.trial_id, reason, fix)], task.task_name)
