"""Image data sets as tasks see them: read once, pooled to a smaller size by exact area averages, cut into tiers."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from inner.tasks._classification import DataSet, data_set
from inner.tasks._common import check_count
from inner.tasks._download import EMNIST_FILE, TEST, TRAIN, read

SIDE = 28  # of the stored images


def check_size(size: int) -> None:
    """Raise ValueError unless images can be pooled to `size` x `size`."""
    check_count("size", size, 2, SIDE)


def area_pool(images: np.ndarray, size: int) -> np.ndarray:
    """Area averages of images [M, 28, 28]: sums [M, size*size], 784 times the average (the unit cancels later).

    Output row j covers the 28/size input rows from 28*j/size on; the overlaps are counted in units of 1/size, so
    every sum is an integer below 2**24 and float32 is exact in any order of addition.
    """
    if size == SIDE:
        return images.reshape(len(images), -1)
    fine = np.arange(SIDE * size)  # an axis divided so finely that both grids fall on its marks
    overlap = np.zeros((size, SIDE), dtype=np.float32)
    np.add.at(overlap, (fine // SIDE, fine // size), 1.0)
    pooled = np.empty((len(images), size, size), dtype=np.float32)
    for start in range(0, len(images), 4096):  # in pieces: float32 copies of all images would not fit a small machine
        pooled[start : start + 4096] = overlap @ images[start : start + 4096].astype(np.float32) @ overlap.T
    return pooled.reshape(len(images), -1)


@lru_cache(maxsize=2)
def idx_set(name: str, size: int) -> DataSet:
    """MNIST or Fashion-MNIST at `size` x `size`: tiers cut from the official training images, test images held out.

    Samples 0..59999 are the training images, 60000..69999 the test images. Raises DataMissing.
    """
    x = np.concatenate([area_pool(read(name, part[0])["x"], size) for part in (TRAIN, TEST)])
    train, test = (read(name, part[1])["x"] for part in (TRAIN, TEST))
    tiers = data_set(x[: len(train)], train, name, per_feature=False)
    held_out = np.arange(len(train), len(train) + len(test))
    return replace(tiers, x=x, y=np.concatenate([train, test]).astype(np.int64), held_out=held_out)


@lru_cache(maxsize=2)
def idx_tiers(name: str, size: int, standard: bool) -> DataSet:
    """The data set as a task uses it: with `standard` the final tier trains on all official training images and is
    scored on the official test images; without it the test images are never touched."""
    data = idx_set(name, size)
    if not standard:
        return replace(data, held_out=None)
    assert data.held_out is not None
    return replace(data, tiers={**data.tiers, "final": np.arange(len(data.y) - len(data.held_out))})


@lru_cache(maxsize=2)
def emnist_set(size: int) -> DataSet:
    """EMNIST by-merge, test part, at `size` x `size`. Raises DataMissing."""
    arrays = read("emnist", EMNIST_FILE)
    return data_set(area_pool(arrays["x"], size), arrays["y"], "emnist", per_feature=False)
