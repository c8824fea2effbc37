"""Needle and ridge (`pytest -m paper`; half a minute): where learning guides evolution and where it hides genes."""

from __future__ import annotations

import numpy as np
import pytest

from metalearn.config.load import load_any
from metalearn.makers import make_study as make

pytestmark = pytest.mark.paper


def test_learning_finds_the_needle_and_hides_the_ridge() -> None:
    study = make(load_any("papers/needle_ridge"))
    found = {part: study.run(part, 0, lambda done, total: None) for part in study.parts()}
    print(study.summary(found).headline)
    ends = {part: np.array(found[part]["right"])[:, :, -50:].mean(2) for part in found}  # [costs, no learning; runs]
    free, best, none = ends["needle"][0], ends["needle"][6], ends["needle"][-1]
    assert free.min() > none.mean() + 0.3, "the Baldwin effect: blind without learning"
    assert best.mean() > free.mean() + 0.02, "a price on learning moves more into the genome"
    assert ends["needle"][7].mean() < best.mean() - 0.1, "learning that costs too much guides nobody"
    free, paid, none = ends["ridge"][0], ends["ridge"][6], ends["ridge"][-1]
    assert free.mean() < none.mean() - 0.3 and abs(free.mean() - 0.5) < 0.05, "free learning hides genes: they drift"
    assert paid.mean() > none.mean(), "and a price brings them back"
    adult = np.array(found["ridge"]["adult"])[0, :, -50:].mean()
    assert adult > 0.99, "while nobody looks worse for it"
