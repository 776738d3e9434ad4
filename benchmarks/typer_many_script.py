"""As many commands as losscli has, empty, in plain Typer."""

import typer

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


def nothing() -> None:
    """Does nothing at all, and says so in a line of ordinary length."""


for number in range(22):
    app.command(f"command-{number}")(nothing)

app()
