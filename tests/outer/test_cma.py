"""CMA-ES against pycma's plain reference, and what was built around pycma: restarts, re-evaluation, the diagonal form."""

from __future__ import annotations

import numpy as np
import pytest
from cma import purecma
from cma.recombination_weights import RecombinationWeights
from drive import Function, advance, ellipsoid, evaluation, sphere, start

from inner.components import build
from inner.random import stream
from outer.searches._reevaluation import Reevaluation
from outer.searches._restarts import Restarts


def rotated(size: int) -> Function:
    """An ellipsoid of condition 1e6 whose axes are not those of the coefficients."""
    axes, _ = np.linalg.qr(stream(0, "rotation").standard_normal((size, size)))
    return lambda x: ellipsoid(x @ axes)


def rastrigin(x: np.ndarray) -> np.ndarray:
    return -(10 * x.shape[1] + np.square(x).sum(1) - 10 * np.cos(2 * np.pi * x).sum(1))


def test_rotated_ellipsoid() -> None:
    """1e-8 in 400 generations of 16, as on the one that is not rotated; the diagonal form cannot."""
    full, diagonal = start("cma"), start("cma", covariance="diagonal")
    for running in (full, diagonal):
        advance(running, rotated(10), 400)
    reached = [float(rotated(10)(running.recommendation()[None])[0]) for running in (full, diagonal)]
    assert reached[0] > -1e-8
    assert reached[1] < -1e-4


@pytest.mark.parametrize("size", [2, 10])
def test_mean_moves_as_in_purecma(size: int) -> None:
    """Changes of the mean, generation by generation, against pycma's readable reference and the formula itself."""
    running = start("cma", size, popsize=12, sigma0=0.7)
    reference = purecma.CMAES(list(np.ones(size)), 0.7, popsize=12)
    order = np.log(6.5) - np.log(np.arange(1, 7))  # log((P + 1) / 2) - log i of the better half (Hansen 2016, eq. 49)
    recombination = order / order.sum()
    for _ in range(6):
        candidates = running.ask()
        fitness = ellipsoid(candidates)
        before, reference_before = running.recommendation(), np.array(reference.xmean)
        running.tell(candidates, evaluation(fitness))
        reference.tell([list(x) for x in candidates], list(-fitness))
        change = running.recommendation() - before
        best = candidates[np.argsort(-fitness)[:6]]
        np.testing.assert_allclose(change, recombination @ (best - before), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(change, np.array(reference.xmean) - reference_before, rtol=1e-9, atol=1e-12)


def test_covariance_moves_as_in_purecma() -> None:
    """The first change of C from the same candidates, negative weights included, with pycma's learning rates in both."""
    size = 6
    running = start("cma", size, popsize=12, sigma0=0.7)
    reference = purecma.CMAES(list(np.ones(size)), 0.7, popsize=12)
    strategy, parameters = running.strategy, reference.params
    parameters.weights = RecombinationWeights(12)
    parameters.c1, parameters.cmu, parameters.cc = (float(getattr(strategy.sp, n)) for n in ("c1", "cmu", "cc"))
    parameters.weights.finalize_negative_weights(size, parameters.c1, parameters.cmu)
    candidates = running.ask()
    before = np.array(strategy.C)
    fitness = ellipsoid(candidates)
    running.tell(candidates, evaluation(fitness))
    reference.tell([list(x) for x in candidates], list(-fitness))
    change = np.array(strategy.C) - before
    expected = np.array([[reference.C[i][j] for j in range(size)] for i in range(size)]) - np.eye(size)
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(change, expected, rtol=0, atol=2e-5)  # pycma guards a division by 1e-9 or so


@pytest.mark.parametrize("kind", ["ipop", "bipop"])
def test_restarts_leave_a_local_optimum(kind: str) -> None:
    """Rastrigin in 3 dimensions: one descent of 8 candidates is caught, growing populations are not."""
    origin, settings = np.full(3, 3.0), {"popsize": 8, "sigma0": 1.0}
    alone = build("search", {"name": "cma", **settings}).start(origin, 1)
    again = build("search", {"name": "cma", "restarts": kind, **settings}).start(origin, 1)
    advance(alone, rastrigin, 300)
    populations = [8]
    while sum(populations) < 30_000:
        populations.append(len(advance(again, rastrigin, 1)[0][0]))
    caught, free = (float(rastrigin(running.recommendation()[None])[0]) for running in (alone, again))
    assert caught < -0.9 and free > -1e-6
    assert populations[0] == 8 and max(populations) >= 32 and not again.stop()
    assert again.metrics()["restarts"] >= 2


def test_bipop_shares_its_evaluations() -> None:
    """Small runs get as many evaluations as large ones; their populations and step sizes are those of Hansen 2009."""
    schedule = Restarts("bipop", 10, 1.0, seed=0)
    seen = []
    for _ in range(40):
        popsize, sigma0, shift = schedule.next(3)
        seen.append((schedule.regime, popsize, sigma0))
        schedule.count(popsize * 20, 0.0, np.zeros(3))
        assert shift.shape == (3,) and 0.01 <= sigma0 <= 1.0
    large = [popsize for regime, popsize, _ in seen if regime == "large"]
    assert large == [10 * 2 ** (k + 1) for k in range(len(large))] and len(large) >= 3
    assert all(popsize <= large[-1] / 2 for regime, popsize, _ in seen if regime == "small")
    assert schedule.spent["small"] <= schedule.spent["large"] + large[-1] * 20
    assert schedule.spent["small"] > 0.2 * schedule.spent["large"]


@pytest.mark.parametrize(
    "options", [{"restarts": "ipop", "popsize": 6}, {"restarts": "bipop", "popsize": 6}, {"reevaluate": 5}]
)
def test_replay_with_options(options: dict[str, object]) -> None:
    """A killed search is the same search after its history was told again, in the middle of a batch too."""
    rng = stream(0, "noise")
    first = start("cma", 4, **options)
    history = advance(first, lambda x: rastrigin(x) + rng.standard_normal(len(x)), 301)
    second = start("cma", 4, **options)
    for candidates, fitness in history:
        assert second.ask().tobytes() == candidates.tobytes()
        second.tell(candidates.copy(), evaluation(fitness.copy()))
    assert second.ask().tobytes() == first.ask().tobytes()
    assert second.recommendation().tobytes() == first.recommendation().tobytes() and second.metrics() == first.metrics()


def test_reevaluation_looks_again_only_under_noise() -> None:
    """Without noise two looks suffice; with much of it their number grows to the limit; 1 never looks again."""
    rng = stream(0, "noise")
    quiet, loud, off = (start("cma", 4, reevaluate=most) for most in (8, 8, 1))
    advance(quiet, sphere, 100)
    history = advance(loud, lambda x: sphere(x) + 100 * rng.standard_normal(len(x)), 600)
    advance(off, sphere, 3)
    assert quiet.metrics()["looks"] == 2 and loud.metrics()["looks"] > 6 and "looks" not in off.metrics()
    assert history[0][0].tobytes() == history[1][0].tobytes() != history[2][0].tobytes()


def test_reevaluation_hands_over_the_mean() -> None:
    looks = Reevaluation(2, 4)
    fitness = np.array([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 2.0, 9.0]])
    assert looks.add(fitness[0]) is None and looks.waiting
    found = looks.add(fitness[1])
    assert found is not None and not looks.waiting
    np.testing.assert_array_equal(found, [2.0, 4.5, 2.0, 4.5])


def test_covariance_is_diagonal_above_300_coefficients() -> None:
    assert start("cma", 300).strategy.opts["CMA_diagonal"] is False
    assert start("cma", 301).strategy.opts["CMA_diagonal"] is True
    assert start("cma", 301, covariance="full").strategy.opts["CMA_diagonal"] is False
    assert start("cma", 3, covariance="diagonal").strategy.opts["CMA_diagonal"] is True


@pytest.mark.parametrize(
    "option, value", [("covariance", "diag"), ("restarts", "bi"), ("reevaluate", 0), ("sigma0", float("nan"))]
)
def test_refuses(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"search.{option}: expected") as caught:
        build("search", {"name": "cma", option: value})
    assert "\n" not in str(caught.value)
