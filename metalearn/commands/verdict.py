"""`metalearn verdict`: one verdict over the search seeds of an experiment."""

from __future__ import annotations

from pathlib import Path

import click

from metalearn.cli import Command, consenting, console, run_folder


@click.command(cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN ...] | SWEEP")
@click.option("--to", type=click.Path(file_okay=False), help="Folder for verdict.json, .md and .svg.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole verdict as JSON.")
@consenting
def command(runs: tuple[str, ...], to: str | None, as_json: bool) -> None:
    """Lay the final cells of runs side by side that differ in their seed only, or of a sweep's folder.

    Per cell the paired lead over seeds, groups of cells, registered claims with one verdict each, the run of the median
    search seed, and how stable its numbers are. Opens no cell. Files go to --to; without it to the folder of the sweep
    or of the single run, and for several runs to `verdict` beside the first.
    """
    from metalearn.verdict.output import print_verdict, write
    from metalearn.verdict.seeds import folders_of, read_run
    from metalearn.verdict.verdict import verdict_of

    given = [run_folder(run) for run in runs]
    folders = [folder for run in given for folder in folders_of(run)]
    document = verdict_of([read_run(folder) for folder in folders])
    if not document.cells:
        why = next((f" ('{name}': {why})" for name, why in document.apart.items()), "")
        raise ValueError(f"verdict: no cell measured in accuracy that every run has{why}")
    where = Path(to) if to else given[0] if len(given) == 1 else given[0].parent / "verdict"
    paths = write(document, where, f"Verdict: {', '.join(path.name for path in given)}")
    if as_json:
        import json

        click.echo(json.dumps(document.plain(), indent=2))
        return
    print_verdict(document, console())
    click.echo(f"written {', '.join(str(path) for path in paths)}")
