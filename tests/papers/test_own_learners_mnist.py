"""Learners with a step of their own on MNIST pooled to 14x14 (`pytest -m paper`; under a minute of an idle core each).

One network each, 10,000 official test images, rates by hand on the search tier. Bands are those of published runs or of small
runs of our own elsewhere; a miss is said beside its row in docs/reproductions.md.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inner.components import build
from inner.engines.choice import live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.tasks._download import DataMissing

pytestmark = pytest.mark.paper


def accuracy(spec: dict[str, Any], network: Network, epochs: float, batch: int, size: int = 14, lives: int = 1) -> float:
    """Mean test accuracy after so many epochs of 60,000 images."""
    learner: Any = build("learner", spec).on(network)  # type: ignore[attr-defined]
    task: Any = build("task", {"name": "mnist", "size": size, "permute": False, "standard": True})
    labels = [("own", n) for n in range(lives)]
    try:
        data = task.life_data("final", int(epochs * 60_000 / batch), batch, 0, labels)
    except DataMissing as missing:
        pytest.skip(str(missing))
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=torch.float64)
    with torch.no_grad():
        found = live(Life(learner, task, data, theta, 0, labels)).score[0].numpy()
    print(f"{spec}: {found.mean():.4f} of {lives}, {found.min():.4f}-{found.max():.4f}")
    return float(found.mean())


def test_predictive_coding_is_within_a_point_of_backpropagation() -> None:
    """196-200-10 relu, one epoch in batches of 64, both by Adam at 0.001."""
    network = Network(hidden=(200,), activation="relu", bias=True, birth="he")
    backprop = {"name": "descent", "method": "adam", "values": {"eta": 0.001}}
    strict = {"name": "predictive_coding", "optimiser": "adam", "iterations": 20, "values": {"eta": 0.001, "gamma": 0.1}}
    reference = accuracy(backprop, network, 1, 64)
    assert accuracy(strict, network, 1, 64) > reference - 0.01
    assert reference > 0.94
