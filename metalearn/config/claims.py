"""The config section `claims`: what will be said of the final cells, written down before they are opened."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from metalearn.claims.selector import conditions
from metalearn.claims.statement import statement_of
from metalearn.config.sections import Section

NAME = r"^[A-Za-z0-9][A-Za-z0-9_. -]*$"


class ClaimConfig(Section):
    """One claim on the lead of an arm over an opponent, in points."""

    name: str = Field(pattern=NAME, max_length=60, description="a short name")
    statement: str = Field(description="better, not_below, above by POINTS, or no cell below POINTS")
    of: str = Field("evolved", description="the arm that the claim is about")
    against: Literal["best"] | tuple[str, ...] = Field(
        "best", description="best: the opponent with the best score on select; or names, of which the best on select"
    )
    cells: str | tuple[str, ...] = Field(
        "all", description="all, conditions such as 'depth >= 4 and width < 100', or a list of families"
    )
    share: float | None = Field(
        None, gt=0, le=1, description="share of the cells in which it must hold; default: it is about their mean"
    )

    @field_validator("statement")
    @classmethod
    def _statement(cls, value: str) -> str:
        statement_of(value)
        return value

    @field_validator("cells")
    @classmethod
    def _cells(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        conditions(value)
        return value

    @field_validator("against")
    @classmethod
    def _against(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not value:
            raise ValueError("expected best, or at least one arm")
        return value
