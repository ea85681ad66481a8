"""A stored task is a task file again, whatever it holds."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airtune.errors import Problem, TaskError
from airtune.task import Task, read_task

scalars = st.none() | st.booleans() | st.integers(-100, 100) | st.sampled_from(["auto", "fp8"])
scalars |= st.floats(-10, 10)
names = st.from_regex(r"[a-z][a-z-]{1,12}", fullmatch=True).map(lambda name: f"x-{name}")
distinct = st.lists(scalars, min_size=1, max_size=4, unique_by=lambda v: (type(v), v))
ranges = st.tuples(st.integers(1, 50), st.integers(1, 50)).map(
    lambda pair: {"type": "integer", "low": pair[0], "high": pair[0] + pair[1]}
)
changes = st.fixed_dictionaries(
    {"parameters": st.dictionaries(names, distinct | ranges, min_size=1, max_size=4)},
    optional={
        "engine_args": st.dictionaries(st.just("y-flag"), scalars | distinct),
        "slo": st.just({"ttft": {"threshold": 1}}),
        "constraints": st.just({"ttft_ms": {"p99": 500}, "error_rate": 0.5}),
        "baseline": st.dictionaries(st.just("x-base"), scalars),
        "env": st.dictionaries(st.just("OMP_NUM_THREADS"), st.sampled_from(["1", "2"])),
        "rerun": st.booleans(),
        "container": st.just({"memory": "8g", "ulimits": {"nofile": 9}}),
        "model": st.sampled_from(
            [
                {"name": "x", "root": "/data"},
                {"id_or_path": "org/x"},
                {"in_image": "/m/x", "name": "x"},
            ]
        ),
    },
)


@given(changes)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_dump_of_a_task_reads_as_the_same_task(make, changes):
    data = make(changes)
    # make() merges into the seed's parameters otherwise
    data["parameters"] = changes["parameters"]
    task = read_task(data)

    stored = json.loads(json.dumps(task.model_dump(mode="json"), allow_nan=False))

    assert read_task(stored) == task
    assert Task.model_validate(stored) == task


junk = st.recursive(
    scalars | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
fields = st.sampled_from([*Task.model_fields, "deployment_mode", "runtime_image_tag", "zzz"])


@given(st.dictionaries(fields, junk, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junk_gets_problems_with_path_reason_and_fix_and_never_another_error(make, junk):
    problems: tuple[Problem, ...] = ()
    try:
        read_task(make({}) | junk)
    except TaskError as error:
        problems = error.problems

    assert all(problem.path and problem.reason and problem.fix for problem in problems)
    assert "<" in repr(junk) or not any("<" in problem.path for problem in problems)
