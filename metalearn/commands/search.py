"""`metalearn search`: the main job."""

from __future__ import annotations

from pathlib import Path

import click

from metalearn.cli import Command, console, folder_of, guarded


@click.command(cls=Command)
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [KEY=VALUE ...]")
@click.option("--name", help="Name of the run's folder; default: the config's name, with a number when it is taken.")
@click.option("--runs", default="runs", show_default=True, help="Folder that holds the runs.")
def command(arguments: tuple[str, ...], name: str | None, runs: str) -> None:
    """Search for a rule, hold it against tuned baselines, and write a report.

    CONFIG is a path or a name from `metalearn list configs` (default: default, two rules). KEY=VALUE overrides any key of it,
    for example: search=es search.popsize=8 lifetimes=2 seed=3 rule.dw='eta*err*pre'.
    """
    from metalearn.config.load import inherits, load

    names = [a for a in arguments if "=" not in a]
    if len(names) > 1:
        raise ValueError(f"search: expected one config, got {', '.join(names)}; overrides are written key=value")
    config_name = names[0] if names else "default"
    overrides = [a for a in arguments if "=" in a]
    folder = folder_of(Path(runs), name, Path(config_name).stem)
    if inherits(config_name):  # what evolves is more than a rule
        from metalearn.config.library import trusting_user
        from metalearn.config.load import load_any
        from metalearn.runs.kinds import create

        found = load_any(config_name, overrides)
        with trusting_user(found.plain()):
            guarded(folder, create(found, folder, console(), [*arguments]).run)
        return
    config = load(config_name, overrides)
    from metalearn.config.library import trusting_user
    from metalearn.runs.kinds import search_of

    with trusting_user(config.plain()):
        experiment = search_of(config, folder, console(), [*arguments, *(["--name", name] if name else [])])
        guarded(folder, experiment.run)
