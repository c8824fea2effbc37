"""Evolved weights: the genome's layout, scores against a plain loop, and the loop over generations on top."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from evolved_weights import evolved_weights

from inner.components import build
from inner.networks.mlp import Network
from inner.random import stream
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.genome.network import Genes, NetworkGenome
from outer.learner_objective import LearnerObjective
from outer.searches.base import Search

DIGITS = {"name": "digits", "permute": False, "test": 30}
SINE = {"name": "sinusoid"}


def objective(task: dict[str, Any], **options: Any) -> LearnerObjective:
    return evolved_weights(task, (5, 3), 4, batch=20, bias=True, **options)


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


@pytest.mark.parametrize("task, measure", [(DIGITS, "final"), (DIGITS, "prequential_bits"), (SINE, "final")])
def test_scores_by_a_plain_loop(task: dict[str, Any], measure: str) -> None:
    own = objective(task, measure=measure)
    vectors = stream(0, "candidates").standard_normal((3, own.genome.size))
    setting = own.settings(2)[0]
    data = cast(Any, own.experience(setting))
    shown = data.order[0].reshape(-1)
    xs, ys = (data.x[0][shown], data.y[0][shown]) if measure != "final" else (data.test_x[0], data.test_y[0])
    found = own.lives(vectors, setting)
    assert found.scores.shape == (3, 1) and found.alive.all()
    sizes = (setting.task.inputs, 5, 3, setting.task.outputs)
    for vector, score in zip(vectors, found.scores[:, 0]):
        outputs = [plain(vector, x, sizes, task is DIGITS) for x in xs.numpy()]
        if task is SINE:
            expected = np.mean([-sum((a - b) ** 2 for a, b in zip(o, y)) for o, y in zip(outputs, ys.numpy())])
        elif measure == "final":
            expected = np.mean([int(np.argmax(o) == np.argmax(y)) for o, y in zip(outputs, ys.numpy())])
        else:
            assert len(xs) == 20
            expected = np.mean([math.log2(o[int(np.argmax(y))]) for o, y in zip(outputs, ys.numpy())])
        assert score == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_score_does_not_depend_on_the_population() -> None:
    own = objective(DIGITS, measure="prequential_bits")
    vectors = stream(0, "candidates").standard_normal((7, own.genome.size))
    setting = own.settings(0)[0]
    together = own.lives(vectors, setting).scores
    for row in range(7):
        assert own.lives(vectors[row : row + 1], setting).scores.tobytes() == together[row : row + 1].tobytes()


def test_a_search_starts_at_zero_or_at_initial_weights() -> None:
    assert not objective(DIGITS).genome.start().any()
    own = objective(DIGITS, origin_seed=4)
    initial = Network(hidden=(5, 3), bias=True).init(64, 10, 4, [("origin",)])
    wanted = np.concatenate([w.numpy().ravel() for w in initial])
    columns = cast(NetworkGenome, own.genome).layout.parts["weights"]
    assert np.array_equal(own.genome.decode(own.genome.start()[None])[0, columns].astype(np.float32), wanted)
    network = Network(hidden=(5, 3), bias=True, gain=3.0)
    scaled = NetworkGenome(own.learner.formula, network, 64, 10, 1, Genes(weights="direct", scale=2.0), origin_seed=4)
    found = scaled.decode(scaled.start()[None])[0, scaled.layout.parts["weights"]]
    np.testing.assert_allclose(found, 3 * wanted, rtol=1e-6, atol=1e-12)
    assert np.allclose(scaled.start()[:65] * 2 * 3 / 8, 3 * wanted[:65]), "a unit of z is scale * gain / sqrt(64)"
    raw = NetworkGenome(own.learner.formula, network, 64, 10, 1, Genes(weights="direct", per_input=False))
    assert (raw.decode(np.ones((1, raw.size)))[0, raw.layout.parts["weights"]] == 1.0).all()


def test_weights_that_are_no_numbers_score_worst() -> None:
    own = objective(DIGITS, measure="prequential_bits")
    vectors = np.zeros((2, own.genome.size))
    vectors[1] = np.nan
    found = own.lives(vectors, own.settings(0)[0])
    assert found.alive[:, 0].tolist() == [True, False]
    assert found.scores[1, 0] == -100 < found.scores[0, 0] == pytest.approx(-math.log2(10))


def test_deep_ga_learns_digits_in_the_usual_loop() -> None:
    """30 generations of 60: far above chance on the final tier, resumed from any generation with the same bits."""
    own = evolved_weights({**DIGITS, "test": 200}, (16,), 1)
    options = {"popsize": 60, "parents": 8, "elites": 3, "sigma": 0.08, "sigma0": 0.2}
    search = cast(Search, build("search", {"name": "ga", "generations": 30, **options}))
    with Evaluator() as evaluator:
        history = list(evolve(own, search, evaluator))
        again = list(evolve(own, search, evaluator, history[:28]))
        judged = evaluator.evaluate(own, history[-1].recommendation[None], own.settings(0, "final"))
    assert all(a.same_bits(b) for a, b in zip(history[28:], again))
    assert judged.scores[0, 0] > 0.3
    assert history[-1].metrics["inner_steps"] == 30 * 60
    assert history[-1].metrics["theta/eta"] == 0.0


def test_refuses() -> None:
    own = objective(DIGITS)
    with pytest.raises(ValueError, match=f"D = {own.genome.size}"):
        own.genome.decode(np.zeros((2, 32)))
    with pytest.raises(ValueError, match="genome.weights: expected direct with an origin of drawn weights, got grown"):
        NetworkGenome(own.learner.formula, Network(hidden=(3,)), 2, 2, 1, Genes(weights="grown"), origin_seed=1)
    with pytest.raises(ValueError, match="gradients: NetworkGenome has none"):
        own.genome.slopes(np.zeros((1, own.genome.size)))
