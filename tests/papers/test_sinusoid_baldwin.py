"""Sinusoid tasks with a microbial GA, after Fernando et al. 2018 (`pytest -m paper`; about five minutes)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from metalearn.baldwin import Baldwin
from metalearn.baldwin_report import read
from metalearn.config import load

pytestmark = pytest.mark.paper
VARIANCE = 0.9**2 / 2  # of a task: the error of answering 0


def test_baldwinian_networks_are_born_to_learn(tmp_path: Path) -> None:
    """T = 4: after learning better than Darwinian ones, bad at birth, with a drop that no random start has."""
    folder = tmp_path / "x"
    Baldwin.create(load("papers/sinusoid_baldwin", ["evaluator=serial"]), folder, Console(quiet=True), ["x"]).run()
    arms = read(folder)[1]
    means = {
        arm: {key: np.array([-e["outcome"]["means"][key] for e in entries]) for key in entries[0]["outcome"]["means"]}
        for arm, entries in arms.items()
    }
    for arm, found in means.items():
        print(arm, {k: f"{v.mean():.3f} +- {v.std(ddof=1):.3f}" for k, v in found.items() if "bits" not in k})
    darwinian, baldwinian = means["darwinian"], means["baldwinian"]
    assert (baldwinian["evolved/adult"] < 0.5 * darwinian["evolved/adult"]).all()
    assert (baldwinian["evolved/birth"] > 0.9 * VARIANCE).all(), "nothing of the tasks is known at birth"
    drop = baldwinian["evolved/birth"] - baldwinian["evolved/adult"]
    assert (baldwinian["evolved/adult"] < 0.3 * baldwinian["naive/adult"]).all() and (drop > 0.3).all()
    rates = [e["metrics"][-1]["theta/eta"] for e in arms["baldwinian"]]
    drift = [e["metrics"][-1]["theta/eta"] for e in arms["darwinian"]]  # selection does not see it there
    print(
        "learning rate, from 0.1 to", [f"{r:.3f}" for r in rates], "and by drift alone to", [f"{r:.3f}" for r in drift]
    )
    assert np.mean(rates) > 0.11, "the learning rate is a gene, and it moves"
