"""Types of the ledger: a form, a cell that was looked at, a look, and a claim that was registered before one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from inner.components import Plain
from metalearn.evidence.documents import Document


class Form(Document):
    """A rule or another learner without the values of its coefficients."""

    text: str
    hash: str  # of the text


class LookedCell(Document):
    """A cell of a comparison as the ledger knows it."""

    family: str  # of the task: a new draw of the same generator is the same family
    task: str  # with its options
    network: str
    hidden: tuple[int, ...] = ()
    steps: int | None = None
    batch: int = 1
    tier: str = "final"
    group: str = ""
    searched: bool = False  # True where search or select of the same run drew from the family

    @property
    def name(self) -> str:
        """As the comparison names it."""
        steps = "" if self.steps is None else f", {self.steps} steps" + (f" of {self.batch}" if self.batch > 1 else "")
        return f"{self.task}, {self.network}{steps}"


class Before(Document):
    """How often a family had been looked at before, by how many forms; `unclaimed`: looks that no claim announced."""

    looks: int = 0
    forms: int = 0
    unclaimed: int = 0


class Look(Document):
    """One comparison that opened final cells, entered before the lives are lived."""

    kind: Literal["look"] = "look"
    id: str
    time: str  # ISO 8601, UTC
    run: str
    group: str = ""  # the sweep of the run: its seeds are one experiment
    config: str = ""  # digest
    seed: int | None = None
    lifetimes: int | None = None
    forms: tuple[Form, ...]  # the reference first
    against: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()  # ids of the claims that it opens
    cells: tuple[LookedCell, ...]
    before: dict[str, Before] = Field(default_factory=dict)  # per family
    note: str = ""

    @property
    def families(self) -> tuple[str, ...]:
        """The families of its final cells."""
        return tuple(dict.fromkeys(cell.family for cell in self.cells if cell.tier == "final"))

    @property
    def experiment(self) -> str:
        """What counts as one look: a sweep, or a run alone."""
        return self.group or self.id


class Registered(Document):
    """A claim with the final cells that it is about, entered before they are opened."""

    kind: Literal["claim"] = "claim"
    id: str  # hash of the claim, its cells and the config without the seed
    time: str
    run: str
    group: str = ""
    config: str = ""
    name: str
    text: str  # in words
    claim: Plain
    cells: tuple[str, ...]  # names, of all that the selector takes
    left_out: dict[str, str] = Field(default_factory=dict)  # name of a cell that is not final -> why

    @property
    def experiment(self) -> str:
        """The sweep or the run that registered it; a new run of an old name is another one."""
        return self.group or f"{self.run} {self.time}"


Entry = Look | Registered
