"""A reference learner: candidates are scored by their lead over it in the same world.

    score of a life = measure of the candidate - measure of the reference,    same task, data, seed and initial weights

Common random numbers take what is easy or hard about a world out of the score. The reference lives once per world,
whatever the population; its lives are not counted among those of the candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import torch

from inner.learners.base import Learner
from outer.settings import Setting

if TYPE_CHECKING:
    from torch import Tensor

    from outer.objective import Lived, Objective


@dataclass(frozen=True)
class Reference:
    """A learner with given values of its coefficients."""

    learner: Learner
    values: Mapping[str, Any]
    birth: str = ""  # of its networks, whatever the birth of the candidates' is; "": that of the setting

    def placed(self, setting: Setting) -> tuple[Learner, Tensor, Setting]:
        """The learner in a setting, theta [1, C], and the setting with the reference's own birth."""
        if self.birth:
            setting = replace(setting, network=replace(cast(Any, setting.network), birth=self.birth))
        learner = self.learner.on(setting.network)
        return learner, torch.from_numpy(learner.flat(self.values, setting.spec)[None]), setting


@dataclass
class Remembered:
    """The reference's lives of the latest worlds: what asks again for the same worlds gets the same lives."""

    objective: Objective | None = None
    settings: tuple[Setting, ...] = ()
    lived: list[Lived] = field(default_factory=list)

    def recall(self, objective: Objective, settings: Sequence[Setting]) -> list[Lived] | None:
        """The lives per setting [1, L]; None for other worlds."""
        same = len(settings) == len(self.settings) and all(a is b for a, b in zip(settings, self.settings))
        return self.lived if objective is self.objective and same else None


def lead(lived: Lived, reference: Lived) -> Lived:
    """Lives of candidates with scores [P, L] less those of the reference [1, L]."""
    return replace(lived, scores=lived.scores - reference.scores)
