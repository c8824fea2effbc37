"""Types of a verdict, stored as verdict.json; all leads are in points of accuracy."""

from __future__ import annotations

from typing import Literal

from metalearn.evidence.documents import Document


class Lead(Document):
    """The lead of the subject over one opponent, with a 95 % interval; one mean per search seed where it is of a cell.

    low and high are None where nothing repeats: one family and one search seed.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    seeds: tuple[float, ...] = ()
    label: str = ""  # better, not below, below


class VerdictCell(Document):
    """One final cell."""

    name: str
    family: str
    depth: int
    width: int
    steps: int | None = None
    group: str = ""
    searched: bool = False
    score: float  # of the subject, in percent
    leads: dict[str, Lead]  # per opponent


class Signs(Document):
    """A sign test."""

    positive: int
    count: int
    p: float


class Group(Document):
    """A group of cells against one opponent; `lead` is the mean over families, whatever their number of cells."""

    cells: int
    families: int
    better: int
    not_below: int  # those that are better among them
    lead: Lead
    over_cells: float  # mean lead over cells
    df: float
    variances: dict[str, float]
    signs: Signs  # families x search seeds
    family_signs: Signs  # families alone: independent of each other
    worst: str  # cell
    worst_lead: float


class ClaimVerdict(Document):
    """One claim with its verdict; `open`: its interval allows both, or no cell is final."""

    id: str
    name: str
    text: str
    registered: str
    outcome: Literal["holds", "fails", "open"]
    why: str
    opponent: str = ""
    left_out: dict[str, str] = {}
    as_stated: int = 0  # cells
    reference: float = 0.0  # lead that the sign tests hold leads against
    group: Group | None = None


class SeedRow(Document):
    """One search seed."""

    run: str
    seed: int
    select: float | None = None
    formula: str


class StableNumber(Document):
    """The number of a term over search seeds, `scaled` by the length of the vector of all; or a coefficient inside one."""

    name: str
    scaled: bool
    mean: float
    sd: float | None = None
    sign: float  # share of the seeds with the more frequent sign; 0 (pruned) counts as a sign of its own
    zeros: int


class VerdictDocument(Document):
    """The document of verdict.json."""

    format: int = 1
    subject: str
    opponents: tuple[str, ...]
    best: str | None = None  # the opponent with the best mean score on select
    select: dict[str, float]  # mean scores on select over seeds
    seeds: tuple[SeedRow, ...]
    median: str  # the run of the median search seed by its score on select
    lifetimes: int
    cells: tuple[VerdictCell, ...]
    apart: dict[str, str] = {}  # cells that are no part of it -> why
    groups: dict[str, dict[str, Group]]  # group -> opponent
    claims: tuple[ClaimVerdict, ...] = ()
    stability: tuple[StableNumber, ...] = ()
    looks: str = ""  # the ledger's sentence
