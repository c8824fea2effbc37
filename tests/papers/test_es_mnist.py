"""Evolution strategies on MNIST (Zhang, Clune & Stanley 2017, scaled to two cores; `pytest -m paper`; six minutes on an idle core).

Theirs: 99 % with a CNN of 3.3 million weights and 10,000 offspring. Here: images of 14 x 14, 196-32-10 with 6,592 weights
(no biases), 256 mirrored pairs, centred ranks, Adam; a generation is scored by the log-likelihood of 256 images of the search tier.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import cast

import numpy as np
import pytest
import torch
from evolved_weights import evolved_weights
from gallery import save

from inner.components import build
from inner.life_data import LifeData
from inner.random import stream
from inner.tasks._download import DataMissing
from inner.tasks.base import Task
from metalearn.pictures.search import EVOLVED, MUTED, label_ends, new_figure, style, to_svg
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective
from outer.searches.base import Search
from outer.searches.es import draw, estimate

pytestmark = pytest.mark.paper

TASK = {"name": "mnist", "size": 14, "permute": False, "standard": True}
PAIRS = (1, 4, 16, 64, 256, 1024, 4096)
SEARCH = {"name": "es", "popsize": 512, "generations": 1500, "sigma": 0.03, "lr": 0.01, "decay": 0.9985}


@lru_cache(maxsize=1)
def objective() -> LearnerObjective:
    """Log-likelihood of 256 images of the search tier, in bits."""
    task = cast(Task, build("task", TASK))
    try:
        task.life_data("final", 1, 1, 0, [("data", 0)])
    except DataMissing as missing:
        pytest.skip(str(missing))
    return evolved_weights({**TASK, "test": 1}, (32,), 0, batch=256, measure="prequential_bits", origin_seed=0)


def accuracy(vector: np.ndarray) -> float:
    """Share of the 10,000 official test images that the network [D] names right."""
    own = evolved_weights({**TASK, "test": 10_000}, (32,), 0)
    with Evaluator() as evaluator:
        return float(evaluator.evaluate(own, vector[None], own.settings(0, "final")).scores[0, 0])


def true_gradient(vector: np.ndarray) -> np.ndarray:
    """By autograd, on the samples of generation 0 [D]."""
    own = objective()
    data = cast(LifeData, own.experience(own.settings(0)[0]))
    shown = data.order[0].reshape(-1)
    flat = torch.from_numpy(vector.astype(np.float32)).requires_grad_()
    first, second = flat[: 196 * 32].reshape(196, 32), flat[196 * 32 :].reshape(32, 10)
    log_p = torch.log_softmax(torch.tanh(data.x[0][shown] @ first) @ second, -1)
    (log_p * data.y[0][shown]).sum(-1).mean().backward()
    assert flat.grad is not None
    return flat.grad.double().numpy()


def cosines(vector: np.ndarray, gradient: np.ndarray, pairs: int, repeats: int) -> np.ndarray:
    """Cosine [R] of independent ES estimates to the true gradient, on the same samples; 256 pairs at a time."""
    own, found = objective(), []
    setting, sigma = own.settings(0)[0], 0.005
    for r in range(repeats):
        total = np.zeros_like(vector)
        for start in range(0, pairs, 256):
            count = min(256, pairs - start)
            directions = draw(stream(0, "cosine", pairs, r, start), (count, vector.size), "gaussian")
            step = sigma * directions
            fitness = own.lives(vector + np.concatenate([step, -step]), setting).scores[:, 0]
            total += count * estimate(fitness, directions, sigma, mirrored=True)
        found.append(float(total @ gradient / np.linalg.norm(total) / np.linalg.norm(gradient)))
    return np.array(found)


def picture(means: np.ndarray, spreads: np.ndarray, size: int) -> str:
    with style("es_cosine"):
        figure, axes = new_figure(6.0, 3.8)
        n = np.geomspace(PAIRS[0], PAIRS[-1], 100)
        expected = np.sqrt(n / (n + size))
        axes.plot(n, expected, color=MUTED, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.errorbar(PAIRS, means, spreads, color=EVOLVED, marker="o", linewidth=0, elinewidth=1.4)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(f"ES estimate against the true gradient, {size:,} weights")
        axes.set_xlabel("mirrored pairs n")
        axes.set_ylabel("cosine to the gradient by backpropagation")
        figure.draw_without_rendering()
        label_ends(axes, [(n[-1], expected[-1] * 0.8, "√(n / (n + D))", MUTED), (n[-1], means[-1], "ES", EVOLVED)])
        return to_svg(figure, "es_cosine")


def test_cosine_to_the_true_gradient_against_the_number_of_pairs() -> None:
    """sqrt(n / (n + D)) for n pairs and D weights, within 10 % from 16 pairs on; it grows with n."""
    torch.set_num_threads(1)
    vector = objective().genome.start()
    gradient = true_gradient(vector)
    repeats = [max(2, min(20, 2048 // n)) for n in PAIRS]
    found = [cosines(vector, gradient, n, r) for n, r in zip(PAIRS, repeats)]
    means = np.array([c.mean() for c in found])
    expected = np.array([math.sqrt(n / (n + vector.size)) for n in PAIRS])
    print("pairs", PAIRS, "cosine", np.round(means, 4), "expected", np.round(expected, 4))
    save("es_cosine", picture(means, np.array([c.std() for c in found]), vector.size))
    assert (np.abs(means / expected - 1)[2:] < 0.1).all()
    assert (np.diff(means[2:]) > 0).all()


def test_256_pairs_on_the_official_test_images() -> None:
    """Target 93 %. Measured: 93.0 % after 1,500 generations, at the edge of it: readings from 1,000 on are 92.7 to 93.0 %.

    With 256 pairs the cosine to the gradient is 0.19, so that Adam's steps are mostly noise; twice the learning rate is
    worse at the same generation (89.5 against 90.3 % after 150). The band leaves room for other machines' last bits.
    """
    torch.set_num_threads(1)
    search = cast(Search, build("search", SEARCH))
    with Evaluator() as evaluator:
        for generation in evolve(objective(), search, evaluator):
            if generation.index % 100 == 99:
                reached = accuracy(generation.recommendation)
                print(f"generation {generation.index + 1}: {reached:.4f} of 10,000 test images", flush=True)
    assert reached >= 0.925
