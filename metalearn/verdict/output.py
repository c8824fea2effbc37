"""Prints a verdict, and writes it into a folder: verdict.json, verdict.md, verdict.svg."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metalearn.store.files import one_line_errors, write_text_atomically
from metalearn.verdict.documents import VerdictDocument
from metalearn.verdict.tables import cell_rows, claim_lines, group_rows, markdown, notes, seed_rows, stability_rows


def write(document: VerdictDocument, folder: Path, heading: str) -> list[Path]:
    """Write the three files; returns their paths. Raises RunError where the folder cannot be written."""
    from metalearn.pictures.verdict import picture

    with one_line_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "verdict.json": json.dumps(document.plain(), indent=2) + "\n",
        "verdict.md": markdown(document, heading),
        "verdict.svg": picture(document) + "\n",
    }
    for name, text in texts.items():
        write_text_atomically(folder / name, text)
    return [folder / name for name in texts]


def print_verdict(document: VerdictDocument, console: Any) -> None:
    """Print the tables and the verdicts on claims."""
    for caption, (header, rows) in {
        "cells": cell_rows(document),
        "search seeds": seed_rows(document),
        "numbers of the rule over search seeds": stability_rows(document),
        "groups of cells": group_rows(document),
    }.items():
        if rows:
            console.print(_table(caption, header, rows))
    print_claims(document, console)
    for line in notes(document):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_claims(document: VerdictDocument, console: Any) -> None:
    """Print the verdicts on claims alone."""
    for claim in document.claims:
        for line in claim_lines(claim):
            console.print(line, highlight=False, markup=False, soft_wrap=True)


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(title=caption, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
