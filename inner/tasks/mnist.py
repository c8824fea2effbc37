"""Handwritten digits, 70,000 grey images (LeCun et al. 1998): the data set that most papers report.

By default the official test images are never used: all three tiers are cut from the 60,000 training images. With
`standard` the final tier trains on all of these and is scored on the 10,000 test images, as published numbers are;
its training images then include those of the other tiers, its test images do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from inner.tasks._classification import Classification, DataSet, check_options
from inner.tasks._common import check_flag
from inner.tasks._images import check_size, idx_tiers


@dataclass(frozen=True)
class Task(Classification):
    """size*size pixels in, 10 classes out."""

    size: int = 28  # pixels on a side, 2 to 28; smaller ones are area averages
    permute: bool = True  # pixels and labels permuted anew for every life
    scale: float = 1.0  # factor on the standardised pixels
    test: int = 200  # V, test samples of a life
    standard: bool = False  # official training and test images in the final tier

    def __post_init__(self) -> None:
        check_options(self.permute, self.scale, self.test)
        check_size(self.size)
        check_flag("standard", self.standard)

    @property
    def inputs(self) -> int:
        return self.size**2

    @property
    def outputs(self) -> int:
        return 10

    def data(self) -> DataSet:
        return idx_tiers("mnist", self.size, self.standard)
