"""An arm of a comparison: a learner with the values of its coefficients, and the birth of the networks it learns in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inner.learners.base import Learner
from inner.rules.sharing import spread
from metalearn.build import Experiment
from metalearn.evidence.documents import ArmDocument, CellTuning
from metalearn.rule.file import learner_of, text_of
from outer.settings import Setting

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Arm:
    """One participant of a comparison."""

    learner: Learner
    values: Values
    lifetimes: int = 0  # spent on tuning
    birth: str = ""  # of the networks; "" for the config's own
    select: float | None = None  # mean score on the select tier, where it was tuned
    offered: int | None = None  # lifetimes that tuning might have spent; None: unknown
    cells: Mapping[str, CellTuning] = field(default_factory=dict)  # tuned for each cell alone, by its name

    def at(self, cell: str) -> Arm | None:
        """The arm as it lives in a cell; None where it was not tuned for this one."""
        if not self.cells:
            return self
        own = self.cells.get(cell)
        return None if own is None else replace(self, values=own.values, birth=own.birth, cells={})

    def setting(self, experiment: Experiment, setting: Setting) -> Setting:
        """The setting with the arm's own birth. Raises ValueError where the learner cannot live in it."""
        own = experiment.born(setting, self.birth)
        check_fit(self.learner, self.values, own)
        return own

    def document(self) -> ArmDocument:
        """The arm as it is stored."""
        rule, values = self.learner.formula, dict(self.values)
        text = text_of(self.learner, values) if rule is None else rule.with_values(values)
        if self.cells:  # there are other numbers in each
            text = self.learner.name.replace("_", " ") if rule is None else "; ".join(rule.formulas.values())
        common = ArmDocument(
            formula=text,
            values=values,
            lifetimes=self.lifetimes,
            select=self.select,
            offered=self.offered,
            birth=self.birth,
            cells=dict(self.cells),
        )
        if rule is None:
            return common.model_copy(update={"learner": self.learner.plain()})
        parts = {"rule": rule.to_dict(), "latex": rule.latex(), "pathway": rule.pathway}
        return common.model_copy(update=parts)

    @classmethod
    def of(cls, document: ArmDocument) -> Arm:
        """The arm of a stored one. Raises ValueError for a learner that cannot be read."""
        plain = {"learner": document.learner} if document.learner is not None else document.rule
        return cls(
            learner_of(plain),
            dict(document.values),
            document.lifetimes or 0,
            document.birth,
            document.select,
            document.offered,
            document.cells,
        )


def check_fit(learner: Learner, values: Values, setting: Setting) -> None:
    """Raise ValueError where a learner cannot live in a setting, or its values belong to networks of another shape."""
    placed = learner.on(setting.network)
    if why := placed.accepts(setting.spec):
        raise ValueError(f"learner '{learner.name}': {why}")
    if spread(learner.coefficients):
        placed.flat(values, setting.spec)
