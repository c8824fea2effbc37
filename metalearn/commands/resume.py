"""`metalearn resume`: go on with an interrupted run."""

from __future__ import annotations

import click

from metalearn.cli import Command, console, guarded, run_folder


@click.command(cls=Command)
@click.argument("run", type=click.Path())
def command(run: str) -> None:
    """Go on with a run that was interrupted: the result is bit for bit that of the uninterrupted run."""
    from metalearn.runs.kinds import reopen

    folder = run_folder(run)
    experiment = reopen(folder, console())
    from metalearn.store.environment import describe, differences

    for line in differences(experiment.store.environment, describe()):
        click.echo(f"warning: {line}", err=True)
    guarded(folder, experiment.run)
