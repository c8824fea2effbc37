"""The verdict on the claims of one run, from its store: what its report, its printout and W&B show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from metalearn.config.schema import validate
from metalearn.ledger.entry import claims_in, looks_in
from metalearn.store.run_store import RunStore
from metalearn.verdict.documents import VerdictDocument
from metalearn.verdict.seeds import run_of
from metalearn.verdict.verdict import verdict_of


def judged(store: RunStore, folder: Path) -> VerdictDocument | None:
    """The verdict of a run that has claims and a comparison, over its one search seed; else None."""
    if not claims_in(store) or store.get("comparison") is None:
        return None
    return verdict_of([run_of(folder.name, validate(store.config), store)])


def summary_keys(store: RunStore, folder: Path) -> Mapping[str, float | str]:
    """Keys of a W&B summary: what the ledger knew, and the outcome of every claim."""
    found: dict[str, float | str] = {}
    for look in looks_in(store):
        found["ledger/looks before"] = max((known.looks for known in look.before.values()), default=0)
        found["ledger/forms before"] = max((known.forms for known in look.before.values()), default=0)
    document = judged(store, folder)
    return found if document is None else {**found, **verdict_keys(document)}


def verdict_keys(document: VerdictDocument) -> Mapping[str, float | str]:
    """Keys of a W&B summary: claims, and every group of cells against the best opponent."""
    found: dict[str, float | str] = {f"claim/{claim.name}": claim.outcome for claim in document.claims}
    for name, against in document.groups.items():
        if document.best is not None:
            group = against[document.best]
            found[f"verdict/{name}/lead"] = group.lead.mean
            found[f"verdict/{name}/better"] = group.better / group.cells
            found[f"verdict/{name}/not below"] = group.not_below / group.cells
    return found
