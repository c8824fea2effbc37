"""The course of diabetes by ten measurements a year before, in three classes of equal size (scikit-learn, no download).

442 patients (Efron, Hastie, Johnstone & Tibshirani 2004): the progression, a number, is cut at its terciles. No learner
gets far beyond one half here: it is a task of noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from inner.tasks._classification import Classification, DataSet, check_options, data_set

CLASSES = 3


@lru_cache(maxsize=1)
def _load() -> DataSet:
    from sklearn.datasets import load_diabetes

    x, progression = load_diabetes(return_X_y=True)
    rank = np.argsort(np.argsort(progression, kind="stable"), kind="stable")
    return data_set(x, rank * CLASSES // len(rank), "diabetes", per_feature=True)


@dataclass(frozen=True)
class Task(Classification):
    """10 measurements in, 3 classes out."""

    permute: bool = True  # features and labels permuted anew for every life
    scale: float = 1.0  # factor on the standardised features
    test: int = 40  # V, test samples of a life

    def __post_init__(self) -> None:
        check_options(self.permute, self.scale, self.test)

    @property
    def inputs(self) -> int:
        return 10

    @property
    def outputs(self) -> int:
        return CLASSES

    def data(self) -> DataSet:
        return _load()
