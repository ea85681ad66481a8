"""The command line: what exists, and how errors are told."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from airtune import __version__
from airtune.errors import AirtuneError, SettingsError, TaskError

BAD_INPUT = 2
"""Exit code for what the user has to correct; 1 is for runs and systems that failed."""

app = typer.Typer(
    help="Tune the parameters of LLM inference engines with Apache Airflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Url = Annotated[
    str | None,
    typer.Option(help="Airflow's address; default: the Airflow that `make airflow` started."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


def run() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except (TaskError, SettingsError) as error:
        _fail(str(error), BAD_INPUT)
    except (AirtuneError, OSError) as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except Exception as error:  # the last resort; a bug, but the user still gets one sentence
        _fail(
            f"internal error: {type(error).__name__}: {error}\n"
            "Please report it with the command line and the task file.",
            1,
        )


@app.callback(invoke_without_command=True)
def airtune(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Tune the parameters of LLM inference engines with Apache Airflow."""
    if version:
        typer.echo(f"airtune {__version__}")
        raise typer.Exit


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Task files, JSON or YAML.")],
) -> None:
    """Check task files and say what was understood; needs no Airflow."""
    from airtune.cli.validate import validate_files

    raise typer.Exit(validate_files(files))


@app.command()
def plan(file: Annotated[Path, typer.Argument(help="Task file.")], as_json: AsJson = False) -> None:
    """Show the trials of a task, their command lines and the estimated time."""
    from airtune.cli.plan import show_plan

    show_plan(file, as_json=as_json)


@app.command("run")
def run_task(
    file: Annotated[Path, typer.Argument(help="Task file.")],
    url: Url = None,
    watch: Annotated[bool, typer.Option(help="Show progress until the run ends.")] = True,
    rerun: Annotated[bool, typer.Option("--rerun", help="Measure all anew.")] = False,
) -> None:
    """Run a task in Airflow and watch it.

    The login is AIRTUNE_API_TOKEN, or AIRTUNE_API_USER and AIRTUNE_API_PASSWORD.
    """
    from airtune.cli.run import run_file

    raise typer.Exit(run_file(file, url=url, watch=watch, rerun=rerun))


@app.command()
def results(
    what: Annotated[str, typer.Argument(metavar="FILE|TASK", help="Task file or task name.")],
    as_json: AsJson = False,
) -> None:
    """Show a task's trials and verdict from the store, also of a run that did not end well."""
    from airtune.cli.results import show_results

    show_results(what, as_json=as_json)


@app.command("export")
def export_trial(
    what: Annotated[str, typer.Argument(metavar="FILE|TASK", help="Task file or task name.")],
    form: Annotated[
        Literal["deployment", "inference-service"] | None,
        typer.Option("--as", help="Default: what fits the task's launcher."),
    ] = None,
    trial: Annotated[
        int | None, typer.Option(help="Number of a trial; default: what the verdict recommends.")
    ] = None,
) -> None:
    """Print the best trial for a cluster: Deployment and Service, or InferenceService."""
    from airtune.cli.export import print_export

    print_export(what, form=form, trial_id=trial)


@app.command()
def reap(
    url: Url = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also take leases whose owner's state is unknown.")
    ] = False,
) -> None:
    """End what dead runs left on this host and give their devices back."""
    from airtune.cli.reap import reap_host

    raise typer.Exit(reap_host(url=url, force=force))


def _fail(message: str, code: int) -> None:
    print(f"airtune: {message}", file=sys.stderr)
    sys.exit(code)
