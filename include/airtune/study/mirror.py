"""Optuna's view of a study: its own tables in the same database, for its tools and samplers.

The mirror is derived: it can be made again from airtune's tables at any time, and is, when the
space was edited in a way that Optuna cannot hold in one study.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from airtune.errors import AirtuneError
from airtune.records import ParamValue, Trial, TrialState
from airtune.study.store import Store

Direction = Literal["minimize", "maximize"]

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

MARK = "airtune_mirror"
"""User attribute of Optuna studies that airtune made; others are never touched."""

_FINISHED = {TrialState.SUCCEEDED, TrialState.INFEASIBLE, TrialState.FAILED}


def sync_optuna(store: Store, study: str, *, wait: bool = True) -> int:
    """Add the finished trials that the Optuna study of this name lacks; returns how many.

    Idempotent, and one process at a time. A trial without a score is added as failed, without a
    value. Parameters keep their names; lists become JSON text.

    Args:
        wait: for another process that does it now; else nothing is done then.

    Raises:
        LookupError: the store has no run of this study.
        AirtuneError: an Optuna study of this name exists that airtune did not make.
    """
    finished = [trial for trial in store.trials(study=study) if trial.state in _FINISHED]
    direction = _direction(store, study)
    with store.database.exclusive("optuna", wait=wait) as alone:
        if not alone:
            return 0
        storage = _storage(store)
        try:
            mirror = _open(storage, study, direction, finished)
            known = {
                trial.user_attrs.get("trial_id") for trial in mirror.get_trials(deepcopy=False)
            }
            missing = [trial for trial in finished if trial.trial_id not in known]
            distributions = _distributions(finished)
            mirror.add_trials(_frozen(trial, distributions) for trial in missing)
        finally:
            storage.remove_session()
            storage.engine.dispose()
    return len(missing)


def _storage(store: Store) -> "optuna.storages.RDBStorage":
    import optuna

    database = store.database
    # IMMEDIATE: as in our own transactions, a writer waits for its turn instead of failing.
    sqlite = {"connect_args": {"timeout": 30, "isolation_level": "IMMEDIATE"}}
    return optuna.storages.RDBStorage(
        database.url.render_as_string(hide_password=False),
        engine_kwargs={} if database.postgres else sqlite,
    )


def _open(
    storage: "optuna.storages.RDBStorage",
    study: str,
    direction: Direction,
    finished: list[Trial],
) -> "optuna.Study":
    import optuna

    if study in optuna.get_all_study_names(storage):
        mirror = optuna.load_study(study_name=study, storage=storage)
        trials = mirror.get_trials(deepcopy=False)
        if trials and MARK not in mirror.user_attrs:
            raise AirtuneError(
                f"The Optuna study {study} was not made by airtune. Rename it, or the task."
            )
        if mirror.direction.name.lower() == direction and _fits(trials, finished):
            mirror.set_user_attr(MARK, True)
            return mirror
        optuna.delete_study(study_name=study, storage=storage)
    mirror = optuna.create_study(storage=storage, study_name=study, direction=direction)
    mirror.set_user_attr(MARK, True)
    return mirror


def _fits(mirrored: Iterable["optuna.trial.FrozenTrial"], finished: list[Trial]) -> bool:
    """False if the mirror has to be made anew.

    Optuna changes no finished trial, and holds numeric ranges that grow, but neither another kind
    of parameter nor other choices.
    """
    from optuna.distributions import CategoricalDistribution

    states = {trial.trial_id: trial.state.value for trial in finished}
    distributions = _distributions(finished)
    for trial in mirrored:
        if trial.user_attrs.get("state") != states.get(trial.user_attrs["trial_id"]):
            return False
        for name, old in trial.distributions.items():
            new = distributions.get(name)
            if type(new) is not type(old):
                return False
            if isinstance(new, CategoricalDistribution) and new != old:
                return False
    return True


def _frozen(
    trial: Trial, distributions: Mapping[str, "BaseDistribution"]
) -> "optuna.trial.FrozenTrial":
    import optuna

    scored = trial.state is TrialState.SUCCEEDED and trial.score is not None
    parameters = {name: _plain(value) for name, value in trial.parameters.items()}
    attributes: dict[str, Any] = {
        "trial_id": trial.trial_id,
        "run": trial.run,
        "role": trial.role.value,
        "state": trial.state.value,
    }
    if trial.failure:
        attributes["failure_class"] = trial.failure.failure_class.value
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE if scored else optuna.trial.TrialState.FAIL,
        value=trial.score.score if scored and trial.score else None,
        params=parameters,
        distributions={name: distributions[name] for name in parameters},
        user_attrs=attributes,
    )


def _distributions(trials: Iterable[Trial]) -> dict[str, "BaseDistribution"]:
    """For each parameter the smallest distribution that holds every value of the study."""
    values: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for name, value in trial.parameters.items():
            plain = _plain(value)
            values.setdefault(name, {})[json.dumps(plain)] = plain
    return {name: _distribution([*found.values()]) for name, found in values.items()}


def _distribution(values: list[Any]) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    kinds = {type(value) for value in values}
    if kinds == {int}:
        return IntDistribution(min(values), max(values))
    if kinds <= {int, float}:
        return FloatDistribution(min(values), max(values))
    return CategoricalDistribution(sorted(values, key=json.dumps))


def _plain(value: ParamValue) -> bool | int | float | str | None:
    return json.dumps(value) if isinstance(value, list) else value


def _direction(store: Store, study: str) -> Direction:
    """Of the study's objective; all runs of a study share it, it is part of the study's id."""
    objective = store.newest_run(study).task.get("optimization", {}).get("objective")
    if isinstance(objective, Mapping):
        objective = objective.get("direction")
    return "maximize" if str(objective).startswith("max") else "minimize"
