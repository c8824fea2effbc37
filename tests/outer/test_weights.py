"""Evolved weights: the genome's layout, scores against a plain loop, and the loop over generations on top."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
import torch

from inner.components import build
from inner.networks.mlp import Network
from inner.random import stream
from inner.tasks.base import Task
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.searches.base import Search
from outer.weights import Genome, Objective

DIGITS = cast(Task, build("task", {"name": "digits", "permute": False, "test": 30}))
SINE = cast(Task, build("task", "sinusoid"))


def objective(task: Task, **options: object) -> Objective:
    return Objective(task, Network(hidden=(5, 3), bias=True), 4, batch=20, **cast(Any, options))


def plain(vector: np.ndarray, x: np.ndarray, sizes: tuple[int, ...], softmax: bool) -> list[float]:
    """One network on one sample, number by number: bias last in every layer's rows, tanh inside."""
    at, signal = 0, list(x)
    for k, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:])):
        signal = [*signal, 1.0]
        drive = [sum(signal[i] * vector[at + i * fan_out + o] for i in range(fan_in + 1)) for o in range(fan_out)]
        at += (fan_in + 1) * fan_out
        signal = drive if k + 2 == len(sizes) else [math.tanh(d) for d in drive]
    assert at == len(vector)
    if not softmax:
        return signal
    top = sum(math.exp(d) for d in signal)
    return [math.exp(d) / top for d in signal]


@pytest.mark.parametrize("task, measure", [(DIGITS, "score"), (DIGITS, "log_likelihood"), (SINE, "log_likelihood")])
def test_scores_by_a_plain_loop(task: Task, measure: str) -> None:
    own = objective(task, measure=measure)
    vectors = stream(0, "candidates").standard_normal((3, own.genome.size))
    setting = own.settings(2)[0]
    lives = own.life_data(setting)
    shown = lives.order[0].reshape(-1)
    xs, ys = lives.x[0][shown].numpy(), lives.y[0][shown].numpy()
    assert xs.shape == (20, task.inputs)
    scores, alive = own.scores(vectors, setting)
    assert scores.shape == (3, 1) and alive.all()
    classes = task.kind == "classification"
    for vector, score in zip(vectors, scores[:, 0]):
        outputs = [plain(vector, x, (task.inputs, 5, 3, task.outputs), classes) for x in xs]
        if measure == "score":
            expected = np.mean([int(np.argmax(o) == np.argmax(y)) for o, y in zip(outputs, ys)])
        elif classes:
            expected = np.mean([math.log(o[int(np.argmax(y))]) for o, y in zip(outputs, ys)])
        else:
            expected = np.mean([-0.5 * sum((a - b) ** 2 for a, b in zip(o, y)) for o, y in zip(outputs, ys)])
        assert score == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_score_does_not_depend_on_the_population() -> None:
    own = objective(DIGITS, measure="log_likelihood")
    vectors = stream(0, "candidates").standard_normal((7, own.genome.size))
    setting = own.settings(0)[0]
    together = own.scores(vectors, setting)[0]
    for row in range(7):
        assert own.scores(vectors[row : row + 1], setting)[0].tobytes() == together[row : row + 1].tobytes()


def test_samples_are_shared_within_and_fresh_between_generations() -> None:
    own = objective(DIGITS)
    orders = [own.life_data(own.settings(g)[0]).order for g in (0, 0, 1)]
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])


def test_a_search_starts_at_zero_or_at_initial_weights() -> None:
    assert not objective(DIGITS).genome.start().any()
    own = objective(DIGITS, from_zero=False)
    initial = own.network.init(64, 10, 4, [("origin",)])
    for layer, wanted in zip(own.genome.decode(own.genome.start()), initial):
        assert torch.equal(layer, wanted)


def test_weights_that_are_no_numbers_score_worst() -> None:
    own = objective(DIGITS, measure="log_likelihood")
    vectors = np.zeros((2, own.genome.size))
    vectors[1] = np.nan
    scores, alive = own.scores(vectors, own.settings(0)[0])
    assert alive[:, 0].tolist() == [True, False] and scores[1, 0] < -60 < scores[0, 0] == pytest.approx(-math.log(10))


def test_deep_ga_learns_digits_in_the_usual_loop() -> None:
    """30 generations of 60: far above chance on the final tier, resumed from any generation with the same bits."""
    own = Objective(DIGITS, Network(hidden=(16,)), 1, batch=200)
    options = {"popsize": 60, "parents": 8, "elites": 3, "sigma": 0.08, "sigma0": 0.2}
    search = cast(Search, build("search", {"name": "ga", "generations": 30, **options}))
    with Evaluator() as evaluator:
        history = list(evolve(cast(Any, own), search, evaluator))
        again = list(evolve(cast(Any, own), search, evaluator, history[:28]))
    assert all(a.same_bits(b) for a, b in zip(history[28:], again))
    final = Objective(DIGITS, Network(hidden=(16,)), 1, tier="final")
    assert final.test(history[-1].favourite[None])[0] > 0.3
    assert history[-1].metrics["inner_steps"] == 30 * 60


def test_refuses() -> None:
    with pytest.raises(ValueError, match="measure 'likelihood' \\(did you mean 'log_likelihood'"):
        objective(DIGITS, measure="likelihood")
    with pytest.raises(ValueError, match="D = 33"):
        Genome(((3, 11),)).decode(np.zeros((2, 32)))
