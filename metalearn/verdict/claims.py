"""The one verdict on a registered claim."""

from __future__ import annotations

import math

import numpy as np

from metalearn.claims.statement import Statement, statement_of
from metalearn.config.claims import ClaimConfig
from metalearn.ledger.documents import Registered
from metalearn.ledger.summary import count
from metalearn.verdict.documents import ClaimVerdict, Group, Lead
from metalearn.verdict.leads import cell_lead, group_of
from metalearn.verdict.seeds import Seeds


def verdict_on(registered: Registered, seeds: Seeds) -> ClaimVerdict:
    """The verdict over the final cells of a claim; cells whose family was searched or seen before are left out."""
    claim = ClaimConfig.model_validate(dict(registered.claim))
    statement, opponent = statement_of(claim.statement), opponent_of(claim, seeds)
    missing = {name: seeds.apart.get(name, "not compared") for name in registered.cells if name not in _names(seeds)}
    left_out = {**missing, **registered.left_out}
    taken = [k for k, cell in enumerate(seeds.cells) if cell.name in registered.cells and cell.name not in left_out]
    known = {"id": registered.id, "name": registered.name, "text": registered.text, "registered": registered.time}
    made = ClaimVerdict.model_validate(known | {"outcome": "open", "why": "", "left_out": left_out})
    if not opponent:
        why = "no opponent has a score on select in every run: name the opponents"
        return made.model_copy(update={"why": why})
    if not taken:
        why = f"none of its {count(len(registered.cells), 'cell')} is final"
        return made.model_copy(update={"why": why, "opponent": opponent})
    points, cells = seeds.lead(claim.of, opponent)[taken], [seeds.cells[k] for k in taken]
    leads = [cell_lead(one, cell, seeds.runs[0].config.seed) for one, cell in zip(points, cells)]
    group = group_of(points, cells, leads, statement.reference)
    stated = sum(statement.holds(*bounds(lead)) for lead in leads)
    outcome, why = _outcome(statement, claim.share, stated, group)
    found = {"outcome": outcome, "why": why, "opponent": opponent, "as_stated": stated, "group": group}
    found["reference"] = statement.reference
    return made.model_copy(update=found)


def opponent_of(claim: ClaimConfig, seeds: Seeds) -> str:
    """The opponent of a claim, the best on select of those it names; "" where select does not say."""
    named = [arm for arm in seeds.arms if arm != claim.of] if claim.against == "best" else list(claim.against)
    if unknown := [arm for arm in (claim.of, *named) if arm not in seeds.arms]:
        raise ValueError(f"claims.{claim.name}: no arm '{unknown[0]}' in the comparison; arms: {', '.join(seeds.arms)}")
    scores = seeds.select_scores()
    if len(named) == 1:
        return named[0]
    if claim.against != "best" and any(arm not in scores for arm in named):
        return ""
    return max((arm for arm in named if arm in scores), key=lambda arm: scores[arm], default="")


def bounds(lead: Lead) -> tuple[float, float, float]:
    """Mean, lower and upper bound; infinite bounds where nothing repeats."""
    low = -math.inf if lead.low is None else lead.low
    return lead.mean, low, math.inf if lead.high is None else lead.high


def _names(seeds: Seeds) -> set[str]:
    return {cell.name for cell in seeds.cells}


def _outcome(statement: Statement, share: float | None, stated: int, group: Group) -> tuple[str, str]:
    """The outcome, and the numbers that it rests on."""
    if statement.of_every_cell or share is not None:
        wanted = 1.0 if statement.of_every_cell or share is None else share
        reached = f"{stated} of {count(group.cells, 'cell')} ({100 * stated / group.cells:.0f} %), wanted {100 * wanted:g} %"
        return ("holds" if stated >= np.ceil(wanted * group.cells - 1e-9) else "fails"), reached
    outcome = statement.outcome(*bounds(group.lead))
    if group.lead.low is None:
        return "open", f"mean {group.lead.mean:+.1f}; one family and one search seed have no interval"
    return outcome, f"mean {group.lead.mean:+.1f} [{group.lead.low:+.1f}, {group.lead.high:+.1f}]"
