"""Makes the verdict over the search seeds of one experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metalearn.claims.selector import select
from metalearn.ledger.documents import LookedCell, Registered
from metalearn.ledger.summary import sentence
from metalearn.verdict.claims import verdict_on
from metalearn.verdict.documents import ClaimVerdict, Group, SeedRow, VerdictCell, VerdictDocument
from metalearn.verdict.leads import cell_lead, group_of
from metalearn.verdict.seeds import SeedRun, Seeds, gather
from metalearn.verdict.stability import stability

GROUPS = {"all cells": "all", "depth >= 4": "depth >= 4"}


def verdict_of(runs: Sequence[SeedRun]) -> VerdictDocument:
    """The verdict. Raises ValueError where the runs are not one experiment."""
    seeds = gather(runs)
    subject, opponents, scores = seeds.arms[0], seeds.arms[1:], seeds.select_scores()
    cells, groups = _tables(seeds)
    rows = [
        SeedRow(
            run=run.name,
            seed=run.config.seed,
            select=run.select,
            formula=run.comparison.arms[subject].formula,
        )
        for run in seeds.runs
    ]
    looks = next((look for run in seeds.runs for look in run.looks), None)
    return VerdictDocument(
        subject=subject,
        opponents=opponents,
        best=max(scores, key=lambda arm: scores[arm], default=None),
        select=scores,
        seeds=tuple(rows),
        median=median_run(seeds.runs),
        lifetimes=seeds.points.shape[-1],
        cells=cells,
        apart=dict(seeds.apart),
        groups=groups,
        claims=claims_on(seeds),
        stability=stability(seeds.runs),
        looks="" if looks is None else sentence(looks),
    )


def claims_on(seeds: Seeds) -> tuple[ClaimVerdict, ...]:
    """The verdicts on the claims of the runs; a claim that several runs registered counts from the first."""
    first: dict[str, Registered] = {}
    for claim in sorted((claim for run in seeds.runs for claim in run.claims), key=lambda claim: claim.time):
        first.setdefault(claim.id, claim)
    return tuple(verdict_on(claim, seeds) for claim in first.values())


def median_run(runs: Sequence[SeedRun]) -> str:
    """The run of the median search seed by its score on select, of an even number the lower; without scores the first."""
    ranked = sorted(runs, key=lambda run: (-np.inf if run.select is None else run.select, run.config.seed))
    return ranked[(len(ranked) - 1) // 2].name


def _tables(seeds: Seeds) -> tuple[tuple[VerdictCell, ...], dict[str, dict[str, Group]]]:
    """The cells with their leads over every opponent, and the groups of cells."""
    seed, subject = seeds.runs[0].config.seed, seeds.arms[0]
    points = {arm: seeds.lead(subject, arm) for arm in seeds.arms[1:]}  # [C, S, L]
    leads = {arm: [cell_lead(p, cell, seed) for p, cell in zip(own, seeds.cells)] for arm, own in points.items()}
    cells = tuple(
        VerdictCell(
            name=cell.name,
            family=cell.family,
            depth=len(cell.hidden),
            width=max(cell.hidden, default=0),
            steps=cell.steps,
            group=cell.group,
            searched=cell.searched,
            score=float(seeds.points[0, k].mean()),
            leads={arm: own[k] for arm, own in leads.items()},
        )
        for k, cell in enumerate(seeds.cells)
    )
    groups: dict[str, dict[str, Group]] = {}
    for name, taken in _selected(seeds.cells).items():
        chosen = [seeds.cells[k] for k in taken]
        for arm in points:
            made = group_of(points[arm][taken], chosen, [leads[arm][k] for k in taken])
            groups.setdefault(name, {})[arm] = made
    return cells, groups


def _selected(cells: Sequence[LookedCell]) -> Mapping[str, list[int]]:
    """Group -> indices of its cells; where a family was searched, the cells of the others are a group of their own."""
    found = {name: [k for k, cell in enumerate(cells) if cell in select(cells, text)] for name, text in GROUPS.items()}
    final = [k for k, cell in enumerate(cells) if not cell.searched]
    if len(final) < len(cells):
        found["families never searched"] = final
    return {name: taken for name, taken in found.items() if taken}
