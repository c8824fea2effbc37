"""`metalearn resume`: go on with an interrupted run."""

from __future__ import annotations

import click

from metalearn.cli import Command, consenting, console, guarded, run_folder


@click.command(cls=Command)
@click.argument("run", type=click.Path())
@consenting
def command(run: str) -> None:
    """Go on with a run that was interrupted: the result is bit for bit that of the uninterrupted run."""
    from metalearn.runs.kinds import class_of

    folder = run_folder(run)
    from metalearn.config.library import trusting_user
    from metalearn.store.environment import describe, differences

    with trusting_user():
        run_found = class_of(folder).open(folder, console())
        for line in differences(run_found.store.environment, describe()):
            click.echo(f"warning: {line}", err=True)
        guarded(folder, run_found.run)
