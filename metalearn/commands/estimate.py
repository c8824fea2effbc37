"""`metalearn estimate`: time and memory before a search."""

from __future__ import annotations

import click

from metalearn.cli import Command, console


@click.command(cls=Command)
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [KEY=VALUE ...]")
def command(arguments: tuple[str, ...]) -> None:
    """Predict time and memory of a search from a short calibration on this machine."""
    from metalearn.config.load import load, refuse_genome
    from metalearn.config.variants import variants_of

    names = [a for a in arguments if "=" not in a]
    config = load(names[0] if names else "digits", [a for a in arguments if "=" in a])
    refuse_genome(config, "estimate", "metalearn baldwin shows the time left")
    from metalearn.runs.estimate import estimate as measure

    for name, own in (variants_of(config) or {"": config}).items():
        if name:
            console().print(f"{name} (baselines that variants share are tuned once)", highlight=False)
        measure(own, console())
