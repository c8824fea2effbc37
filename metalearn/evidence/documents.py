"""Types of what a run stores and shows: selection and comparison; to and from plain JSON.

Reading checks every field by its type; keys that this version does not know are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from metalearn.store.files import RunError

if TYPE_CHECKING:
    from typing import Self

Values = dict[str, float | list[float]]  # per coefficient a number, or a list where it has a value per layer or synapse
Verdict = Literal["better", "worse", "not distinguishable"]


class Document(BaseModel):
    """A frozen value that is stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def read(cls, content: object, name: str) -> Self:
        """The document in plain JSON types. Raises RunError, in one line, for a wrong shape."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])[:80]
            message = first["msg"][:1].lower() + first["msg"][1:]
            raise RunError(f"document '{name}': {where or 'the whole'}: {message[:160]}; it is damaged") from None

    @classmethod
    def found(cls, content: object, name: str) -> Self | None:
        """As `read`; None where nothing is stored yet."""
        return None if content is None else cls.read(content, name)

    def plain(self) -> Mapping[str, Any]:
        """JSON types only; `read` gives the same document back."""
        return self.model_dump(mode="json", exclude_none=True)


class Interval(Document):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


class Pruned(Document):
    """A coefficient that pruning took away, and the score on the select tier without it."""

    removed: str
    score: float


class FrontRow(Document):
    """The best program of one complexity."""

    complexity: int
    score: float
    formula: str


class Selection(Document):
    """The winner of a search: its values, and the scores that it was chosen by."""

    values: Values
    whole: Values | None = None  # before pruning
    pruning: tuple[Pruned, ...] = ()
    score: float | None = None  # on the select tier
    finalists: int = 0
    lifetimes: int = 0
    scores: tuple[float, ...] = ()  # of the finalists
    chosen: int = 0
    birth: str = ""  # of the networks in which the winner did best; "" for the config's own
    births: dict[str, float] = Field(default_factory=dict)  # per birth the score of its best finalist
    front: tuple[FrontRow, ...] | None = None  # of a program search
    rule: Mapping[str, Any] | None = None  # that a program search has found


class Curve(Document):
    """A learning curve: the score at some training steps."""

    steps: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class ArmScores(Interval):
    """The scores of one arm in one cell, a number per life."""

    scores: tuple[float, ...] = ()
    failures: int = 0
    curve: Curve | None = None
    regret: Curve | None = None  # what the ceiling has earned more, summed over steps, where the world has a ceiling


class Difference(Interval):
    """The reference minus an arm, paired life by life."""

    verdict: Verdict | Literal[""] = ""

    @property
    def shown(self) -> Verdict:
        """The stored verdict, never stronger than what the interval shows."""
        found = verdict(self.low, self.high)
        return found if self.verdict in ("", found) else "not distinguishable"


def verdict(low: float, high: float) -> Verdict:
    """The sentence that an interval of a difference supports."""
    return "better" if low > 0 else "worse" if high < 0 else "not distinguishable"


class Cell(Document):
    """One cell of a comparison: all arms on the same fresh lives."""

    name: str
    group: str = "main"  # or transfer
    tier: str = "final"
    task: str = ""
    network: str = ""
    family: str = ""  # of the task; "" in comparisons of an older version
    hidden: tuple[int, ...] | None = None  # None in those too
    steps: int | None = None
    batch: int = 1
    lifetimes: int | None = None
    chance: float | None = None
    metric: str = ""
    ceiling: float | None = None  # mean score of an actor that knows the world
    arms: dict[str, ArmScores]
    differences: dict[str, Difference] = Field(default_factory=dict)

    @property
    def best(self) -> str | None:
        """The arm with the highest mean score."""
        return max(self.arms, key=lambda arm: self.arms[arm].mean) if self.arms else None

    def verdict(self, arm: str) -> Verdict | Literal[""]:
        """The verdict on the reference against an arm; "" where they were not compared."""
        return self.differences[arm].shown if arm in self.differences else ""


class CellTuning(Document):
    """What an arm that is tuned for each cell alone lives with in one of them."""

    values: Values
    birth: str = ""
    lifetimes: int = 0  # spent on tuning for this cell
    select: float | None = None  # mean score on select-tier lives of the cell


class ArmDocument(Document):
    """One participant of a comparison: rule or learner, and values."""

    formula: str = ""
    rule: Mapping[str, Any] = Field(default_factory=dict)  # empty where the learner has none
    learner: Mapping[str, Any] | None = None  # the component, where it is no rule
    latex: str = ""
    pathway: str = ""
    values: Values = Field(default_factory=dict)
    lifetimes: int | None = None  # spent on tuning
    offered: int | None = None  # that tuning might have spent
    select: float | None = None  # mean score on the select tier, where it was tuned
    birth: str = ""  # of its networks; "" for the run's own
    cells: dict[str, CellTuning] = Field(default_factory=dict)  # by name of the cell, where it is tuned for each alone


class Skipped(Document):
    """A transfer cell that was not run."""

    cell: str
    why: str


class Comparison(Document):
    """All arms, one after the other, in all cells; differences are those of the reference."""

    arms: dict[str, ArmDocument] = Field(default_factory=dict)
    reference: str = "evolved"
    cells: tuple[Cell, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    seconds: float | None = None

    @property
    def names(self) -> list[str]:
        """Arms in the order of the comparison, its reference first."""
        unique = list(dict.fromkeys([*self.arms, *(arm for cell in self.cells for arm in cell.arms)]))
        return [arm for arm in unique if arm == self.reference] + [arm for arm in unique if arm != self.reference]

    @property
    def same_budget(self) -> list[str]:
        """Arms that were tuned once for all cells, with the budget of the reference."""
        return [arm for arm in self.names if arm not in self.arms or not self.arms[arm].cells]

    def group(self, name: str) -> list[Cell]:
        """The cells of one group, "main" or "transfer"."""
        return [cell for cell in self.cells if cell.group == name]
