"""Sequences of letters with a motif, generated: a class is the motif that stands somewhere near the middle of a sequence.

A letter is one input that is 1 among `letters` that are 0, so that inputs are sparse and never negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """letters*length inputs, `classes` out."""

    centred = False
    letters: int = 4  # of the alphabet
    length: int = 16  # of a sequence
    classes: int = 4  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the share of letters in a motif that have changed
    motif: int = 8  # letters of a motif
    shift: int = 1  # places that a motif is shifted by at most, either way
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("letters", self.letters, 2)
        check_count("length", self.length, 1)
        check_count("motif", self.motif, 1, self.length)
        check_count("shift", self.shift, 0)

    @property
    def inputs(self) -> int:
        return self.letters * self.length

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """One-hot letters [M, letters*length] of samples of classes y [M]."""
        motifs = streams("motifs").integers(0, self.letters, (self.classes, self.motif))
        text = streams("letters").integers(0, self.letters, (len(y), self.length))
        free = self.length - self.motif
        moved = streams("shift").integers(-self.shift, self.shift + 1, len(y))
        begin = np.clip(free // 2 + moved, 0, free)
        place = np.arange(self.length) - begin[:, None]  # in the motif, where there is one
        kept = streams("changes").random((len(y), self.length)) > 0.25 * self.difficulty
        inside = (place >= 0) & (place < self.motif) & kept
        text = np.where(inside, motifs[y[:, None], np.clip(place, 0, self.motif - 1)], text)
        letters: np.ndarray = (text[:, :, None] == np.arange(self.letters)).reshape(len(y), -1).astype(float)
        return letters
