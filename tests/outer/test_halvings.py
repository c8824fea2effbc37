"""The measure `halvings`: how often a life has halved the error of chance."""

from __future__ import annotations

import numpy as np
import pytest

from inner.components import build
from outer.objective import halvings


def test_of_accuracies_by_hand() -> None:
    task = build("task", {"name": "digits"})
    chance = task.chance
    scores = np.array([chance, 1 - (1 - chance) / 2, 1 - (1 - chance) / 8, 0.0, 1.0])
    found = halvings(scores, task, 1_000_000)
    assert found[:3] == pytest.approx([0, 1, 3], abs=1e-4)
    assert found[3] == pytest.approx(-np.log2(1 / (1 - chance)), abs=1e-4) and np.isfinite(found[4])
    assert (np.diff(halvings(np.linspace(0, 1, 50), task, 100)) > 0).all()


def test_of_squared_errors_and_of_perfect_lives() -> None:
    task = build("task", {"name": "sinusoid"})
    found = halvings(np.array([task.chance, task.chance / 4, 0.0]), task, 16)
    assert found[:2] == pytest.approx([0, np.log2((1 + 1 / 32) / (1 / 4 + 1 / 32))])
    assert found[2] == pytest.approx(np.log2(33), rel=1e-6)
