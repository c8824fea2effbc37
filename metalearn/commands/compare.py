"""`metalearn compare`: rules against each other on fresh lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metalearn.cli import Command, consenting, console

if TYPE_CHECKING:
    from metalearn.evidence.documents import Document


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

    from metalearn.evidence.from_anywhere import compare_anything, controls_of_anything

    shown = Console(quiet=True) if as_json else console()
    if controls:
        from metalearn.evidence.controls import print_controls

        tested = controls_of_anything(rules, config_name, lifetimes, seed, shown)
        print_json(tested) if as_json else print_controls(tested, console())
    else:
        from metalearn.report.tables import print_comparison

        compared = compare_anything(rules, config_name, lifetimes, seed, shown)
        print_json(compared) if as_json else print_comparison(compared, console())


def print_json(document: Document) -> None:
    """Print a document as JSON."""
    import json

    click.echo(json.dumps(document.plain(), indent=2))
