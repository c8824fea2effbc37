"""`metalearn bench-searches`: which search is best, at equal cost."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from metalearn.cli import Command, console, folder_of, guarded


@click.command(cls=Command, name="bench-searches")
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [KEY=VALUE ...]")
@click.option("--searches", default="cma,es,ga,hillclimb", show_default=True, help="Names, separated by commas.")
@click.option("--budget", type=float, help="Inner steps of each search and seed; default: what CONFIG's search takes.")
@click.option("--seeds", type=int, default=5, show_default=True, help="Repetitions, each with its own lives.")
@click.option("--set", "changes", multiple=True, metavar="SEARCH.OPTION=VALUE", help="For example: --set es.lr=0.05")
@click.option("--name", help="Name of the run's folder; default: bench-CONFIG, with a number when it is taken.")
@click.option("--runs", default="runs", show_default=True, help="Folder that holds the runs.")
def command(
    arguments: tuple[str, ...],
    searches: str,
    budget: float | None,
    seeds: int,
    changes: tuple[str, ...],
    name: str | None,
    runs: str,
) -> None:
    """Hold searches against each other on one experiment, at an equal number of inner steps.

    Random search and the hand-written rules of CONFIG's comparison always take part; the rules are tuned by CONFIG's
    own search with the same budget. An interrupted comparison goes on with `metalearn resume`.
    """
    from metalearn.config.library import trusting_user
    from metalearn.config.load import load, refuse_genome
    from metalearn.config.variants import refuse_variants

    found = [a for a in arguments if "=" not in a]
    if len(found) > 1:
        raise ValueError(
            f"bench-searches: expected one config, got {', '.join(found)}; overrides are written key=value"
        )
    config_name = found[0] if found else "digits"
    config = load(config_name, [a for a in arguments if "=" in a])
    refuse_genome(config, "bench-searches", "run metalearn baldwin with search=NAME")
    refuse_variants(config, "bench-searches")
    from metalearn.runs.search_bench import BenchRun, plan_of

    plan = plan_of(config, [s.strip() for s in searches.split(",") if s.strip()], budget, seeds, changes)
    options = ["--searches", searches, "--seeds", str(seeds), *(["--budget", f"{budget:g}"] if budget else [])]
    for change in changes:
        options += ["--set", change]
    line = "metalearn bench-searches " + " ".join(shlex.quote(a) for a in [*arguments, *options])
    folder = folder_of(Path(runs), name, f"bench-{Path(config_name).stem}")
    with trusting_user(config.plain(), {"search": list(plan.searches.values())}):
        guarded(folder, BenchRun.create(config, plan, folder, console(), line).run)
