"""`metalearn ledger`: which forms of rules were looked at on which final cells, and what was claimed before."""

from __future__ import annotations

from pathlib import Path

import click

from metalearn.cli import Command, consenting, console, run_folder

ACTIONS = ("show", "add")


@click.command(cls=Command)
@click.argument("arguments", nargs=-1, metavar="[show | add RUN ...]")
@click.option("--file", "path", type=click.Path(dir_okay=False), help="The ledger; default: ledger.jsonl here.")
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON.")
@consenting
def command(arguments: tuple[str, ...], path: str | None, as_json: bool) -> None:
    """Show the ledger of looks, or add the looks and claims of runs to the project's own.

    Every comparison enters itself into runs/ledger.jsonl. `add` copies the entries of runs, or of a sweep with all its
    seeds, to ledger.jsonl of the working folder, which belongs under version control; adding twice changes nothing.
    `show` reads both, or the one file that is given.
    """
    from inner.components import suggest
    from metalearn.ledger import file, summary
    from metalearn.ledger.entry import entries_of

    action, runs = (arguments[0], arguments[1:]) if arguments else ("show", ())
    if action not in ACTIONS:
        raise ValueError(f"ledger: unknown action '{action}'{suggest(action, ACTIONS)}; known: {', '.join(ACTIONS)}")
    if (action == "add") != bool(runs):
        wanted = "at least one run" if action == "add" else "no run"
        raise ValueError(f"ledger {action}: expected {wanted}, got {', '.join(runs) or 'none'}")
    if action == "add":
        where = Path(path or file.NAME)
        found = [entry for run in runs for entry in entries_of(run_folder(run))]
        new = file.append(where, found)
        click.echo(f"{where}: {len(new)} new of {len(found)} entries")
        return
    paths = [Path(path)] if path else [Path(file.NAME), Path("runs") / file.NAME]
    if path and not Path(path).exists():
        raise ValueError(f"ledger: no file {path}")
    tables = summary.summary(file.read_all(paths))
    if as_json:
        import json

        click.echo(json.dumps(tables.plain(), indent=2))
    else:
        summary.print_summary(tables, console())
