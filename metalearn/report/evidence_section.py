"""The part of a report on its claims, and on how often its final cells have been looked at, by how many forms."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from metalearn.ledger.documents import Look
from metalearn.ledger.summary import count, sentence, times
from metalearn.report.page import table
from metalearn.verdict.documents import VerdictDocument
from metalearn.verdict.tables import claim_lines


def evidence_section(looks: Sequence[Look], verdict: VerdictDocument | None = None) -> str:
    """HTML of the verdicts on claims, and of the ledger's part on this run; empty for runs without them."""
    return _claims(verdict) + _looks(looks)


def _claims(verdict: VerdictDocument | None) -> str:
    if verdict is None or not verdict.claims:
        return ""
    lines = []
    for claim in verdict.claims:
        first, *rest = claim_lines(claim)
        lines.append(f"<li>{escape(first)}<br>" + "<br>".join(escape(line.strip()) for line in rest) + "</li>")
    note = "Written down before the search began. One search seed: a verdict over several is that of a sweep."
    return f'<section><h2>Claims</h2><ul>{"".join(lines)}</ul><p class="note">{note}</p></section>'


def _looks(looks: Sequence[Look]) -> str:
    if not looks:
        return ""
    look = looks[-1]
    rows = []
    for family in look.families:
        cells = [cell for cell in look.cells if cell.family == family and cell.tier == "final"]
        known = look.before.get(family)
        before = "" if known is None else times(known.looks) if known.looks else "never"
        forms = "" if known is None or not known.looks else count(known.forms, "form")
        state = "searched: not final" if any(cell.searched for cell in cells) else ""
        rows.append([family, str(len(cells)), before, forms, state])
    form = look.forms[0]
    return (
        "<section><h2>Looks at these cells</h2>"
        f"<p>{escape(sentence(look))} Form {escape(form.hash)}: <code>{escape(form.text)}</code>.</p>"
        + table(
            ["family of cells", "cells", "looked at before", "by", ""], rows, [["", "num", "num", "num", ""]] * len(rows)
        )
        + f'<p class="note">Entered in the ledger at {escape(look.time)}, before the lives were lived.</p></section>'
    )
