"""``airtune export``: the best trial of a task as a manifest for a cluster."""

from airtune.cli.stored_run import newest_run
from airtune.errors import Problem, TaskError
from airtune.results.conclusion import document_of
from airtune.results.export import export, recommended
from airtune.results.export_form import Form, usual_form
from airtune.results.export_trial import Exported
from airtune.settings import Settings
from airtune.study.runs import RunRow
from airtune.study.store import Store
from airtune.task import Task


def print_export(what: str, *, form: Form | None, trial_id: int | None) -> None:
    """Print a trial of a task's newest run as YAML.

    Args:
        what: a task file or a task name.
        form: None: the one that fits the task's launcher.
        trial_id: any trial of the study; None: the one that the verdict recommends.

    Raises:
        TaskError: no such run or trial, or it cannot be had in this form.
    """
    settings = Settings.load()
    with Store.open(settings.store_url) as store:
        row = newest_run(what, store)
        task = Task.model_validate(row.task)
        trial = _trial(store, row, settings, trial_id)
    print(export(trial, task, settings, form or usual_form(task)), end="")


def _trial(store: Store, row: RunRow, settings: Settings, wanted: int | None) -> Exported:
    if wanted is None:
        best = recommended(document_of(store, row, settings))
        if best is None:
            fix = "Name one with --trial; airtune results shows them."
            problem = Problem("task", row.task_name, "has no feasible trial.", fix)
            raise TaskError([problem], "export")
        return best
    for trial in store.trials(study=row.study):
        if trial.trial_id == wanted:
            return trial
    fix = "airtune results shows those that there are."
    raise TaskError([Problem("trial", wanted, "is no trial of this study.", fix)], row.task_name)
