"""Environment variables that a task may give its server."""

import re
from typing import Annotated

from pydantic import AfterValidator

from airtune.task.fault import fault

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CODE = re.compile(
    r"(LD_|DYLD_|PYTHON|GCONV_|AIRTUNE_|AIRFLOW_)\w*"
    r"|PATH|HOME|SHELL|IFS|ENV|BASH_ENV|TMPDIR|NODE_OPTIONS|PERL5\w*|RUBY\w*|JAVA_TOOL_OPTIONS"
    r"|GLIBC_TUNABLES|MALLOC_\w*|CC|CXX|NVCC\w*|TRITON_\w*_PATH|CUDA_HOME|VLLM_PLUGINS",
    re.IGNORECASE,
)
_DEVICES = re.compile(
    r"(CUDA|HIP|ROCR|NVIDIA|ZE|GPU)_(VISIBLE_DEVICES|DEVICE_ORDINAL|AFFINITY_MASK)", re.IGNORECASE
)
_SECRET = re.compile(
    r"(\w*_)?(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|(SECRET_)?ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)"
    r"(_\w*)?",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """True for a name whose value should never be shown or stored."""
    return bool(_SECRET.fullmatch(name))


def variable_name(name: str) -> str:
    """A variable that neither runs code, nor breaks isolation, nor carries a secret."""
    if not _NAME.fullmatch(name):
        raise fault("is no name of a variable.", 'Write for example "OMP_NUM_THREADS".')
    if _DEVICES.fullmatch(name):
        raise fault(
            "would break the isolation of trials: the launcher gives each its own devices.",
            "Remove it; choose devices by AIRTUNE_DEVICES on the host.",
        )
    if _CODE.fullmatch(name):
        raise fault(
            "could run code of its own or change what airtune starts.",
            "Remove it; set it in the image or on the host.",
        )
    if is_secret(name):
        raise fault(
            "looks like a secret, and a task is stored and shown.",
            "Remove it; keep it in an Airflow connection.",
            secret=True,
        )
    return name


def variable_value(value: str) -> str:
    """A text without control characters."""
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise fault("contains a line break or control character.", "Remove it.")
    return value


VariableName = Annotated[str, AfterValidator(variable_name)]
"""Key of ``env``."""

VariableValue = Annotated[str, AfterValidator(variable_value)]
"""Value of ``env``; always a text."""
