"""The ``airtune`` command; each subcommand is a module, imported when it is asked for."""


def main() -> None:
    """Entry point of the console script: errors are one message, never a stack trace."""
    from airtune.cli.app import run

    run()
