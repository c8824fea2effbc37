"""Reads the runs of one experiment, a search seed each, and lays their final scores side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metalearn.claims.register import METRIC
from metalearn.config.schema import Config, validate
from metalearn.evidence.documents import Cell, Comparison, Selection, Values
from metalearn.ledger.documents import Look, LookedCell, Registered
from metalearn.ledger.entry import claims_in, looks_in
from metalearn.ledger.looks import APART, searched_families
from metalearn.store.run_store import DATABASE, RunError, RunStore

SEED_FOLDER = "seed-"  # and the number


@dataclass(frozen=True)
class SeedRun:
    """What one run says."""

    name: str
    config: Config
    comparison: Comparison
    select: float | None  # score of the winner on the select tier
    claims: tuple[Registered, ...]
    looks: tuple[Look, ...]

    @property
    def values(self) -> Values:
        """The coefficients of the reference."""
        return dict(self.comparison.arms[self.comparison.reference].values)


@dataclass(frozen=True)
class Seeds:
    """The runs in order of their seeds; points [A, C, S, L] of arms, cells, search seeds and lives."""

    runs: tuple[SeedRun, ...]
    arms: tuple[str, ...]  # the reference first
    cells: tuple[LookedCell, ...]
    points: np.ndarray
    apart: Mapping[str, str]

    def lead(self, arm: str, opponent: str) -> np.ndarray:
        """The paired lead in points [C, S, L]."""
        return np.asarray(self.points[self.arms.index(arm)] - self.points[self.arms.index(opponent)])

    def select_scores(self) -> dict[str, float]:
        """Mean scores on the select tier over seeds, of the opponents that have one in every run."""
        found = {}
        for arm in self.arms[1:]:
            scores = [run.comparison.arms[arm].select for run in self.runs]
            if all(score is not None for score in scores):
                found[arm] = float(np.mean([score for score in scores if score is not None]))
        return found


def folders_of(folder: Path) -> list[Path]:
    """The runs of a sweep's folder, or the run itself."""
    inside = sorted(path.parent for path in folder.glob(f"{SEED_FOLDER}*/{DATABASE}"))
    return inside or [folder]


def read_run(folder: Path) -> SeedRun:
    """A run with its comparison. Raises RunError where it has none yet."""
    with RunStore.open(folder, write=False) as store:
        config, stored = store.config, store.get("comparison")
        if stored is None:
            raise RunError(f"run '{folder.name}' has no comparison of final cells yet: metalearn resume {folder}")
        return run_of(folder.name, validate(config), store)


def run_of(name: str, config: Config, store: RunStore) -> SeedRun:
    """What a store with a comparison says."""
    selection = Selection.found(store.get("selection"), "selection")
    score = None if selection is None else selection.score
    comparison = Comparison.read(store.get("comparison") or {}, "comparison")
    return SeedRun(name, config, comparison, score, tuple(claims_in(store)), tuple(looks_in(store)))


def gather(runs: Sequence[SeedRun]) -> Seeds:
    """The runs side by side. Raises ValueError where they are not one experiment under different seeds."""
    runs = sorted(runs, key=lambda run: run.config.seed)
    first = runs[0]
    for one, other in zip(runs, runs[1:]):
        if one.config.seed == other.config.seed:
            raise ValueError(
                f"verdict: expected one run per search seed, got seed {one.config.seed} in '{one.name}' and '{other.name}'"
            )
        if differing := _different(first.config, other.config):
            raise ValueError(
                f"verdict: expected runs of one config, '{first.name}' and '{other.name}' differ in '{differing}'"
            )
    arms = [arm for arm in first.comparison.names if all(arm in run.comparison.arms for run in runs)]
    lost = [arm for run in runs for arm in run.comparison.names if arm not in arms]
    if lost:
        raise ValueError(f"verdict: arm '{lost[0]}' does not take part in every run")
    tables = [{cell.name: cell for cell in run.comparison.cells} for run in runs]
    searched, cells, rows, apart = searched_families(first.config), [], [], dict[str, str]()
    for name in dict.fromkeys(name for table in tables for name in table):
        there = [table[name] for table in tables if name in table]
        if why := _apart(there, len(runs), arms):
            apart[name] = why
            continue
        cells.append(place_of(there[0], searched))
        rows.append([[cell.arms[arm].scores for cell in there] for arm in arms])
    if rows:
        points = 100 * np.array(rows, dtype=np.float64).transpose(1, 0, 2, 3)
    else:
        points = np.zeros((len(arms), 0, len(runs), 0))
    return Seeds(tuple(runs), tuple(arms), tuple(cells), points, apart)


def place_of(cell: Cell, searched: frozenset[str]) -> LookedCell:
    """A stored cell as the ledger knows it; comparisons of an older version name task and network in words only."""
    family = cell.family or cell.task.split(" ")[0]
    hidden = cell.hidden if cell.hidden is not None else _hidden(cell.network)
    return LookedCell(
        family=family,
        task=cell.task,
        network=cell.network,
        hidden=hidden,
        steps=cell.steps,
        batch=cell.batch,
        tier=cell.tier,
        group=cell.group,
        searched=family in searched,
    )


def _hidden(network: str) -> tuple[int, ...]:
    depth, times, width = network.partition(" x ")
    if times and depth.isdigit() and width.isdigit():
        return (int(width),) * int(depth)
    return tuple(int(part) for part in network.split("-") if part.isdigit())


def _apart(cells: Sequence[Cell], runs: int, arms: Sequence[str]) -> str:
    """Why a cell is no part of a verdict; empty where it is."""
    if len(cells) < runs:
        return f"skipped in {runs - len(cells)} of {runs} runs"
    if cells[0].metric != METRIC:
        return f"measured in {cells[0].metric or 'another measure'}, not in {METRIC}"
    counts = {len(cell.arms[arm].scores) for cell in cells for arm in arms if arm in cell.arms}
    if len(counts) != 1 or 0 in counts or any(arm not in cell.arms for cell in cells for arm in arms):
        return "its arms have different numbers of lives"
    return ""


def _different(one: Config, other: Config) -> str:
    left, right = plain_of(one), plain_of(other)
    return next((key for key in dict.fromkeys((*left, *right)) if left.get(key) != right.get(key)), "")


def plain_of(config: Config) -> dict[str, Any]:
    """The keys of a config that runs of one experiment share."""
    return {key: value for key, value in config.plain().items() if key not in APART}
