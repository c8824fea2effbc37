"""Gathers what the report of a run shows from its store, however far the run has come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from metalearn.evidence.documents import Comparison, Selection
from metalearn.evidence.findings import AblationResult, Distances
from metalearn.ledger.entry import looks_in
from metalearn.report.search_report import write_report
from metalearn.store.run_store import RunStore
from metalearn.verdict.of_run import judged
from outer.generation import Generation


def write_report_of(store: RunStore, folder: Path, generations: Sequence[Generation] | None = None) -> Path:
    """Write report.html from what a run holds, however far it has come."""
    path = folder / "rule.json"
    rule = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return write_report(
        folder,
        store.config,
        store.environment,
        store.generations() if generations is None else generations,
        rule,
        Comparison.found(store.get("comparison"), "comparison"),
        Selection.found(store.get("selection"), "selection"),
        store.typed("command", str, "metalearn search"),
        AblationResult.found(store.get("ablation"), "ablation"),
        Distances.found(store.get("distances"), "distances"),
        looks_in(store),
        judged(store, folder),
    )
