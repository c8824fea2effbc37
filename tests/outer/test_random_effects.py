"""Means over random effects: restricted maximum likelihood against an optimiser, coverage in simulation, plain cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binomtest, ttest_1samp

from inner.random import stream
from outer.evidence.random_effects import crossed, nested
from outer.evidence.sign_test import sign_test


def reml(y: np.ndarray, groups: list[np.ndarray]) -> tuple[float, float, np.ndarray]:
    """(mean, its variance, variances) of y [n] = mu + one random effect per grouping + e, by maximising the likelihood."""
    ones = np.ones((len(y), 1))
    parts = [(g[:, None] == g).astype(float) for g in groups] + [np.eye(len(y))]

    def fitted(log: np.ndarray) -> tuple[float, float, float]:
        covariance = sum(v * part for v, part in zip(np.exp(log), parts))
        inverse = np.linalg.inv(covariance)
        information = float((ones.T @ inverse @ ones)[0, 0])
        mean = float((ones.T @ inverse @ y)[0]) / information
        rest = y - mean
        loss = np.linalg.slogdet(covariance)[1] + np.log(information) + rest @ inverse @ rest
        return loss, mean, 1 / information

    starts = [np.full(len(parts), s) for s in (-1.0, 1.0)]
    options = {"xatol": 1e-7, "fatol": 1e-11, "maxiter": 20_000, "maxfev": 20_000}
    best = min((minimize(lambda v: fitted(v)[0], s, method="Nelder-Mead", options=options) for s in starts), key=lambda r: r.fun)
    _, mean, variance = fitted(best.x)
    return mean, variance, np.exp(best.x)


def draw(seed: int, families: int, seeds: int, of_family: float, of_seed: float) -> np.ndarray:
    """y [F, S] with mean 0."""
    normal = stream(seed, "crossed").standard_normal
    return of_family * normal((families, 1)) + of_seed * normal((1, seeds)) + normal((families, seeds))


@pytest.mark.parametrize("seed, of_family, of_seed", [(0, 2.0, 1.0), (1, 1.0, 0.0), (2, 0.0, 2.0), (3, 0.0, 0.0), (4, 0.5, 0.5)])
def test_the_closed_form_is_restricted_maximum_likelihood(seed: int, of_family: float, of_seed: float) -> None:
    y = draw(seed, 8, 5, of_family, of_seed)
    found = crossed(y)
    rows, columns = np.indices(y.shape)
    mean, variance, parts = reml(y.ravel(), [rows.ravel(), columns.ravel()])
    assert found.mean == pytest.approx(mean, abs=1e-6)
    assert list(found.variances.values()) == pytest.approx(parts.tolist(), rel=2e-3, abs=2e-3)
    from scipy.stats import t

    assert found.high - found.mean == pytest.approx(t.ppf(0.975, found.df) * np.sqrt(variance), rel=2e-3)


@pytest.mark.parametrize("of_seed", [0.0, 0.3])
def test_the_closed_form_holds_for_seeds_with_lives(of_seed: float) -> None:
    normal = stream(5, "nested").standard_normal
    y = of_seed * normal((5, 1)) + normal((5, 12))
    mean, variance, parts = reml(y.ravel(), [np.indices(y.shape)[0].ravel()])
    found = nested(y)
    assert found.mean == pytest.approx(mean, abs=1e-6)
    assert list(found.variances.values()) == pytest.approx(parts.tolist(), rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("of_family, of_seed", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 0.5), (3.0, 1.0)])
def test_an_interval_over_8_families_and_5_seeds_covers_the_mean(of_family: float, of_seed: float) -> None:
    count = 1500
    inside = [(e := crossed(draw(s, 8, 5, of_family, of_seed))).low <= 0 <= e.high for s in range(count)]
    assert np.mean(inside) >= 0.93


def test_an_interval_over_5_seeds_of_40_lives_covers_the_mean() -> None:
    for of_seed in (0.0, 0.1, 1.0):
        inside = []
        for s in range(1500):
            normal = stream(s, "lives").standard_normal
            found = nested(of_seed * normal((5, 1)) + normal((5, 40)))
            inside.append(found.low <= 0 <= found.high)
        assert np.mean(inside) >= 0.93


def test_one_seed_or_one_family_is_students_interval() -> None:
    y = draw(7, 8, 1, 1.0, 0.0)
    expected = ttest_1samp(y.ravel(), 0).confidence_interval(0.95)
    for found in (crossed(y), crossed(y.T), nested(y), nested(y.T)):
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
        assert found.df == 7
    alone = crossed(np.array([[2.0]]))
    assert (alone.mean, alone.low, alone.high) == (2.0, -np.inf, np.inf)


def test_what_differs_between_families_only_has_as_many_degrees_of_freedom() -> None:
    y = np.repeat(np.arange(8.0)[:, None], 5, axis=1)
    found, expected = crossed(y), ttest_1samp(np.arange(8.0), 0).confidence_interval(0.95)
    assert (found.low, found.high, found.df) == pytest.approx((expected.low, expected.high, 7.0))
    same = crossed(np.full((3, 3), 1.5))
    assert (same.mean, same.low, same.high) == (1.5, 1.5, 1.5)


def test_other_shapes_and_numbers_are_refused() -> None:
    for wrong in (np.zeros(3), np.zeros((0, 2)), np.array([[np.nan, 1.0]])):
        with pytest.raises(ValueError, match="expected finite numbers in two dimensions"):
            crossed(wrong)


@pytest.mark.parametrize("positive, negative, ties", [(0, 5, 0), (5, 0, 2), (7, 3, 1), (20, 20, 0), (38, 2, 3), (0, 0, 4)])
def test_the_sign_test_is_exact(positive: int, negative: int, ties: int) -> None:
    values = np.concatenate([np.full(positive, 2.0), np.full(negative, -0.5), np.zeros(ties)])
    found = sign_test(values)
    assert (found.positive, found.count) == (positive, positive + negative)
    if found.count:
        assert found.p == pytest.approx(binomtest(positive, found.count, alternative="greater").pvalue)
    else:
        assert found.p == 1.0
    assert sign_test(values - 1, above=-1.0) == found
