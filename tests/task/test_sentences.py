"""What was understood, in words."""

from airtune.task import read_task


def test_slo_is_told_in_seconds_and_milliseconds(make):
    task = read_task(
        make(
            {
                "slo": {
                    "ttft": {"threshold": 1},
                    "latency": {"p99": {"threshold": 10, "hard_fail": True, "fail_ratio": 0.2}},
                }
            }
        )
    )

    assert task.sentences()[2:] == [
        "At each load point mean time to first token above 1 s (1000 ms) costs a penalty of "
        "weight 1.",
        "At each load point p99 end-to-end latency above 10 s (10000 ms) costs a penalty of "
        "weight 1; above 12 s the configuration is infeasible.",
    ]


def test_objective_load_points_and_constraints_are_told(make):
    task = read_task(
        make(
            {
                "optimization/objective": "maximize_throughput",
                "constraints": {"ttft_ms": {"p99": 500}, "tpot_ms": 20, "requests_per_s": 3},
            }
        )
    )

    assert task.sentences() == [
        "Looks for the most output tokens per second per device held; the baseline is replaced "
        "only by a gain of at least 3 %.",
        "Measures 2 load points: D(100,100) with 1, 4 closed-loop users, combined by weighted "
        "geometric mean.",
        "A configuration with p99 time to first token above 500 ms at any load point is "
        "infeasible.",
        "A configuration with mean time per output token above 20 ms at any load point is "
        "infeasible.",
        "A configuration with requests per second below 3 at any load point is infeasible.",
    ]


def test_objective_of_ones_own_is_told(make):
    wanted = {"metric": "ttft_ms", "statistic": "p90", "direction": "minimize"}

    told = read_task(make({"optimization/objective": wanted})).sentences()[0]

    assert told.startswith("Looks for the lowest p90 time to first token;")
