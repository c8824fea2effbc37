"""Types of what a league stores and shows: entrants, their tuned values, their fresh lives, their memory; JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inner.components import Plain
from metalearn.evidence.documents import Difference, Document, Interval, Values


class CellPlan(Document):
    """A data set, a network and a length of life."""

    name: str
    task: Plain
    hidden: tuple[int, ...]
    passes: int
    metric: str
    chance: float
    best: float  # a perfect score
    threshold: float  # the score that costs are counted to

    @property
    def layers(self) -> str:
        """The hidden layers in words."""
        return f"{len(self.hidden)} x {self.hidden[0]}" if self.hidden else "no hidden layer"


class Entrant(Document):
    """A learner in the league, as it says of itself."""

    learner: Plain
    knows: tuple[str, ...]  # what a synapse must know
    source: str = ""
    engine: str = ""
    why: str = ""  # not native
    pathway: str = ""


class LeaguePlan(Document):
    """Entrants and cells with nothing left to look up: a run does not change when the library does."""

    entrants: dict[str, Entrant]
    cells: tuple[CellPlan, ...]
    batch: int
    left_out: dict[str, str] = {}  # of `learners: all` those that cannot live in every cell, and why


class Tuning(Document):
    """One learner tuned in networks of one birth."""

    values: Values
    lifetimes: int
    select: float | None = None  # on the select tier; None where there was nothing to tune


class Price(Document):
    """A step, as the learner declares it."""

    passes: float
    multiply_adds: float  # of one sample
    steps: int  # of a life
    floats: float = 0.0  # that must be kept while the step is computed, per sample
    state: float = 0.0  # that are kept between steps


class LeagueLives(Document):
    """The fresh lives of one learner in one cell."""

    price: Price
    birth: str = ""
    scores: tuple[float, ...]  # [L]
    alive: tuple[bool, ...]  # [L]
    steps: tuple[int, ...]  # [C], at which networks were tested
    curve: tuple[tuple[float, ...], ...]  # [L][C]


class Memory(Document):
    """Peak bytes of a step of one network, counted, by depth; None where the learner cannot live in such a network."""

    peak: tuple[float | None, ...]
    weights: tuple[float, ...]  # bytes of the weights alone


class ToThreshold(Document):
    """A cost at which the threshold is reached: the median over lives, None where fewer than half of them reach it."""

    median: float | None = None
    low: float | None = None
    high: float | None = None  # None: the interval is open above


class Costs(Document):
    """The price of reaching the threshold of a cell."""

    reached: int  # lives
    samples: ToThreshold
    passes: ToThreshold
    multiply_adds: ToThreshold


class Place(Document):
    """One learner in one cell."""

    score: Interval
    costs: Costs
    failures: int  # lives that left the finite range
    chance: int  # lives that ended no better than chance


class Standing(Document):
    """One learner over all cells."""

    mean: Interval  # of scores
    rank: Interval  # mean over cells and lives; 1 is the best
    behind: Difference | None = None  # the leader minus this one, paired life by life; None for the leader
    birth: str = ""
    values: Values = {}
    text: str = ""
    lifetimes: int = 0  # spent on tuning
    select: float | None = None
    places: dict[str, Place] = {}  # by cell
    curve: tuple[tuple[float, float, float], ...] = ()  # (share of a life, mean score over cells, multiply-adds), mean over cells


class LeagueResult(Document):
    """The league table and everything beside it: the document of league.json."""

    format: int = 1
    command: str = ""
    plan: LeaguePlan
    memory_depths: tuple[int, ...] = ()
    lifetimes: int  # fresh, per cell
    offered: int  # lifetimes of tuning that each learner was offered
    standings: dict[str, Standing]  # the best rank first
    memory: dict[str, Memory] = {}
    seconds: float | None = None
    environment: Mapping[str, Any] = {}

    @property
    def leader(self) -> str:
        """The learner with the best mean score."""
        return max(self.standings, key=lambda name: self.standings[name].mean.mean)
