"""`metalearn export`: take a rule elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from metalearn.cli import Command, consenting, run_folder


@click.command(cls=Command)
@click.argument("run", type=click.Path(), metavar="RUN|rule.json")
@click.option("--to", default="json", show_default=True, help="json, latex, python or torch.")
@click.option("--output", "-o", type=click.Path(), help="File to write; default: print.")
@consenting
def command(run: str, to: str, output: str | None) -> None:
    """Write a rule as JSON, LaTeX, plain Python or a torch file that stands alone."""
    from inner.components import suggest
    from metalearn.rule.export import export as write
    from metalearn.rule.export import known
    from metalearn.rule.file import read
    from metalearn.runs.kinds import class_of

    if to not in known():
        raise ValueError(f"--to: expected one of {', '.join(known())}, got '{to}'{suggest(to, known())}")
    folder = run_folder(run)
    if (folder / "run.sqlite").exists():
        class_of(folder)  # asks for consent to what its config names
    text = write(read(folder), to, Path(output) if output else None)
    click.echo(f"wrote {output}" if output else text)
