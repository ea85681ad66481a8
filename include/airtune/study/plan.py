"""The plan of a run: which trials, in which order, with which server each."""

from airtune.engines import get_engine
from airtune.errors import Problem, TaskError
from airtune.records import ParamValue, Record, Role, ServerSpec
from airtune.settings import Settings
from airtune.study.choosing import Candidate, choose
from airtune.study.identity import PlanKeys, device_pool, study_id
from airtune.study.label import BASELINE
from airtune.study.notes import counting_notes, device_notes, meeting_notes, unused_notes
from airtune.study.servers import Runtime, Servers, model_path
from airtune.study.spaces import search_of
from airtune.task import Task


class PlannedTrial(Record):
    """One trial to run.

    Attributes:
        label: short text of the configuration; ``baseline`` for the baseline.
        parameters: the configuration: only what the task searches (or its ``baseline`` sets).
        server: what the launcher is to start.
        plan_key: equal for trials whose figures may stand for each other.
        aliases: labels of other configurations that come to the same command line.
    """

    role: Role
    label: str
    parameters: dict[str, ParamValue]
    server: ServerSpec
    plan_key: str
    aliases: tuple[str, ...] = ()


class Plan(Record):
    """All trials of a run, the baseline first.

    Attributes:
        study: the study's id.
        notes: sentences for people: what was sampled, left out or found to be the same.
        combinations: size of the whole grid before constraints; None if it is continuous.
    """

    study: str
    trials: tuple[PlannedTrial, ...]
    notes: tuple[str, ...] = ()
    combinations: int | None = None


def make_plan(
    task: Task,
    settings: Settings,
    *,
    most: int = 1024,
    host: str = "",
    runtime: Runtime | None = None,
) -> Plan:
    """Plan ``task``: the baseline, then the search; equal inputs give an equal plan.

    Args:
        most: trials that can be mapped, the baseline included.
        host: name of the Docker host that the trials run on; empty: the default one.
        runtime: OME's serving runtime; None where there is none, or it was not asked for.

    Raises:
        TaskError: nothing to search, all excluded, more than ``most`` trials, something the
            engine refuses; each problem says what to write instead.
        SettingsError: there is no Docker host of that name.
    """
    engine = get_engine(task.engine)
    search = search_of(task, engine)
    servers = Servers(task, engine, search.fixed, model_path(task, settings), runtime)
    try:
        baseline = servers.server(task.baseline or {})
    except ValueError as error:
        raise TaskError([_no_baseline(task, error)], task.task_name) from None
    chosen = choose(task, search, servers, baseline, most - 1)
    keys = PlanKeys(task, settings, servers.path, host, runtime.revision if runtime else "")
    first = PlannedTrial(
        role=Role.BASELINE,
        label=BASELINE,
        parameters=task.baseline or {},
        server=baseline,
        plan_key=keys.of(baseline),
        aliases=tuple(chosen.as_baseline),
    )
    return Plan(
        study=study_id(task),
        trials=(first, *(_search_trial(candidate, keys) for candidate in chosen.candidates)),
        notes=(
            *counting_notes(task, search.space, chosen),
            *search.notes,
            *meeting_notes(chosen),
            *unused_notes(task),
            *device_notes(task, device_pool(task, settings, host), baseline, chosen),
        ),
        combinations=search.space.combinations,
    )


def _search_trial(candidate: Candidate, keys: PlanKeys) -> PlannedTrial:
    return PlannedTrial(
        role=Role.SEARCH,
        label=candidate.label,
        parameters=candidate.configuration,
        server=candidate.server,
        plan_key=keys.of(candidate.server),
        aliases=tuple(candidate.aliases),
    )


def _no_baseline(task: Task, error: ValueError) -> Problem:
    if task.baseline is not None:
        return Problem("baseline", task.baseline, "cannot be used:", str(error))
    reason = f"cannot be the fixed arguments alone: {error}"
    fix = 'Or name another one: "baseline": {"<flag>": <value>}.'
    return Problem("baseline", None, reason, fix)
