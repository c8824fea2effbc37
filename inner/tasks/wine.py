"""Wines of three growers by 13 chemical measurements: the smallest real data set (scikit-learn, no download).

178 samples (Aeberhard & Forina 1991, UCI "Wine"): a life sees few of them, so scores are coarse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from inner.tasks._classification import Classification, DataSet, check_options, data_set


@lru_cache(maxsize=1)
def _load() -> DataSet:
    from sklearn.datasets import load_wine

    x, y = load_wine(return_X_y=True)
    return data_set(x, y, "wine", per_feature=True)


@dataclass(frozen=True)
class Task(Classification):
    """13 measurements in, 3 growers out."""

    permute: bool = True  # features and labels permuted anew for every life
    scale: float = 1.0  # factor on the standardised features
    test: int = 20  # V, test samples of a life

    def __post_init__(self) -> None:
        check_options(self.permute, self.scale, self.test)

    @property
    def inputs(self) -> int:
        return 13

    @property
    def outputs(self) -> int:
        return 3

    def data(self) -> DataSet:
        return _load()
