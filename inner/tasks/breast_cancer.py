"""Benign or malignant by 30 measurements of cell nuclei: a nearly linear real data set (scikit-learn, no download).

569 samples (Street, Wolberg & Mangasarian 1993, UCI "Breast Cancer Wisconsin (Diagnostic)"); 63 % are benign.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from inner.tasks._classification import Classification, DataSet, check_options, data_set


@lru_cache(maxsize=1)
def _load() -> DataSet:
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return data_set(x, y, "breast_cancer", per_feature=True)


@dataclass(frozen=True)
class Task(Classification):
    """30 measurements in, 2 diagnoses out."""

    permute: bool = True  # features and labels permuted anew for every life
    scale: float = 1.0  # factor on the standardised features
    test: int = 50  # V, test samples of a life

    def __post_init__(self) -> None:
        check_options(self.permute, self.scale, self.test)

    @property
    def inputs(self) -> int:
        return 30

    @property
    def outputs(self) -> int:
        return 2

    def data(self) -> DataSet:
        return _load()
