"""The tables of a verdict as rows of text, and as a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from metalearn.ledger.summary import count
from metalearn.report.tables import title
from metalearn.verdict.documents import ClaimVerdict, Lead, VerdictDocument

DEFINITIONS = (
    "Leads are in points of accuracy, paired life by life. better: lower 95 % bound > 0; not below: upper bound >= 0 and "
    "mean >= -1. Mean leads are over families x search seeds (random effects of both)."
)
Rows = list[list[str]]


def amount(lead: Lead) -> str:
    """A lead with its interval."""
    if lead.low is None or lead.high is None:
        return f"{lead.mean:+.1f}"
    return f"{lead.mean:+.1f} [{lead.low:+.1f}, {lead.high:+.1f}]"


def opponent(document: VerdictDocument, arm: str) -> str:
    """An opponent as people read it; * marks the best on select."""
    return title(arm) + (" *" if arm == document.best else "")


def group_rows(document: VerdictDocument) -> tuple[list[str], Rows]:
    """A row per group and opponent."""
    header = ["cells", "against", "mean lead", "better", "not below", "signs +", "worst cell"]
    rows = []
    for name, against in document.groups.items():
        for arm, group in against.items():
            rows.append(
                [
                    f"{name} ({group.cells} of {count(group.families, 'family')})",
                    opponent(document, arm),
                    amount(group.lead),
                    f"{group.better} ({100 * group.better / group.cells:.0f} %)",
                    f"{group.not_below} ({100 * group.not_below / group.cells:.0f} %)",
                    f"{group.signs.positive}/{group.signs.count}, p {group.signs.p:.2g}",
                    f"{group.worst_lead:+.1f} {group.worst}",
                ]
            )
    return header, rows


def cell_rows(document: VerdictDocument) -> tuple[list[str], Rows]:
    """A row per cell: score, and the lead over the best opponent, or over every one where none is the best."""
    arms = [document.best] if document.best else list(document.opponents)
    header = ["cell", "family", document.subject, *(f"lead over {title(arm)}" for arm in arms), ""]
    rows = []
    for cell in document.cells:
        leads = [cell.leads[arm] for arm in arms]
        marks = [lead.label for lead in leads] + ["searched"] * cell.searched
        rows.append([cell.name, cell.family, f"{cell.score:.1f} %", *map(amount, leads), ", ".join(marks)])
    return header, rows


def claim_lines(claim: ClaimVerdict) -> list[str]:
    """The verdict on a claim, the numbers that it rests on, and what was left out of it."""
    against = f" (opponent: {title(claim.opponent)})" if claim.opponent else ""
    lines = [f"{claim.name}: {claim.outcome.upper()}. {claim.text}{against}: {claim.why}"]
    if claim.group is not None:
        group = claim.group
        signs, alone = group.signs, group.family_signs
        lines.append(
            f"  mean lead {amount(group.lead)} over {count(group.families, 'family')}, {group.over_cells:+.1f} over cells; as stated "
            f"in {claim.as_stated} of {group.cells} cells; above {claim.reference:g} in "
            f"{signs.positive} of {signs.count} families x seeds, sign test p = {signs.p:.2g} "
            f"({alone.positive} of {count(alone.count, 'family')}, p = {alone.p:.2g}); "
            f"worst cell {group.worst_lead:+.1f}: {group.worst}"
        )
    reasons: dict[str, list[str]] = {}
    for name, why in claim.left_out.items():
        reasons.setdefault(why, []).append(name)
    lines += [f"  left out, {why}: {'; '.join(names)}" for why, names in reasons.items()]
    return [*lines, f"  registered {claim.registered} as {claim.id}"]


def seed_rows(document: VerdictDocument) -> tuple[list[str], Rows]:
    """A row per search seed; * marks the median one."""
    rows = [
        [
            row.run + (" *" if row.run == document.median else ""),
            str(row.seed),
            "" if row.select is None else f"{row.select:.4f}",
            row.formula,
        ]
        for row in document.seeds
    ]
    return ["run", "seed", "select", "rule"], rows


def stability_rows(document: VerdictDocument) -> tuple[list[str], Rows]:
    """A row per coefficient."""
    rows = [
        [
            row.name,
            f"{row.mean:+.3g}",
            "" if row.sd is None else f"{row.sd:.2g}",
            f"{100 * row.sign:.0f} %",
            str(row.zeros),
            "of unit length" if row.scaled else "as it is",
        ]
        for row in document.stability
    ]
    return ["term or coefficient", "mean", "sd", "same sign", "pruned", "scale"], rows


def notes(document: VerdictDocument) -> list[str]:
    """Lines under the tables."""
    found = [
        f"{len(document.cells)} final cells, {len(document.seeds)} search seeds, {document.lifetimes} paired lives each."
    ]
    if document.best is not None:
        found.append(f"* best opponent: {title(document.best)}, by its mean score on select, never on final cells.")
    elif document.opponents:
        found.append("No best opponent: not every run holds the scores of its opponents on select.")
    found.append(f"The rule to show is that of the median search seed by its score on select: {document.median}.")
    if 1 < len(document.seeds) < 4:
        found.append("With two or three search seeds intervals may be too short: take five.")
    found += [f"Apart: {name}: {why}" for name, why in document.apart.items()]
    return [DEFINITIONS, *found, *([document.looks] if document.looks else [])]


def markdown(document: VerdictDocument, heading: str) -> str:
    """The whole verdict as a Markdown page."""
    parts = [f"# {heading}", ""]
    if document.claims:
        parts += ["## Claims, registered before the cells were opened", ""]
        for claim in document.claims:
            first, *rest = claim_lines(claim)
            parts += [f"- {first}", *(f"  - {line.strip()}" for line in rest)]
        parts.append("")
    for name, (header, rows) in {
        "Groups of cells": group_rows(document),
        "Cells": cell_rows(document),
        "Search seeds": seed_rows(document),
        "Numbers of the rule over search seeds": stability_rows(document),
    }.items():
        if rows:
            parts += [f"## {name}", "", *_table(header, rows), ""]
    parts += ["![Lead per cell, a dot per search seed](verdict.svg)", ""]
    return "\n".join([*parts, *(f"- {line}" for line in notes(document)), ""])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
