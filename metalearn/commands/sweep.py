"""`metalearn sweep`: one search over many seeds, and over the values of one key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from metalearn.cli import Command, console, folder_of, guarded

if TYPE_CHECKING:
    from metalearn.config.schema import Config


@click.command(cls=Command)
@click.argument("arguments", nargs=-1, required=True, metavar="CONFIG [KEY=VALUE ...]")
@click.option("--over", metavar="KEY=V1,V2,...", help="Repeat all searches for each of these values of a key.")
@click.option("--seeds", type=int, default=5, show_default=True, help="Searches per value, with seeds counted up.")
@click.option("--variant", help="Of a config with variants the one that is repeated.")
@click.option("--name", help="Keep a whole run per seed, with one verdict over all, in this folder.")
@click.option("--runs", "where", default="runs", show_default=True, help="Folder that holds the runs.")
@click.option("--picture", type=click.Path(dir_okay=False), help="Write the scores as an SVG picture.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole document as JSON.")
def command(
    arguments: tuple[str, ...],
    over: str | None,
    seeds: int,
    variant: str | None,
    name: str | None,
    where: str,
    picture: str | None,
    as_json: bool,
) -> None:
    """Repeat a search over seeds and settings; the winners are scored on fresh lives, seen and unseen settings apart.

    With --name every seed is a whole run with its comparison, claims are registered once for all of them, and the
    verdict of `metalearn verdict` is written; it can be resumed.
    """
    from rich.console import Console

    from metalearn.config.load import load, refuse_genome
    from metalearn.config.variants import refuse_variants, variant_of
    from metalearn.store.files import write_text_atomically

    names = [a for a in arguments if "=" not in a]
    if len(names) != 1:
        raise ValueError(
            f"sweep: expected one config, got {', '.join(names) or 'none'}; overrides are written key=value"
        )
    overrides = [a for a in arguments if "=" in a]
    config = load(names[0], overrides)
    refuse_genome(config, "sweep", "metalearn baldwin repeats it over --seeds")
    if variant is not None:
        if name is None:
            raise ValueError("sweep --variant: for a sweep with a folder, expected --name NAME too")
        config = variant_of(config, variant)
    refuse_variants(config, "sweep", "--variant NAME")
    if name is not None:
        if over or picture or as_json:
            raise ValueError("sweep --name: for one setting; --over, --picture and --json are for sweeps without a folder")
        chosen = [] if variant is None else ["--variant", variant]
        keep(config, seeds, folder_of(Path(where), name, ""), [*arguments, *chosen, "--seeds", str(seeds), "--name", name])
        return
    from metalearn.makers import make_evaluator
    from metalearn.progress import Progress
    from metalearn.runs import sweep as sweeping

    shown = Console(quiet=True) if as_json else console()
    with make_evaluator(config) as evaluator, Progress(shown, "searches", 1) as bar:
        document = sweeping.sweep(names[0], overrides, over, seeds, evaluator, bar.at, console())
    if picture:
        write_text_atomically(Path(picture), sweeping.picture(document) + "\n")
    if as_json:
        import json

        click.echo(json.dumps(document.plain(), indent=2))
        return
    shown.print(sweeping.table(document))
    for row in document.rows:
        for run in row.runs:
            where = f"{row.value} seed {run.seed}" if row.value else f"seed {run.seed}"
            shown.print(f"{where}: {run.unseen:.3f}  {run.formula}", highlight=False, soft_wrap=True)


def keep(config: Config, seeds: int, folder: Path, arguments: list[str]) -> None:
    """Run a sweep that keeps its runs."""
    from metalearn.config.library import trusting_user
    from metalearn.runs.seeds import SeedsRun

    with trusting_user(config.plain()):
        guarded(folder, SeedsRun.create(config, seeds, folder, console(), arguments).run)
