"""Handwritten letters and digits, 47 classes (EMNIST by-merge, test part; Cohen et al. 2017): many tasks from one set.

With `classes: k` every life draws its own k classes, in equal shares, so that lives differ in what is to be told
apart. A tier then holds unseen samples, not unseen classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from inner.tasks._classification import Classification, DataSet, check_options
from inner.tasks._common import check_count, check_flag
from inner.tasks._images import SIDE, check_size, emnist_set

CLASSES = 47


@lru_cache(maxsize=2)
def raw_set(size: int) -> DataSet:
    """The data set with inputs in 0..1: nothing taken off, and white as the unit."""
    data = emnist_set(size)
    white = np.array(255 if size == SIDE else 255 * SIDE**2, dtype=np.float32)  # pooled pixels are sums
    return replace(data, mean=np.zeros_like(data.mean), std=white)


@dataclass(frozen=True)
class Task(Classification):
    """size*size pixels in, 47 classes out (k with `compact`)."""

    size: int = 28  # pixels on a side, 2 to 28; smaller ones are area averages
    permute: bool = True  # pixels and labels permuted anew for every life
    scale: float = 1.0  # factor on the standardised pixels
    test: int = 200  # V, test samples of a life (with `classes` rounded down to equal shares)
    classes: int | None = None  # k, how many of the 47 classes each life draws (null: all)
    compact: bool = False  # k outputs instead of 47, needs `classes`
    raw: bool = False  # pixels in 0..1 as they are, neither centred nor standardised

    def __post_init__(self) -> None:
        check_options(self.permute, self.scale, self.test)
        check_size(self.size)
        check_flag("compact", self.compact)
        check_flag("raw", self.raw)
        if self.classes is not None:
            check_count("classes", self.classes, 2, CLASSES)
        elif self.compact:
            raise ValueError("compact: expected 'classes' (an integer from 2 to 47) beside it, got null")

    @property
    def inputs(self) -> int:
        return self.size**2

    @property
    def outputs(self) -> int:
        return self.classes if self.compact and self.classes is not None else CLASSES

    def data(self) -> DataSet:
        return raw_set(self.size) if self.raw else emnist_set(self.size)
