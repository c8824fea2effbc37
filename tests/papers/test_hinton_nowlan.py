"""Hinton & Nowlan 1987 over 100 runs (`pytest -m paper`; about two minutes): bands of the published replications."""

from __future__ import annotations

import time

import numpy as np
import pytest

from metalearn.config.load import load_any
from metalearn.makers import make_study as make
from outer.studies.hinton_nowlan import OPEN, RIGHT, WRONG

pytestmark = pytest.mark.paper


def test_fifty_generations_of_a_hundred_runs_take_less_than_20_s() -> None:
    study = make(load_any("papers/hinton_nowlan", ["study.generations=50"]))
    started = time.process_time()
    study.run("learning", 0, lambda done, total: None)
    seconds = time.process_time() - started
    print(f"100 runs x 50 generations: {seconds:.1f} s of processor time")
    assert seconds < 20


def test_bands() -> None:
    """Wrong alleles vanish, about 3/4 are right at generation 50, undecided ones go on falling for hundreds more."""
    study = make(load_any("papers/hinton_nowlan"))
    found = {part: study.run(part, 0, lambda done, total: None) for part in study.parts()}
    print(study.summary(found).headline)
    shares = np.array(found["learning"]["shares"])  # [runs, generations, 3]
    took_off = shares[:, 49, WRONG] < 0.125
    assert took_off.mean() >= 0.9 and (shares[took_off, 49, WRONG] < 0.02).mean() >= 0.9
    assert 0.65 <= shares[:, 49, RIGHT].mean() <= 0.85
    undecided = shares[:, :, OPEN].mean(0)
    assert undecided[49] > undecided[199] + 0.05 > undecided[999] + 0.05
    trials = np.array(found["learning"]["trials"]) / 100
    assert trials[0] == pytest.approx(1e6, rel=0.01) and trials[999] < 0.2 * trials[0]
    hits = sum(max(run[:50]) > 1 for run in found["no learning"]["best"])
    print(f"control: {hits} of 100 runs meet the target within 50 generations (4.7 expected by chance)")
    assert hits <= 14  # Poisson(4.7): 1 in 10,000 above
    assert max(max(run[:50]) for run in found["learning"]["best"]) > 19
