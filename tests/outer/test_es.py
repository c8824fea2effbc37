"""Evolution strategies: the estimator against exact gradients, its variance, and one Adam step by a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from drive import advance, ellipsoid, evaluation, sphere, start

from inner.components import build
from inner.random import stream
from outer.searches.base import centred_ranks, ranks
from outer.searches.es import draw, estimate

SIZE = 20
CURVATURE = stream(0, "curvature").standard_normal((SIZE, SIZE))
CURVATURE = CURVATURE @ CURVATURE.T / SIZE
POINT = stream(0, "point").standard_normal(SIZE)
GRADIENT = -CURVATURE @ POINT


def quadratic(x: np.ndarray) -> np.ndarray:
    return -0.5 * np.einsum("pi,ij,pj->p", x, CURVATURE, x)


def estimates(count: int, popsize: int, mirrored: bool, kind: str, sigma: float = 0.5) -> np.ndarray:
    """`count` independent estimates [count, D] of the gradient at POINT, each from `popsize` evaluations."""
    found = []
    for k in range(count):
        directions = draw(stream(1, "directions", k), (popsize // 2 if mirrored else popsize, SIZE), kind)
        step = sigma * directions
        candidates = POINT + (np.concatenate([step, -step]) if mirrored else step)
        found.append(estimate(quadratic(candidates), directions, sigma, mirrored))
    return np.array(found)


@pytest.mark.parametrize("kind", ["gaussian", "rademacher"])
@pytest.mark.parametrize("mirrored", [True, False])
def test_unbiased_on_a_quadratic(kind: str, mirrored: bool) -> None:
    """The mean of 4,000 estimates, at a large sigma: within 4.5 standard errors everywhere, and 1 of them on average."""
    found = estimates(4000, 8, mirrored, kind)
    z = (found.mean(0) - GRADIENT) / (found.std(0, ddof=1) / np.sqrt(len(found)))
    assert np.abs(z).max() < 4.5 and 0.2 < np.square(z).mean() < 2.5


@pytest.mark.parametrize("kind", ["gaussian", "rademacher"])
def test_mirrored_variance_is_below_plain(kind: str) -> None:
    """At equal evaluations; a pair cancels the fitness at the mean and every even order."""
    mirrored, plain = (estimates(1500, 8, m, kind).var(0).sum() for m in (True, False))
    assert mirrored < 0.8 * plain


def test_moments_of_mirrored_directions() -> None:
    """E|g|^2 = (D + 2)|grad|^2 for one gaussian pair and D |grad|^2 for +-1, on a quadratic (odd orders alone are left)."""
    norm = np.square(GRADIENT).sum()
    for kind, expected in (("gaussian", SIZE + 2), ("rademacher", SIZE)):
        squares = np.square(estimates(8000, 2, True, kind)).sum(1) / norm
        assert abs(squares.mean() - expected) < 4 * squares.std() / np.sqrt(len(squares))


def test_equal_fitness_shares_its_rank() -> None:
    """Against scipy, ties included; a flat generation is all 0, so that plain directions do not move the mean either."""
    from scipy.stats import rankdata

    fitness = stream(0, "ties").integers(0, 6, 31).astype(float)
    np.testing.assert_array_equal(ranks(fitness), rankdata(fitness) - 1)
    np.testing.assert_allclose(centred_ranks(fitness), (rankdata(fitness) - 16) / 30, atol=1e-15)
    assert not centred_ranks(np.full(7, 3.0)).any()


def test_moves_along_the_estimated_gradient() -> None:
    """Mirrored pairs, ranks and Adam's moments by a plain loop over Kingma & Ba's algorithm 1, compared on steps."""
    running = start("es", 4, popsize=8, sigma=0.2, lr=0.05, weight_decay=0.01)
    first, second, mean = [0.0] * 4, [0.0] * 4, [1.0] * 4
    for t in range(1, 6):
        candidates = running.ask()
        np.testing.assert_allclose(candidates[:4] + candidates[4:], 2 * np.array([mean] * 4), rtol=1e-12)
        fitness = ellipsoid(candidates)
        ranks = [sum(g < f for g in fitness) / 7 - 0.5 for f in fitness]
        for d in range(4):
            slope = sum(r * (x[d] - mean[d]) / 0.2 for r, x in zip(ranks, candidates)) / (8 * 0.2) - 0.01 * mean[d]
            first[d] = 0.9 * first[d] + 0.1 * slope
            second[d] = 0.999 * second[d] + 0.001 * slope**2
        mean = [
            m + 0.05 * (f / (1 - 0.9**t)) / ((s / (1 - 0.999**t)) ** 0.5 + 1e-8) for m, f, s in zip(mean, first, second)
        ]
        before = running.recommendation()
        running.tell(candidates, evaluation(fitness))
        np.testing.assert_allclose(running.recommendation() - before, np.array(mean) - before, rtol=1e-8)


@pytest.mark.parametrize(
    "options",
    [
        {"mirrored": False},
        {"directions": "rademacher"},
        {"shaping": "none", "lr": 0.02},
        {"mirrored": False, "popsize": 7},
    ],
)
def test_variants_climb(options: dict[str, object]) -> None:
    running = start("es", **options)
    history = advance(running, sphere, 300)
    assert float(sphere(running.recommendation()[None])[0]) > -1.0
    if options.get("directions") == "rademacher":
        steps = history[0][0] - 1.0
        np.testing.assert_allclose(np.abs(steps), 0.3, rtol=1e-12)
    if options.get("mirrored") is False:
        assert np.abs(history[0][0].sum(0) - len(history[0][0])).min() > 1e-6, "plain directions do not cancel"


@pytest.mark.parametrize(
    "option, value",
    [("directions", "gauss"), ("shaping", "rank"), ("popsize", 7), ("lr", 0.0), ("decay", 1.5), ("weight_decay", -1.0)],
)
def test_refuses(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"search.{option}: ") as caught:
        build("search", {"name": "es", option: value})
    assert "\n" not in str(caught.value)
