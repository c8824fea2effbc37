"""`metalearn show`: look at a rule."""

from __future__ import annotations

import click

from metalearn.cli import Command, console, run_folder


@click.command(cls=Command)
@click.argument("run", type=click.Path(), metavar="RUN|rule.json")
@click.option("--kernel", is_flag=True, help="Print how the native engine takes the formula apart, and its C source.")
def command(run: str, kernel: bool) -> None:
    """Show a rule: formula, coefficients, where it comes from and how it did."""
    if kernel:
        from metalearn.kernel_view import show_kernel

        show_kernel(run_folder(run), console())
        return
    from metalearn.showing import show as print_rule

    print_rule(run_folder(run), console())
