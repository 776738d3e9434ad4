"""A Typer program with 22 empty commands, as many as losscli has losses."""

import typer

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


def nothing() -> None:
    """Do nothing, with a help text of about the usual length."""


for number in range(22):
    app.command(f"command-{number}")(nothing)

app()
