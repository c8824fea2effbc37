"""`metalearn compare`: rules against each other on fresh lives."""

from __future__ import annotations

import click

from metalearn.cli import Command, consenting, console


@click.command(cls=Command)
@click.argument("rules", nargs=-1, required=True, metavar="RUN|rule.json ...")
@click.option("--config", "config_name", help="Cells and lifetimes from this config; default: the first run's own.")
@click.option("--lifetimes", type=int, help="Fresh lives per cell.")
@click.option("--seed", type=int, help="Addresses the fresh lives.")
@click.option(
    "--controls", is_flag=True, help="Is it a rule or a stored solution? One rule, one thing changed at a time."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole comparison as JSON.")
@consenting
def command(
    rules: tuple[str, ...],
    config_name: str | None,
    lifetimes: int | None,
    seed: int | None,
    controls: bool,
    as_json: bool,
) -> None:
    """Hold rules against each other on fresh lives of the final tier, paired; the first one is the reference.

    A name from the rule library takes part with its initial values.
    """
    from rich.console import Console

    from metalearn.evidence.rules_from_anywhere import contest, examine

    shown = Console(quiet=True) if as_json else console()
    document = (examine if controls else contest)(rules, config_name, lifetimes, seed, shown)
    if as_json:
        import json

        click.echo(json.dumps(document, indent=2))
    elif controls:
        from metalearn.evidence.controls import print_controls

        print_controls(document, console())
    else:
        from metalearn.report.tables import print_comparison

        print_comparison(document, console())
