"""The manuals that the Airflow UI shows on each ``autotune_*`` DAG and on each sweep."""

from airtune.operators.sweep import Sweep

MANUAL = """\
# {dag_id}

Tunes the parameters of an LLM inference engine: each configuration of the task's space is
deployed {how}, measured with genai-bench, and removed; `reduce` names the best one and its gain
over the engine's defaults.

## Start it

Send one task, as a file or inline. From the UI use the form of *Trigger*; by the REST API:

```
POST /api/v2/dags/{dag_id}/dagRuns
{{"logical_date": null, "conf": {{"task_file": "{example}"}}}}
```

| key | meaning |
|---|---|
| `task_file` | name of a task file in one of the folders of `AIRTUNE_TASK_DIRS` |
| `task` | the whole task as an object, instead of `task_file` |
| `max_iterations` | most search trials of this run |
| `timeout_per_iteration` | limit for one trial's start and measuring, s |
| `rerun` | measure again what the study already knows |
| `model_path` | Docker, Kubernetes: folder of the host or nodes in which the model's folder is |
| `namespace` | Kubernetes, OME: namespace of all objects |
| `kubeconfig` | Kubernetes, OME: kubeconfig of the workers, one of `AIRTUNE_KUBECONFIGS` |
| `client` | where genai-bench runs: `cli`, `container`, in OME also `benchmark_job` |

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


def manual(dag_id: str, how: str, example: str) -> str:
    """The manual of the DAG of one launcher."""
    return MANUAL.format(dag_id=dag_id, how=how, example=example)


SWEEP_MANUAL = """\
# {dag_id}

Runs the task file `{file}` of the sweep folder (`AIRTUNE_SWEEP_DIR`) by its schedule, `{cron}` in
{timezone}: each configuration of the task's space is deployed {how}, measured with genai-bench,
and removed. Change the file to change the sweep; remove its `schedule` to end it.

## What a night measures

The baseline and the study's last best configuration, always anew (role `finalist`), and whatever
is new. Other trials with a result are taken from the study.

`reduce` writes the results files and returns the verdict. It also sends an event of the asset
`{asset}`: winner, gain, and whether the verdict has changed. Receivers in the task's `notify` are
told by `notify`, whose own failure does not fail the run.

## Late nights

There is one run at a time, and a time that was missed is not made up for. A night whose time came
while the run before it still went on is skipped. A run triggered by hand is never skipped; it
measures what a night measures, and may override:

| key | meaning |
|---|---|
| `max_iterations` | most search trials of this run |
| `timeout_per_iteration` | limit for one trial's start and measuring, s |
| `rerun` | measure again what the study already knows |
"""


def sweep_manual(sweep: Sweep, how: str) -> str:
    """The manual of one sweep."""
    return SWEEP_MANUAL.format(
        dag_id=sweep.dag_id,
        file=sweep.file,
        cron=sweep.cron,
        timezone=sweep.timezone,
        how=how,
        asset=sweep.asset.name,
    )
