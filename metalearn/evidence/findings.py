"""Types of what is found out about one rule: controls, ablation, distances; to and from plain JSON."""

from __future__ import annotations

from pydantic import Field

from metalearn.evidence.documents import Document, Interval, Values


class ControlRow(Interval):
    """One control: what was changed, and how the rule did."""

    control: str
    hidden: tuple[int, ...] = ()
    steps: int
    birth: float  # mean score before learning
    chance: float
    failures: int
    weights: int
    expected: str
    verdict: str


class LeftOut(Document):
    """A control that does not apply."""

    control: str
    why: str


class Controls(Document):
    """All controls of one rule."""

    formula: str
    is_learner: bool = False  # formula is the text of a learner that has none
    coefficients: int
    lifetimes: int
    task: str
    metric: str
    rows: tuple[ControlRow, ...]
    skipped: tuple[LeftOut, ...] = ()


class Stage(Interval):
    """One rule on the way from the whole rule to a single term."""

    removed: str
    terms: int
    formula: str
    values: Values
    dropped: float  # before the others were refitted
    lost: float  # to the best stage
    lost_low: float
    lost_high: float


class TermAlone(Document):
    """The score lost when one term of the whole rule goes and nothing is refitted."""

    lost: float
    low: float
    high: float
    term: str


class AblationResult(Document):
    """The stages of an ablation, what each term is worth, and the index of the smallest rule that is as good as the best."""

    stages: tuple[Stage, ...]
    alone: dict[str, TermAlone]
    smallest: int = Field(ge=0)
    lifetimes: int
    generations: int


class DistanceRow(Document):
    """The distance to one named rule; None where there is nothing to compare."""

    rule: str
    terms: float | None = None  # degrees
    behaviour: float | None = None  # degrees
    correlation: float | None = None
    pathway: str = ""


class Distances(Document):
    """The distance of a rule to every named rule, the nearest first."""

    rows: tuple[DistanceRow, ...]
    where: str
