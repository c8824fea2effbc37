"""Needle and ridge: where learning guides evolution and where it hides genes from selection, over the cost of learning.

`loci` binary loci, d of them wrong at birth. Selection sees max(adult - cost * trials used, 0); parents are drawn in
proportion to 1 + 19 times that, one crossover point, mutation at `mutation` per locus.

needle  adult is 1 at the target and 0 elsewhere, so without learning selection is blind. In each of `trials` trials
        every locus is flipped with probability `flip` until the target is hit: p = flip^d (1 - flip)^(loci - d), a hill
        around the needle (Hinton & Nowlan 1987, with mutation and inherited guesses).
ridge   adult is the share of right loci, so without learning selection sees every gene. A trial flips one locus and
        keeps what is better: learning takes everybody to the top, and what genes are worth is hidden (Mayley 1997).
Trials are not simulated one by one: waiting times are geometric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inner.random import stream
from outer.studies import base
from outer.studies.base import Panel, Results, Summary, Tell
from outer.studies.hinton_nowlan import offspring

LANDSCAPES = ("needle", "ridge")
LAST = 50  # generations over which the end is averaged


@dataclass(frozen=True)
class Study(base.Study):
    """Every cost, and no learning, from the same first populations."""

    runs: int = 20
    generations: int = 400
    popsize: int = 200
    loci: int = 20
    trials: int = 1000
    flip: float = 0.1
    right: float = 0.6  # share of right alleles at the start
    mutation: float = 0.004
    costs: tuple[float, ...] = (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "costs", base.numbers("costs", self.costs, 0.0))
        for name in ("runs", "generations", "popsize", "loci", "trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"study.{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("flip", "right", "mutation"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"study.{name}: expected a number between 0 and 1, got {getattr(self, name)}")

    def size(self) -> tuple[float, float]:
        """Genes of all conditions and runs, the draws of their mutations; means of all generations, of both landscapes."""
        rows = float(len(self.costs) + 1) * self.runs
        population, kept = rows * self.popsize, 2.0 * 4 * rows * self.generations
        work = population * (self.loci * 1.2e-8 + 1e-7) + rows * 3e-5
        return population * (9.0 * self.loci + 55.0) + base.LISTED * kept, 2.0 * self.generations * work

    def parts(self) -> tuple[str, ...]:
        """The landscapes."""
        return LANDSCAPES

    def run(self, part: str, seed: int, tell: Tell) -> Results:
        """Birth, adult and trials [conditions, runs, generations], conditions being the costs and then no learning."""
        conditions = len(self.costs) + 1
        first = stream(seed, "needle", part).random((self.runs, self.popsize, self.loci)) < self.right
        genes = np.tile(first.astype(np.int8), (conditions, 1, 1))  # [conditions * runs, P, loci]
        cost = np.repeat([*self.costs, 0.0], self.runs)[:, None]
        learns = np.repeat([True] * len(self.costs) + [False], self.runs)[:, None]
        kept = np.empty((4, self.generations, len(genes)))
        for generation in range(self.generations):
            rng = stream(seed, "needle", part, generation)
            wrong = self.loci - genes.sum(2, dtype=np.int64)
            born = (wrong == 0).astype(float) if part == "needle" else 1.0 - wrong / self.loci
            adult, used = self.needle(wrong, rng) if part == "needle" else self.ridge(wrong, rng)
            adult, used = np.where(learns, adult, born), np.where(learns, used, 0)
            fitness = 1.0 + 19.0 * np.maximum(adult - cost * used, 0.0)
            worth = fitness / fitness.mean(1, keepdims=True)
            right = 1.0 - wrong / self.loci
            pull = ((worth - 1.0) * (right - right.mean(1, keepdims=True))).mean(1)  # Price's equation
            kept[:, generation] = right.mean(1), adult.mean(1), used.mean(1), pull
            genes = offspring(genes, fitness, rng)
            genes = np.where(rng.random(genes.shape) < self.mutation, 1 - genes, genes).astype(np.int8)
            if generation % 20 == 0:
                tell(generation + 1, self.generations)
        shaped = np.round(kept, 6).reshape(4, self.generations, conditions, self.runs).transpose(0, 2, 3, 1)
        return {name: values.tolist() for name, values in zip(("right", "adult", "used", "pull"), shaped)}

    def needle(self, wrong: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Adult score and trials used, given the number of wrong loci at birth."""
        chance = self.flip**wrong * (1 - self.flip) ** (self.loci - wrong)
        with np.errstate(over="ignore"):
            wait = np.ceil(np.log1p(-rng.random(wrong.shape)) / np.log1p(-chance))
        hit = np.where(wrong == 0, 0.0, np.maximum(wait, 1.0))  # born right: nothing to learn
        return (hit <= self.trials).astype(float), np.minimum(hit, self.trials)

    def ridge(self, wrong: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Each wrong locus waits for its trial: with j wrong ones left, one is put right with probability j / loci."""
        left, used = wrong.copy(), np.zeros(wrong.shape)
        for _ in range(self.loci):
            chance = np.clip(left / self.loci, 1e-12, 1 - 1e-12)
            wait = np.maximum(np.ceil(np.log1p(-rng.random(wrong.shape)) / np.log1p(-chance)), 1.0)
            fixed = (left > 0) & (used + wait <= self.trials)
            used = np.where(fixed, used + wait, np.where(left > 0, float(self.trials), used))
            left = np.where(fixed, left - 1, left)
        return 1.0 - left / self.loci, used

    def summary(self, results: Mapping[str, Mapping[str, Any]]) -> Summary:
        """The innate share of right loci at the end against the cost of learning."""
        names = [f"{cost:g}" for cost in self.costs] + ["no learning"]
        rows, panels, says = [], [], []
        last = min(LAST, self.generations)
        for landscape in LANDSCAPES:
            found = {name: np.array(values) for name, values in results[landscape].items()}
            ends = {name: values[:, :, -last:].mean(2) for name, values in found.items()}  # [conditions, runs]
            pull = found["pull"][:, :, : min(20, self.generations)].mean(2)
            for k, name in enumerate(names):
                cells = [f"{ends[key][k].mean():.3f} ± {ends[key][k].std(ddof=1):.3f}" for key in ("right", "adult")]
                rows.append((landscape, name, *cells, f"{ends['used'][k].mean():.3g}", f"{pull[k].mean():+.4f}"))
            right = ends["right"].mean(1)
            top = int(np.argmax(right[:-1]))
            says.append(
                f"{landscape}: innate {right[-1]:.2f} without learning, {right[0]:.2f} with free learning, "
                f"at best {right[top]:.2f} (cost {names[top]})"
            )
            panels.append(self._panel(landscape, ends))
        columns = ("landscape", "cost per trial", "innate", "adult", "trials", "selection on genes")
        times = [self._course(landscape, np.array(results[landscape]["right"]), names) for landscape in LANDSCAPES]
        return Summary("; ".join(says) + ".", columns, tuple(rows), {"costs": panels, "generations": times})

    def _panel(self, landscape: str, ends: Mapping[str, np.ndarray]) -> Panel:
        """End against cost on a log axis; a cost of 0 stands a decade left of the smallest."""
        paid = [c for c in self.costs if c > 0]
        x = [c if c > 0 else (min(paid) / 10 if paid else 1.0) for c in self.costs]
        lines = []
        for key, label, colour in (("right", "innate", "#c8401d"), ("adult", "after learning", "#0072b2")):
            mean, sd = ends[key][:-1].mean(1), ends[key][:-1].std(1)
            line = {"label": label, "x": x, "y": mean.tolist(), "colour": colour}
            lines.append(line | {"low": (mean - sd).tolist(), "high": (mean + sd).tolist()})
        still = float(ends["right"][-1].mean())
        lines.append(
            {
                "label": "innate, no learning",
                "x": [x[0], x[-1]],
                "y": [still, still],
                "dashed": True,
                "colour": "#3d3d3d",
            }
        )
        axis = "cost of a trial (leftmost: free)"
        return {
            "title": landscape.capitalize(),
            "x": axis,
            "y": "share right at the end",
            "series": lines,
            "log_x": True,
        }

    def _course(self, landscape: str, right: np.ndarray, names: list[str]) -> Panel:
        shown = sorted({0, len(self.costs) // 2, len(self.costs) - 1, len(self.costs)})
        lines = [
            {"label": f"cost {names[k]}" if k < len(self.costs) else names[k], "x": list(range(right.shape[2]))}
            | {"y": right[k].mean(0).tolist()}
            for k in shown
        ]
        return {"title": landscape.capitalize(), "x": "generation", "y": "innate share right", "series": lines}
