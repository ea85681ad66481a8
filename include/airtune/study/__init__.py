"""The study: what a run plans, and the store that keeps its trials, leases and verdicts."""
