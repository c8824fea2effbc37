"""The page of an experiment with several variants: a section each with its rule, what is shown of it, and its tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from metalearn.evidence.documents import Comparison
from metalearn.report.headline import headline
from metalearn.report.page import conditions, page, repeat, table
from metalearn.report.search_report import NAME, main_tables
from metalearn.report.tables import LEGEND, TRANSFER, title, transfer_rows
from metalearn.store.files import write_text_atomically
from metalearn.store.run_store import RunStore


def write(folder: Path, names: Sequence[str]) -> Path:
    """Write `folder/report.html` from the runs of these names inside it, however far they have come; returns its path."""
    with RunStore.open(folder, write=False) as store:
        command, config, environment = store.typed("command", str, "metalearn search"), store.config, store.environment
    sections = [_section(folder / name) for name in names]
    text = page(
        folder.name,
        f"{folder.name} - {', '.join(names)}",
        f"{len(names)} searches of one experiment: {', '.join(map(title, names))}",
        "Each has a report of its own; baselines that do not depend on what differs were tuned once for all.",
        [_side_by_side(folder, names), *sections, repeat(command), conditions(config, environment)],
    )
    write_text_atomically(folder / NAME, text)
    return folder / NAME


def _side_by_side(folder: Path, names: Sequence[str]) -> str:
    """HTML of the coefficients of all variants where they have the same ones: which change their sign between them."""
    found = [_rule_of(folder / name).get("values") for name in names]
    values: list[dict[str, float]] = [each for each in found if isinstance(each, dict)]
    known = dict.fromkeys(name for each in values for name in each)
    same = len(values) == len(names) > 1 and len({_written(folder / name) for name in names}) == 1
    if not same or not all(isinstance(v, int | float) for each in values for v in each.values()):
        return ""
    rows = []
    for coefficient in known:
        row = [each.get(coefficient, 0.0) for each in values]  # what pruning took away is 0
        flips = min(row) < 0 < max(row)
        rows.append([coefficient, *(f"{value:.3g}" for value in row), "changes its sign" if flips else ""])
    header = ["coefficient", *map(title, names), ""]
    classes = [["", *["num"] * len(names), "better" if row[-1] else ""] for row in rows]
    return f"<section><h2>The same rule, evolved apart</h2>{table(header, rows, classes)}</section>"


def _rule_of(folder: Path) -> dict[str, Any]:
    """The document of a variant's rule.json, empty while there is none."""
    rule = folder / "rule.json"
    document: dict[str, Any] = json.loads(rule.read_text(encoding="utf-8")) if rule.is_file() else {}
    return document


def _written(folder: Path) -> str:
    """The formulas of a variant's config, as they are written."""
    with RunStore.open(folder, write=False) as store:
        rule = store.config.get("rule")
        return json.dumps({key: rule.get(key) for key in ("dw", "family", "layers", "traces")} if isinstance(rule, dict) else rule)


def _section(folder: Path) -> str:
    """HTML of one variant."""
    with RunStore.open(folder, write=False) as store:
        comparison, generations = Comparison.found(store.get("comparison"), "comparison"), store.count
        best = max((m["best"] for m in store.metrics()), default=None)
    document = _rule_of(folder)
    parts = [
        f"<section><h2>{escape(title(folder.name))}</h2>",
        f"<p>{escape(headline(comparison, generations, best))}</p>",
    ]
    if document:
        equals = "" if document.get("learner") else "dw = "
        parts.append(f"<pre>{escape(equals + str(document.get('formula', '')))}</pre>")
    if comparison is not None:
        parts += main_tables(comparison)
        header, rows = transfer_rows(comparison)
        if rows:
            legend = LEGEND.format(reference=title(comparison.reference))
            classes = [["", *["num"] * (len(header) - 1)]] * len(rows)
            parts.append(f'<h3>{TRANSFER}</h3><p class="note">{escape(legend)}</p>{table(header, rows, classes)}')
    parts.append(f'<p><a href="{escape(folder.name)}/{NAME}">The report of this search</a></p></section>')
    return "".join(parts)
