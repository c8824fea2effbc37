"""`metalearn report`: write report.html anew."""

from __future__ import annotations

import click

from metalearn.cli import Command, consenting, run_folder


@click.command(cls=Command)
@click.argument("run", type=click.Path())
@consenting
def command(run: str) -> None:
    """Write report.html of a run anew, however far the run has come."""
    from metalearn.runs.kinds import class_of

    folder = run_folder(run)
    click.echo(f"report {class_of(folder).report(folder)}")
