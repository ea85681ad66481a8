"""What the client saw at one load point. Units are in the names: ms, s, tokens/s."""

from enum import StrEnum

from airtune.records.base import Record


class LoadPoint(Record):
    """One traffic scenario at one concurrency (closed loop: that many users, no think time)."""

    scenario: str
    concurrency: int

    @property
    def key(self) -> str:
        """Short name for logs and tables, for example ``D(100,100)@4``."""
        return f"{self.scenario}@{self.concurrency}"


class Distribution(Record):
    """Mean and percentiles over the completed requests of one load point; ms."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


class ValidityFlag(StrEnum):
    """Reasons to doubt a measurement; the first two leave it without a score."""

    INCOMPLETE = "incomplete"
    WRONG_LENGTH = "wrong_length"
    CLIENT_BOUND = "client_bound"
    UNDERSAMPLED = "undersampled"
    NOT_WARM = "not_warm"
    CACHE_UNKNOWN = "cache_unknown"
    SHARED_HOST = "shared_host"
    FIRST_OF_DIGEST = "first_of_digest"


FATAL_FLAGS = frozenset({ValidityFlag.INCOMPLETE, ValidityFlag.WRONG_LENGTH})


class Measurement(Record):
    """One load point as the client saw it.

    Attributes:
        scenario: genai-bench's scenario text, for example ``D(100,100)``.
        concurrency: number of closed-loop users.
        seconds: the client's own run duration; contains spawning, polling and stopping.
        requests: requests sent (completed + failed).
        completed: requests that completed.
        errors: failed requests by error code (as text); ``connection`` where no answer came.
        error_messages: the first message of each code, shortened.
        error_rate: failed ÷ sent, 0..1; computed here (the client's own is always 0).
        ttft_ms, tpot_ms, e2e_latency_ms: None where no request completed.
        output_tokens_per_s: C × Σ output tokens ÷ Σ e2e (closed loop), summed over devices.
        total_tokens_per_s, requests_per_s: the same rule for all tokens and for requests.
        effective_concurrency: Σ e2e ÷ seconds; below C when the client holds the server back.
        input_tokens_mean, output_tokens_mean: per completed request.
        validity: flags raised, none when the point is clean.
        notes: for each raised flag the sentence that says why.
        raw_file: the client's file this was read from; None when it left none.
    """

    scenario: str
    concurrency: int
    seconds: float
    requests: int
    completed: int
    errors: dict[str, int] = {}
    error_messages: dict[str, str] = {}
    error_rate: float
    ttft_ms: Distribution | None = None
    tpot_ms: Distribution | None = None
    e2e_latency_ms: Distribution | None = None
    output_tokens_per_s: float | None = None
    total_tokens_per_s: float | None = None
    requests_per_s: float | None = None
    effective_concurrency: float | None = None
    input_tokens_mean: float | None = None
    output_tokens_mean: float | None = None
    validity: tuple[ValidityFlag, ...] = ()
    notes: dict[str, str] = {}
    raw_file: str | None = None

    @property
    def load_point(self) -> LoadPoint:
        """Where this was measured."""
        return LoadPoint(scenario=self.scenario, concurrency=self.concurrency)

    @property
    def scorable(self) -> bool:
        """False when a fatal flag is raised: such a point never has a score."""
        return not FATAL_FLAGS.intersection(self.validity)
