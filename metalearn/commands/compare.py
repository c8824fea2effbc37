"""`metalearn compare`: rules against each other on fresh lives."""

from __future__ import annotations

import click

from metalearn.cli import Command, console


@click.command(cls=Command)
@click.argument("rules", nargs=-1, required=True, metavar="RUN|rule.json ...")
@click.option("--config", "config_name", help="Cells and lifetimes from this config; default: the first run's own.")
@click.option("--lifetimes", type=int, help="Fresh lives per cell.")
@click.option("--seed", type=int, help="Addresses the fresh lives.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole comparison as JSON.")
def command(
    rules: tuple[str, ...], config_name: str | None, lifetimes: int | None, seed: int | None, as_json: bool
) -> None:
    """Hold rules against each other on fresh lives of the final tier, paired; the first one is the reference.

    A name from the rule library takes part with its initial values.
    """
    from rich.console import Console

    from metalearn.contest import contest

    document = contest(rules, config_name, lifetimes, seed, Console(quiet=True) if as_json else console())
    if as_json:
        import json

        click.echo(json.dumps(document, indent=2))
        return
    from metalearn.tables import print_comparison

    print_comparison(document, console())
