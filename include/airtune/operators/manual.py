"""The manual that the Airflow UI shows on each ``autotune_*`` DAG."""

MANUAL = """\
# autotune_{launcher}

Tunes the parameters of an LLM inference engine: each configuration of the task's space is
deployed {how}, measured with genai-bench, and removed; `reduce` names the best one and its gain
over the engine's defaults.

## Start it

Send one task, as a file or inline. From the UI use the form of *Trigger*; by the REST API:

```
POST /api/v2/dags/autotune_{launcher}/dagRuns
{{"logical_date": null, "conf": {{"task_file": "{example}"}}}}
```

| key | meaning |
|---|---|
| `task_file` | name of a task file in one of the folders of `AIRTUNE_TASK_DIRS` |
| `task` | the whole task as an object, instead of `task_file` |
| `max_iterations` | most search trials of this run |
| `timeout_per_iteration` | limit for one trial's start and measuring, s |
| `rerun` | measure again what the study already knows |

## What happens

`plan` reads and checks the task and names the slots. Each **slot** is one trial: `deploy` waits
for devices and starts the server, `benchmark` measures it at every load point, `teardown` ends
whatever is left. A failed trial is recorded with its class and does not stop the others.
`reduce` joins plan and store, writes the results files and returns the verdict, which is also
the run's result (`GET …/dagRuns/{{run}}/wait?interval=1`).

## Run it again

Trials with a result are taken from the study. If anything is new, the baseline is measured
again; if nothing is, the stored verdict is repeated with its date. Clearing a slot measures that
trial anew.
"""


def manual(launcher: str, how: str, example: str) -> str:
    """The manual of the DAG of one launcher."""
    return MANUAL.format(launcher=launcher, how=how, example=example)
