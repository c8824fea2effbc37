"""`metalearn show`: look at a rule."""

from __future__ import annotations

import click

from metalearn.cli import Command, consenting, console, run_folder


@click.command(cls=Command)
@click.argument("run", type=click.Path(), metavar="RUN|rule.json")
@click.option(
    "--ablation", is_flag=True, help="Drop term after term, refit, retrain; takes minutes, is kept in the run."
)
@click.option(
    "--distances", is_flag=True, help="Hold the rule against every named rule; takes seconds, is kept in the run."
)
@click.option("--generations", type=int, help="Of each refit; default: a tenth of the run's.")
@click.option("--kernel", is_flag=True, help="Print how the native engine takes the formula apart, and its C source.")
@consenting
def command(run: str, ablation: bool, distances: bool, generations: int | None, kernel: bool) -> None:
    """Show a rule: formula, coefficients, where it comes from, how it did, and what is known of its terms."""
    if kernel:
        from metalearn.report.kernel import show_kernel

        show_kernel(run_folder(run), console())
        return
    from metalearn.report.printed import show as print_rule
    from metalearn.runs.kinds import class_of

    folder = run_folder(run)
    if ablation or distances:
        from metalearn.evidence.insight import work_out

        work_out(folder, ablation, distances, generations, console())
    if (folder / "run.sqlite").exists():
        class_of(folder).show(folder, console())
    else:
        print_rule(folder, console())
