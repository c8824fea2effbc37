"""Leads of the subject: per cell over search seeds and lives, and of groups of cells over families and search seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metalearn.claims.statement import label
from metalearn.ledger.documents import LookedCell
from metalearn.verdict.documents import Group, Lead, Signs
from outer.evidence.fresh_lives import bootstrap_interval
from outer.evidence.random_effects import Estimate, crossed, nested
from outer.evidence.sign_test import sign_test


def cell_lead(points: np.ndarray, cell: LookedCell, seed: int) -> Lead:
    """The lead in one cell, points [S, L]. A single seed has the bootstrap interval that its comparison shows."""
    if len(points) == 1:
        mean, low, high = (100 * value for value in bootstrap_interval(points[0] / 100, seed, cell.name, "difference"))
    else:
        found = nested(points)
        mean, low, high = found.mean, found.low, found.high
    seeds = tuple(points.mean(1).tolist())
    return Lead(mean=mean, low=low, high=high, seeds=seeds, label=label(mean, low, high))


def family_means(points: np.ndarray, cells: Sequence[LookedCell]) -> np.ndarray:
    """Leads [F, S] of families, each the mean over its cells, of points [C, S, L]."""
    families = list(dict.fromkeys(cell.family for cell in cells))
    means = points.mean(2)
    own = [np.array([cell.family == family for cell in cells]) for family in families]
    return np.stack([means[mask].mean(0) for mask in own])


def group_of(points: np.ndarray, cells: Sequence[LookedCell], leads: Sequence[Lead], reference: float = 0.0) -> Group:
    """A group of cells with points [C, S, L] and their leads; the sign tests hold leads against `reference`."""
    means = family_means(points, cells)
    found = crossed(means)
    worst = int(np.argmin([lead.mean for lead in leads]))
    return Group(
        cells=len(cells),
        families=len(means),
        better=sum(lead.label == "better" for lead in leads),
        not_below=sum(lead.label in ("better", "not below") for lead in leads),
        lead=_lead(found),
        over_cells=float(points.mean()),
        df=found.df,
        variances=found.variances,
        signs=_signs(means, reference),
        family_signs=_signs(means.mean(1), reference),
        worst=cells[worst].name,
        worst_lead=leads[worst].mean,
    )


def _lead(found: Estimate) -> Lead:
    bounded = found.df > 0
    return Lead(mean=found.mean, low=found.low if bounded else None, high=found.high if bounded else None)


def _signs(values: np.ndarray, reference: float) -> Signs:
    test = sign_test(values, reference)
    return Signs(positive=test.positive, count=test.count, p=test.p)
