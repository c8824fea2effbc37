"""What a claim says of a lead in points, of one cell or of the mean over families: its definitions in one place.

    better          lower 95 % bound > 0
    not_below       upper bound >= 0 and mean >= -1 point
    above by X      lower bound > X
    no cell below X every cell's mean >= X
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inner.components import suggest

SLACK = 1.0  # points that "not below" allows the mean to be behind
PLAIN = ("better", "not_below")
NUMBERED = ("above by", "no cell below")
Outcome = Literal["holds", "fails", "open"]


@dataclass(frozen=True)
class Statement:
    """A kind of statement, and its number of points."""

    kind: str
    points: float = 0.0

    def against(self, opponent: str) -> str:
        """The statement on an opponent, in words."""
        return {
            "better": f"is better than {opponent}",
            "not_below": f"is not below {opponent}",
            "above by": f"is above {opponent} by {self.points:g} points",
            "no cell below": f"is in no cell below {self.points:+g} points against {opponent}",
        }[self.kind]

    @property
    def of_every_cell(self) -> bool:
        """True where it is about each cell and never about a mean."""
        return self.kind == "no cell below"

    @property
    def reference(self) -> float:
        """The lead that the sign test holds values against."""
        return -SLACK if self.kind == "not_below" else self.points

    def holds(self, mean: float, low: float, high: float) -> bool:
        """True where a lead with this interval is as stated."""
        return {
            "better": low > 0,
            "not_below": high >= 0 and mean >= -SLACK,
            "above by": low > self.points,
            "no cell below": mean >= self.points,
        }[self.kind]

    def outcome(self, mean: float, low: float, high: float) -> Outcome:
        """Of a mean: open where its interval allows both that it is as stated and that it is not."""
        if self.kind == "not_below" or self.holds(mean, low, high):
            return "holds" if self.holds(mean, low, high) else "fails"
        return "fails" if high < self.points else "open"


def statement_of(text: str) -> Statement:
    """The statement in a text. Raises ValueError in one line."""
    said = " ".join(text.replace("_", " ").split())
    for kind in PLAIN:
        if said == kind.replace("_", " "):
            return Statement(kind)
    known = ", ".join((*PLAIN, *(f"{kind} POINTS" for kind in NUMBERED)))
    for kind in NUMBERED:
        if said.startswith(kind + " "):
            number = said.removeprefix(kind).strip().removesuffix("points").removesuffix("point").strip()
            try:
                points = float(number)
            except ValueError:
                points = float("nan")
            if not abs(points) <= 100:
                raise ValueError(f"expected '{kind}' and a number of points from -100 to 100, got '{text[:60]}'")
            return Statement(kind, points)
    raise ValueError(f"expected one of {known}, got '{text[:60]}'{suggest(text, [*PLAIN, *NUMBERED])}")


def label(mean: float, low: float, high: float) -> str:
    """What a cell shows: better, not below, or below."""
    if Statement("better").holds(mean, low, high):
        return "better"
    return "not below" if Statement("not_below").holds(mean, low, high) else "below"
