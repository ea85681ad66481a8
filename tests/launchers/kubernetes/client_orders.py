"""Orders of client pods, and pods as a cluster tells them."""

from pathlib import Path
from typing import Any

from airtune.launchers.kubernetes.api import Json
from airtune.launchers.kubernetes.client_pod import CONTAINER, FILES, POINT, ClientPodOrder
from airtune.launchers.kubernetes.handle import Handle
from airtune.task.kubernetes import KubernetesOptions

RUN = "autotune_kubernetes/manual__2026-11-24T12:00:00+00:00"
SERVER = Handle(
    launcher="kubernetes", namespace="models", name="airtune-x-server", uid="u-1", pods="app=x",
    service="server", port=8000, container="server", engine="sglang", health_path="/health", log="",
)  # fmt: skip


def an_order(into: Path = Path("into"), **changes: Any) -> ClientPodOrder:
    """An order of the third attempt."""
    options = changes.pop("options", {})
    fields: dict[str, Any] = {
        "server": SERVER,
        "installation": "here",
        "run": RUN,
        "slot": 4,
        "attempt": 3,
        "trial_id": 12,
        "image": "airtune/genai-bench:0.0.5",
        "helper_image": "alpine:3.24.2",
        "argv": ("genai-bench", "benchmark"),
        "env": {"ENABLE_UI": "false"},
        "options": KubernetesOptions.model_validate(options),
        "put": {POINT: None},
        "fetch": POINT / "genai-bench",
        "into": into,
        "pending_limit_s": 60.0,
        "deadline_s": 900,
    }
    return ClientPodOrder(**(fields | changes))


def a_status(files: Json | None = None, client: Json | None = None, **more: Any) -> Json:
    """The status of a client's pod by the states of its containers."""
    waits = {"waiting": {"reason": "PodInitializing"}}

    def told(name: str, state: Json) -> Json:
        return {"name": name, "image": f"{name}-image", "state": state, "restartCount": 0}

    return {
        "phase": "Pending",
        "initContainerStatuses": [told(FILES, files or waits)],
        "containerStatuses": [told(CONTAINER, client or waits)],
    } | more
