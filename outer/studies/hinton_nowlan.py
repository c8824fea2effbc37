"""Hinton & Nowlan (1987), "How learning can guide evolution": a needle in a haystack, found because learning widens it.

20 loci with alleles 0 (wrong), 1 (right) and ? (set anew by a fair coin in each of 1,000 trials of a life). Fitness is
1 + 19 n / 1000 with n the trials left after the one that hits on all ones. Parents are drawn with replacement in
proportion to fitness, one crossover point, no mutation. Trials are not simulated: with k question marks and no wrong
allele the first success is geometric with p = 2^-k. One who is born right hits on the first trial: n = 999, fitness 19.981.

The control has the same loci without ?: alleles are drawn 0 or 1 evenly, so fitness is 19.981 at the target and 1 elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inner.random import stream
from outer.studies import base
from outer.studies.base import Panel, Results, Summary, Tell

WRONG, RIGHT, OPEN = 0, 1, 2
BOTH = {"learning": (0.25, 0.25, 0.5), "no learning": (0.5, 0.5, 0.0)}


@dataclass(frozen=True)
class Study(base.Study):
    """`runs` populations side by side, all with draws of their own."""

    runs: int = 100
    generations: int = 1000
    popsize: int = 1000
    loci: int = 20
    trials: int = 1000
    early: int = 50  # the generations of the original figure

    def __post_init__(self) -> None:
        for name in ("runs", "generations", "popsize", "loci", "trials", "early"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"study.{name}: expected a whole number of at least 1, got {value!r}")

    def size(self) -> tuple[float, float]:
        """Genes of all runs, their parents and children; frequencies of all generations, of both parts."""
        population = float(self.runs) * self.popsize
        kept = 2.0 * self.runs * self.generations * 4
        work = population * (self.loci * 6e-9 + 1e-7) + self.runs * 3e-5
        return population * (4.0 * self.loci + 60.0) + base.LISTED * kept, 2.0 * self.generations * work

    def parts(self) -> tuple[str, ...]:
        """With learning, and the control without."""
        return tuple(BOTH)

    def run(self, part: str, seed: int, tell: Tell) -> Results:
        """Allele frequencies [generations, 3] per run, best fitness, evaluations (trials lived) and first success."""
        shape = (self.runs, self.popsize, self.loci)
        first = [stream(seed, "hinton_nowlan", part, run) for run in range(self.runs)]
        genes = np.stack([g.choice(3, p=BOTH[part], size=shape[1:]).astype(np.int8) for g in first])
        shares = np.empty((self.generations, self.runs, 3))
        best = np.empty((self.generations, self.runs))
        lived = np.empty((self.generations, self.runs))
        for generation in range(self.generations):
            rng = stream(seed, "hinton_nowlan", part, "generation", generation)
            left, used = self.trials_left(genes, rng)
            fitness = 1.0 + 19.0 * left / self.trials
            shares[generation] = np.stack([(genes == a).mean((1, 2)) for a in (WRONG, RIGHT, OPEN)], 1)
            best[generation], lived[generation] = fitness.max(1), used.sum(1)
            if generation + 1 < self.generations:
                genes = offspring(genes, fitness, rng)
            if generation % 20 == 0:
                tell(generation + 1, self.generations)
        return {
            "shares": np.round(shares, 6).transpose(1, 0, 2).tolist(),  # [runs, generations, 3]
            "best": np.round(best, 6).T.tolist(),
            "trials": lived.sum(1).tolist(),  # of all runs together, per generation
        }

    def trials_left(self, genes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Trials left after success and trials lived, each [runs, P]; no success: 0 left, all lived."""
        unknown = (genes == OPEN).sum(2)
        able = ~(genes == WRONG).any(2)
        hit = np.full(able.shape, self.trials + 1, dtype=np.int64)
        count = unknown[able]
        drawn = np.ceil(np.log1p(-rng.random(count.size)) / np.log1p(-(0.5 ** np.maximum(count, 1))))
        hit[able] = np.where(count == 0, 1, np.clip(drawn, 1, self.trials + 1)).astype(np.int64)
        fixed = unknown == 0  # without ? every trial is the same: one is enough to know
        return np.maximum(self.trials - hit, 0), np.where(fixed, 1, np.minimum(hit, self.trials))

    def summary(self, results: Mapping[str, Mapping[str, Any]]) -> Summary:
        """Allele frequencies over generations and evaluations, and the bands of the published result."""
        learning, control = (np.array(results[name]["shares"]) for name in BOTH)  # [runs, generations, 3]
        best = np.array(results["learning"]["best"])
        last, early = self.generations - 1, min(self.early, self.generations) - 1
        took_off = learning[:, early, WRONG] < learning[:, 0, WRONG] / 2
        gone = (learning[took_off, early, WRONG] < 0.02).mean() if took_off.any() else 0.0
        rows = []
        for generation in dict.fromkeys((0, early, last)):
            mean, sd = learning[:, generation].mean(0), learning[:, generation].std(0)
            shares = [f"{mean[a]:.3f} ± {sd[a]:.3f}" for a in (RIGHT, WRONG, OPEN)]
            evaluations = sum(results["learning"]["trials"][: generation + 1]) / self.runs
            rows.append((str(generation + 1), *shares, f"{evaluations:.3g}"))
        hits = sum(max(run) > 1 for run in results["no learning"]["best"])
        headline = (
            f"{took_off.mean():.0%} of {self.runs} runs took off by generation {early + 1}; in {gone:.0%} of those wrong "
            f"alleles are below 2 %. Undecided alleles go from {learning[:, early, OPEN].mean():.3f} there to "
            f"{learning[:, last, OPEN].mean():.3f} at generation {last + 1}. Without learning {hits} of {self.runs} runs "
            f"ever met the target; with it {int((best.max(1) > 1).sum())} did."
        )
        columns = ("generation", "right", "wrong", "undecided", "trials lived per run")
        return Summary(headline, columns, tuple(rows), self._pictures(results, learning, control))

    def _pictures(
        self, results: Mapping[str, Mapping[str, Any]], learning: np.ndarray, control: np.ndarray
    ) -> dict[str, list[Panel]]:
        trials = np.cumsum(results["learning"]["trials"]) / self.runs
        early = min(self.early, self.generations)
        names = (("right", RIGHT, "#009e73"), ("wrong", WRONG, "#0072b2"), ("undecided", OPEN, "#c8401d"))

        def panel(title: str, x: np.ndarray, shares: np.ndarray, axis: str, **more: Any) -> Panel:
            lines = []
            for label, allele, colour in names:
                y = shares[:, : len(x), allele]
                low, high = np.quantile(y, (0.1, 0.9), axis=0)
                line = {"label": label, "x": x.tolist(), "y": y.mean(0).tolist(), "colour": colour}
                lines.append(line | {"low": low.tolist(), "high": high.tolist()})
            return {"title": title, "x": axis, "y": "share of alleles", "series": lines, **more}

        return {
            "alleles": [
                panel(f"The first {early} generations", np.arange(early), learning, "generation"),
                panel("All generations", 1.0 + np.arange(self.generations), learning, "generation", log_x=True),
                panel("The same, by trials lived", trials, learning, "trials lived per run", log_x=True),
            ],
            "control": [panel("Without learning: drift alone", np.arange(self.generations), control, "generation")],
        }


def offspring(genes: np.ndarray, fitness: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The next generation of every run [runs, P, loci]: two parents by fitness, one crossover point, no mutation."""
    runs, popsize, loci = genes.shape
    run = np.arange(runs)[:, None]
    wheel = np.cumsum(fitness, 1)
    wheel = (run + wheel / wheel[:, -1:]).ravel()  # the wheels of all runs on one line, run r on r .. r + 1
    flat = genes.reshape(runs * popsize, loci)
    parents = []
    for _ in range(2):
        drawn = (run + rng.random((runs, popsize))).ravel()
        chosen = np.searchsorted(wheel, drawn, side="right").reshape(runs, popsize)
        parents.append(flat[np.clip(chosen, run * popsize, (run + 1) * popsize - 1)])
    cut = rng.integers(1, max(loci, 2), (runs, popsize, 1))
    return np.where(np.arange(loci) < cut, parents[0], parents[1])
