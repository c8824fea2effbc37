"""Handwritten digits, 8x8 grey levels: the small real data set on which rules are searched (scikit-learn, no download).

1,797 samples in 10 classes (Alpaydin & Kaynak 1998, UCI "Optical recognition of handwritten digits", test part).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from inner.tasks._classification import Classification, DataSet, check_options, data_set
from inner.tasks._common import check_flag


@lru_cache(maxsize=1)
def _load() -> DataSet:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return data_set(x, y, "digits", per_feature=False)


@dataclass(frozen=True)
class Task(Classification):
    """64 pixels in, 10 classes out."""

    permute: bool = True  # pixels and labels permuted anew for every life
    scale: float = 1.0  # factor on the standardised pixels
    test: int = 200  # V, test samples of a life
    relabel: bool = False  # with permute: false, classes renamed anew for every life and pixels left where they are

    def __post_init__(self) -> None:
        check_options(self.permute, self.scale, self.test)
        check_flag("relabel", self.relabel)

    @property
    def inputs(self) -> int:
        return 64

    @property
    def outputs(self) -> int:
        return 10

    def data(self) -> DataSet:
        return _load()
