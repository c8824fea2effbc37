"""`metalearn league`: which way of learning is best at what, every one of them tuned alike."""

from __future__ import annotations

from pathlib import Path

import click

from metalearn.cli import Command, console, folder_of, guarded


@click.command(cls=Command)
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [KEY=VALUE ...]")
@click.option("--name", help="Name of the run's folder; default: the config's name, with a number when it is taken.")
@click.option("--runs", default="runs", show_default=True, help="Folder that holds the runs.")
def command(arguments: tuple[str, ...], name: str | None, runs: str) -> None:
    """Tune learners with one search and one budget each, hold them against each other, and write a page.

    CONFIG is a path or a name (default: league); KEY=VALUE overrides any key of it, for example:
    passes=500 'learners=[backprop, weight_perturbation]'. An interrupted league goes on with `metalearn resume`.
    """
    from metalearn.config.league import load_league
    from metalearn.config.library import trusting_user

    configs = [a for a in arguments if "=" not in a]
    if len(configs) > 1:
        raise ValueError(f"league: expected one config, got {', '.join(configs)}; overrides are written key=value")
    config_name = configs[0] if configs else "league"
    config = load_league(config_name, [a for a in arguments if "=" in a])
    folder = folder_of(Path(runs), name, Path(config_name).stem)
    from metalearn.runs.league import LeagueRun

    named = [{"name": spec} if isinstance(spec, str) else spec for spec in config.learners if config.learners != "all"]
    with trusting_user({"learner": named}, config.plain()):
        line = [*arguments, *(["--name", name] if name else [])]
        guarded(folder, LeagueRun.create(config, folder, console(), line).run)
