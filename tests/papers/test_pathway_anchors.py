"""Pathways on MNIST at full size, against backpropagation in the same life (`pytest -m paper`; half a minute each on an idle core).

tanh units with biases, softmax, batch 50, plain descent with one rate per pathway, chosen from three or four after one epoch on
the search tier; two lives, the 10,000 official test images. Bands are those of papers and of public code at these sizes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.engines.choice import live
from inner.learners.local_rule import Learner
from inner.life.request import Life, Result
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.tasks._download import DataMissing

pytestmark = pytest.mark.paper
BATCH, EPOCH = 50, 60_000 // 50
LABELS = [("anchor", n) for n in range(2)]
# name -> pathway, hidden units, epochs, rate
ROWS: dict[str, tuple[Any, tuple[int, ...], int, float]] = {
    "backprop": ("backprop", (200,), 5, 0.2),
    "random": ("random", (200,), 5, 0.2),
    "learned": ({"name": "learned", "decay": 1e-4}, (200,), 5, 0.2),
    "weight_mirror": ("weight_mirror", (200,), 5, 0.2),
    "target_projection": ("target_projection", (200,), 5, 0.05),
    "sign_fixed": ("sign_fixed", (200,), 5, 0.2),
    "sign_redrawn": ("sign_redrawn", (200,), 5, 0.2),
    "backprop 2 layers": ("backprop", (200, 200), 5, 0.2),
    "none 2 layers": ("none", (200, 200), 5, 0.2),
    "synthetic": ("synthetic", (200, 200), 5, 0.1),
    "synthetic with label": ({"name": "synthetic", "label": True}, (200, 200), 5, 0.1),
    "difference_target": ("difference_target", (240, 240), 5, 0.2),
    "backprop 3 layers": ("backprop", (200, 200, 200), 5, 0.2),
    "pred": ({"name": "local_loss", "rate": "eta"}, (200, 200, 200), 5, 0.2),
    "sim": ({"name": "local_loss", "loss": "sim", "rate": "eta"}, (200, 200, 200), 5, 1.0),
    "predsim": ({"name": "local_loss", "loss": "predsim", "rate": "eta"}, (200, 200, 200), 5, 1.0),
}


def lived(name: str, rates: tuple[float, ...], tier: str, steps: int) -> tuple[Learner, Result]:
    """Lives of a row at each of some rates: [rates, 2]."""
    pathway, hidden, _, _ = ROWS[name]
    rule = Rule.from_dict({"dw": "eta*err*pre", "pathway": pathway, "coefficients": {"eta": {"init": 0.1, "transform": "log"}}})
    learner = Learner(rule, Network(hidden=hidden, bias=True))
    task: Any = build("task", {"name": "mnist", "permute": False, "standard": True, "test": 1000})
    try:
        data = task.life_data(tier, steps, BATCH, 0, LABELS)
    except DataMissing as missing:
        pytest.skip(str(missing))
    with torch.no_grad():
        return learner, live(Life(learner, task, data, torch.tensor([rates], dtype=torch.float64).T, 0, LABELS))


@cache
def anchor(name: str) -> tuple[Learner, Result, float]:
    """Learner, lives and mean accuracy in percent of a row."""
    *_, epochs, rate = ROWS[name]
    learner, found = lived(name, (rate,), "final", epochs * EPOCH)
    score = 100 * found.score[0].numpy()
    print(f"{name}: {score.mean():.2f} % ({', '.join(f'{each:.2f}' for each in score)})")
    assert bool(found.alive.all())
    return learner, found, float(score.mean())


def behind(name: str, other: str) -> float:
    """Points of accuracy that a row is behind another."""
    return anchor(other)[2] - anchor(name)[2]
