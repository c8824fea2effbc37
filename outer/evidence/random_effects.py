"""Means with 95 % intervals under random effects: over families x search seeds, and over search seeds x lives.

Crossed, y [F, S]:  y_fs = mu + family_f + seed_s + e_fs          var(mean) = (l_F + l_S - l_E) / (F S)
Nested, y [S, L]:   y_sl = mu + seed_s + e_sl                     var(mean) = l_S / (S L)

with the stratum variances l_F = s_e^2 + S s_F^2, l_S = s_e^2 + F s_S^2 (nested: s_e^2 + L s_S^2), l_E = s_e^2. The
layout is balanced, so restricted maximum likelihood (Patterson & Thompson 1971) has a closed form: the mean squares,
pooled with that of e where a variance would be negative (Thompson 1962). Intervals are Student's with Satterthwaite's
(1946) degrees of freedom.

Simulated with 8 families and 5 seeds they cover the mean in 94.5 to 98 % of the cases, a percentile bootstrap over
families and seeds in 90 to 99.6 % (90 where seeds differ most: it resamples few units). With 2 seeds the intervals here
cover 89 to 98 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval, infinite where nothing repeats, and the share of the variance of each effect."""

    mean: float
    low: float
    high: float
    df: float  # degrees of freedom
    variances: dict[str, float]  # of the effects and of the rest, in squared units


@dataclass(frozen=True)
class Stratum:
    """A sum of squares with its degrees of freedom, and the weights of the strata in it in the variance of the mean."""

    squares: float
    df: float
    weight: float

    @property
    def variance(self) -> float:
        """The mean square."""
        return self.squares / self.df

    def pooled(self, other: Stratum) -> Stratum:
        """Both as one."""
        return Stratum(self.squares + other.squares, self.df + other.df, self.weight + other.weight)


def crossed(y: np.ndarray) -> Estimate:
    """The mean of y [F, S] over families and search seeds. With one seed: over families alone; with one family: seeds."""
    y = _checked(y)
    families, seeds = y.shape
    mean, rows, columns = y.mean(), y.mean(1), y.mean(0)
    family = Stratum(float(seeds * np.square(rows - mean).sum()), families - 1, 1.0)
    seed = Stratum(float(families * np.square(columns - mean).sum()), seeds - 1, 1.0)
    if min(families, seeds) == 1:
        known = {"family": family, "seed": seed} if families > 1 else {"seed": seed, "family": family}
        return _alone(mean, known, y.size)
    rest = np.square(y - rows[:, None] - columns + mean).sum()
    error = Stratum(float(rest), (families - 1) * (seeds - 1), -1.0)
    return _estimate(float(mean), {"family": (family, seeds), "seed": (seed, families)}, error, y.size)


def nested(y: np.ndarray) -> Estimate:
    """The mean of y [S, L] over search seeds, each with lives of its own. With one seed: over its lives alone."""
    y = _checked(y)
    seeds, lives = y.shape
    mean, rows = float(y.mean()), y.mean(1)
    seed = Stratum(float(lives * np.square(rows - mean).sum()), seeds - 1, 1.0)
    error = Stratum(float(np.square(y - rows[:, None]).sum()), seeds * (lives - 1), 0.0)
    if seeds == 1 or lives == 1:
        error = Stratum(error.squares, error.df, 1.0)
        return _alone(mean, {"life": error, "seed": seed} if seeds == 1 else {"seed": seed, "life": error}, y.size)
    return _estimate(mean, {"seed": (seed, lives)}, error, y.size)


def _checked(y: np.ndarray) -> np.ndarray:
    y = np.asarray(y, dtype=np.float64)
    if y.ndim != 2 or not y.size or not np.isfinite(y).all():
        raise ValueError(f"random effects: expected finite numbers in two dimensions, got shape {list(y.shape)}")
    return y


def _estimate(mean: float, effects: dict[str, tuple[Stratum, int]], error: Stratum, size: int) -> Estimate:
    """The estimate from the strata: those below the error's are pooled with it, the smallest first."""
    rest, apart = error, {}
    for name, (stratum, _) in sorted(effects.items(), key=lambda item: item[1][0].variance):
        if stratum.variance < rest.variance:
            rest = rest.pooled(stratum)
        else:
            apart[name] = stratum
    parts = [rest, *apart.values()]
    total = sum(part.weight * part.variance for part in parts)
    spread = sum((part.weight * part.variance) ** 2 / part.df for part in parts)
    df = total**2 / spread if spread > 0 else rest.df
    variances = {
        name: (apart[name].variance - rest.variance) / repeats if name in apart else 0.0
        for name, (_, repeats) in effects.items()
    }
    return _interval(mean, max(total, 0.0) / size, df, variances | {"rest": rest.variance})


def _alone(mean: float, strata: dict[str, Stratum], size: int) -> Estimate:
    """The estimate where only the first stratum repeats, if any does."""
    name, stratum = next(iter(strata.items()))
    if stratum.df < 1:
        return Estimate(float(mean), -np.inf, np.inf, 0.0, {})
    return _interval(float(mean), stratum.variance / size, stratum.df, {name: stratum.variance})


def _interval(mean: float, variance: float, df: float, variances: dict[str, float]) -> Estimate:
    from scipy.stats import t

    half = float(t.ppf(0.5 + LEVEL / 2, df)) * float(np.sqrt(variance))
    return Estimate(float(mean), float(mean - half), float(mean + half), float(df), variances)
