"""Irises of three species by four measurements of their flowers (scikit-learn, no download).

149 different samples (Fisher 1936, Anderson 1935, UCI "Iris"; one of the 150 is there twice): a life sees few of them, so
scores are coarse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from inner.tasks._classification import Classification, DataSet, check_options, data_set


@lru_cache(maxsize=1)
def _load() -> DataSet:
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    _, first = np.unique(x, axis=0, return_index=True)
    x, y = x[np.sort(first)], y[np.sort(first)]
    return data_set(x, y, "iris", per_feature=True)


@dataclass(frozen=True)
class Task(Classification):
    """4 measurements in, 3 species out."""

    permute: bool = True  # features and labels permuted anew for every life
    scale: float = 1.0  # factor on the standardised features
    test: int = 25  # V, test samples of a life

    def __post_init__(self) -> None:
        check_options(self.permute, self.scale, self.test)

    @property
    def inputs(self) -> int:
        return 4

    @property
    def outputs(self) -> int:
        return 3

    def data(self) -> DataSet:
        return _load()
