"""Types of what sweeps, search benches and experiments on inheritance store and show; to and from plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from inner.components import Plain
from metalearn.evidence.documents import Difference, Document, Interval, Values


class SweepSearch(Document):
    """One search of a sweep, and its winner on fresh lives."""

    seed: int
    fitness: float | None = None  # best of the last generation
    seen: float  # score on settings of the search tier
    unseen: float  # score on the final tier
    formula: str
    values: Values
    lifetimes: int
    seconds: float


class SweepRow(Document):
    """All searches at one value of the key."""

    value: str
    runs: tuple[SweepSearch, ...]
    fitness: Interval | None = None
    seen: Interval | None = None
    unseen: Interval | None = None


class Sweep(Document):
    """A search repeated over seeds, and over the values of one key."""

    config: str
    key: str
    seeds: int
    rows: tuple[SweepRow, ...]
    seconds: float


class BenchPlan(Document):
    """The searches and rules that a bench holds against each other."""

    searches: dict[str, Plain]  # name -> component
    rules: tuple[str, ...]
    budget: float  # inner steps of each search and seed
    seeds: int = Field(ge=2)
    marks: int = Field(ge=1)  # points of a curve


class BudgetCurveDocument(Document):
    """One search with one seed: `outer.evidence.budget_curve.BudgetCurve` as it is stored."""

    marks: tuple[float, ...]  # [K] inner steps
    quality: tuple[float, ...]  # [K]
    rows: tuple[dict[str, float], ...]  # per generation
    values: Values
    inner_steps: float
    lifetimes: float
    seconds: float
    ended: str


class BenchCurve(Document):
    """Mean quality over seeds at the marks, with 95 % intervals."""

    inner_steps: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class BenchSeed(Document):
    """One search with one seed, without its rows."""

    quality: tuple[float, ...]
    values: Values
    inner_steps: float
    lifetimes: float
    seconds: float
    ended: str
    generations: int


class BenchArm(Document):
    """One search over all seeds."""

    final: Interval
    over_random: Difference
    curve: BenchCurve
    seeds: tuple[BenchSeed, ...]


class BenchResult(Document):
    """The document of bench.json."""

    format: int = 1
    command: str
    metric: str
    chance: float | None = None
    judged_on: str
    plan: BenchPlan
    arms: dict[str, BenchArm]
    environment: Mapping[str, Any]


class LivedCurves(Document):
    """Fresh lives of some genomes, means over genomes."""

    curve: tuple[tuple[float, ...], ...]  # [L, C] scores
    bits: tuple[float, ...]  # [L] prequential, per sample
    steps: tuple[int, ...]  # [C]


class Outcome(Document):
    """The recommendation of one arm at one seed on fresh lives, and unselected newborns on the same lives."""

    lifetimes: int
    chance: float
    evolved: LivedCurves
    naive: LivedCurves
    means: dict[str, float]


class PopulationCurve(Document):
    """The learning curve of one generation: mean of the population, and the fittest."""

    steps: tuple[int, ...]
    population: tuple[float, ...]
    best: tuple[float, ...]


class JumpDocument(Document):
    """A significant step of the best fitness."""

    generation: int
    size: float
    p: float
