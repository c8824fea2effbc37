"""`metalearn show`: look at a rule."""

from __future__ import annotations

import click

from metalearn.cli import Command, console, run_folder


@click.command(cls=Command)
@click.argument("run", type=click.Path(), metavar="RUN|rule.json")
def command(run: str) -> None:
    """Show a rule: formula, coefficients, where it comes from and how it did."""
    from metalearn.baldwin_start import show
    from metalearn.showing import show as print_rule

    if not show(run_folder(run), console()):
        print_rule(run_folder(run), console())
