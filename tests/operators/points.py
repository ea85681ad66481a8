"""A measured load point, for tests that care for nothing but its latency."""

from airtune.records import Distribution, Measurement


def point(ms: float) -> Measurement:
    """All latencies are ``ms``."""
    spread = Distribution(mean=ms, p50=ms, p90=ms, p95=ms, p99=ms)
    return Measurement(
        scenario="D(20,10)",
        concurrency=1,
        seconds=2,
        requests=20,
        completed=20,
        error_rate=0,
        ttft_ms=spread,
        tpot_ms=spread,
        e2e_latency_ms=spread,
        output_tokens_per_s=100,
    )
