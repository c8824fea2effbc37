"""`metalearn baldwin`: what moves from lifetime to genome."""

from __future__ import annotations

from pathlib import Path

import click

from metalearn.cli import Command, console, folder_of, guarded


@click.command(cls=Command)
@click.argument("config")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE ...]")
@click.option("--inheritance", help="Arms, such as darwinian,baldwinian,lamarckian; default: the config's.")
@click.option("--seeds", type=click.IntRange(1), help="Repetitions of every arm; default: the config's.")
@click.option("--name", help="Name of the run's folder; default: the config's name, with a number when it is taken.")
@click.option("--runs", default="runs", show_default=True, help="Folder that holds the runs.")
def command(
    config: str, overrides: tuple[str, ...], inheritance: str | None, seeds: int | None, name: str | None, runs: str
) -> None:
    """Run kinds of inheritance on the same lifetimes, or a study such as papers/hinton_nowlan, and draw the comparison.

    CONFIG is a path or a name from `metalearn list configs`; KEY=VALUE overrides any key of it.
    """
    from metalearn.config.load import load_any
    from metalearn.runs.kinds import create

    changes, arguments = [*overrides], [config, *overrides]
    if inheritance is not None:
        changes.append(f"inheritance.arms=[{inheritance}]")
        arguments += ["--inheritance", inheritance]
    if seeds is not None:
        changes.append(f"inheritance.seeds={seeds}")
        arguments += ["--seeds", str(seeds)]
    if name is not None:
        arguments += ["--name", name]
    folder = folder_of(Path(runs), name, Path(config).stem)
    found = load_any(config, changes)
    from metalearn.config.library import trusting_user

    with trusting_user(found.plain()):
        guarded(folder, create(found, folder, console(), arguments).run)
