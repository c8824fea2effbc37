"""Hybrid of evolution and gradients: a Lamarckian population whose lives are SGD, against SGD alone, at equal gradient steps.

lamarckian   `popsize` networks; each generation is a life of `steps` SGD steps, what was learned is inherited, losers of
             tournaments become mutated winners; weights and learning rate evolve, the rate from N(log of the geometric
             mean of `rates`, 1). Scored: the last recommendation, at birth.
one network  SGD alone for popsize * generations * steps steps, for each of `rates`; the best rate on the select tier.
many         popsize networks of generations * steps steps each; the best network and rate on the select tier.
All three take the same number of gradient steps per rate, and rates are tried for SGD alone at no charge: what is held
against the population is the stronger for it. Scores are of `test` fresh points of the final tier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inner.axes import fold
from inner.life.eager import live
from inner.life.request import Life
from inner.life.size import Lives
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.tasks.yin_yang import Task
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.genome.network import Genes, NetworkGenome
from outer.inheritance.kinds import Inheritance
from outer.inheritance.objective import InheritanceObjective
from outer.searches.microbial import Search
from outer.settings import Distribution
from outer.studies import base
from outer.studies.base import Results, Summary, Tell

ARMS = ("lamarckian", "one network", "many")
SGD = {"dw": "eta*err*pre", "pathway": "backprop"}


@dataclass(frozen=True)
class Study(base.Study):
    """Yin-Yang, 4-hidden-3."""

    seeds: int = 5
    popsize: int = 16
    generations: int = 60
    steps: int = 50
    batch: int = 20
    hidden: int = 30
    sigma: float = 0.05  # of mutation
    rates: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    test: int = 2000
    patterns: int = 20000  # training points of SGD alone

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", base.numbers("rates", self.rates, 0.0, above=True))
        for name in ("seeds", "popsize", "generations", "steps", "batch", "hidden", "test", "patterns"):
            if getattr(self, name) < (2 if name == "popsize" else 1):
                raise ValueError(f"study.{name}: expected a larger whole number, got {getattr(self, name)}")

    @property
    def budget(self) -> int:
        """Gradient steps of an arm."""
        return self.popsize * self.generations * self.steps

    def size(self) -> tuple[float, float]:
        """The networks of SGD alone, of all seeds and rates at once: each sees the whole budget, or a share of it."""
        learner, task = self._genome().learner, Task(permute=False, patterns=self.patterns, test=max(100, self.test))
        most, work = 0.0, 0.0
        for networks in (1, self.popsize):
            lives = Lives(learner, task, "search", self.budget // networks, self.batch, values=learner.layout.size)
            most = max(most, lives.bytes(len(self.rates), self.seeds * networks))
            work += self.seeds * len(self.rates) * self.budget * (4e-6 + self.batch * self.hidden * 1e-8)
        return most, work * 1.5

    def parts(self) -> tuple[str, ...]:
        """The arms."""
        return ARMS

    def run(self, part: str, seed: int, tell: Tell) -> Results:
        """Final scores per seed, and what was chosen."""
        torch.set_num_threads(1)
        if part == "lamarckian":
            return self._lamarckian(seed, tell)
        return self._alone(seed, 1 if part == "one network" else self.popsize)

    def _genome(self) -> NetworkGenome:
        network = Network(hidden=(self.hidden,), bias=True)
        middle = math.exp(float(np.log(self.rates).mean()))  # evolution knows of the rates what SGD alone knows
        rule = Rule.from_dict({**SGD, "coefficients": {"eta": {"init": middle, "transform": "log"}}})
        return NetworkGenome(rule, network, 4, 3, self.steps, Genes(weights="direct"))

    def _lamarckian(self, seed: int, tell: Tell) -> Results:
        genome, scores, rates, curves = self._genome(), [], [], []
        spec = {"name": "yin_yang", "permute": False, "patterns": self.steps * self.batch, "test": 100}
        options = {"activation": "tanh", "bias": True}
        distribution = Distribution(
            spec, steps=(self.steps,) * 2, batch=self.batch, hidden=(self.hidden,), network=options
        )
        search = Search(self.popsize, self.generations, sigma=self.sigma, recombination=1.0, deme=self.popsize // 2)
        for k in range(self.seeds):
            own, curve = InheritanceObjective(genome, distribution, seed + k, Inheritance("lamarckian"), 1), []
            for generation in evolve(own, search, Evaluator()):
                curve.append(generation.metrics["best_birth"])
            theta = torch.from_numpy(genome.decode(generation.recommendation[None]))
            scores.append(float(self._tested(genome, theta, 0, seed, [k], ("final",))[0][0, 0]))
            rates.append(float(theta[0, 0]))
            curves.append(curve)
            tell(k + 1, self.seeds)
        return {"scores": scores, "rates": rates, "curves": curves}

    def _alone(self, seed: int, networks: int) -> Results:
        """`networks` per seed share the budget; every rate is tried, and the best on the select tier is kept."""
        genome = replace(self._genome(), genes=Genes())
        theta = torch.from_numpy(genome.decode(np.log(np.array(self.rates))[:, None]))
        steps, seeds = self.budget // networks, list(range(self.seeds))
        found = self._tested(genome, theta, steps, seed, seeds, ("select", "final"), networks)
        cells = [each.reshape(len(self.rates), self.seeds, networks).permute(1, 0, 2).flatten(1) for each in found]
        best = cells[0].argmax(1)
        return {
            "scores": cells[1].gather(1, best[:, None])[:, 0].tolist(),
            "rates": [self.rates[int(b) // networks] for b in best],
        }

    def _tested(
        self,
        genome: NetworkGenome,
        theta: Tensor,
        steps: int,
        seed: int,
        seeds: list[int],
        tiers: Sequence[str],
        networks: int = 1,
    ) -> list[Tensor]:
        """Per tier, scores [P, seeds * networks] on `test` points of it after `steps` steps of SGD on the search tier."""
        labels = [("hybrid", k, n) for k in seeds for n in range(networks)]
        task, p, scores = Task(permute=False, patterns=self.patterns, test=100), len(theta), []
        fresh = Task(permute=False, patterns=1, test=self.test)
        shown = task.life_data("search", steps, self.batch, seed, labels)
        with torch.no_grad():
            result = live(Life(genome.learner, task, shown, theta, seed, labels))
            for tier in tiers:
                points = fresh.life_data(tier, 1, 1, seed, labels)
                x, y = fold(points.test_x, p), fold(points.test_y, p)
                output = genome.learner.predict(result.state, x if len(x) > 1 else x.expand(2, -1, -1))
                scores.append(task.score(output[: len(y)], y).reshape(p, -1))
        return scores

    def summary(self, results: Mapping[str, Mapping[str, Any]]) -> Summary:
        """Final accuracy per arm."""
        rows, scores = [], {arm: np.array(results[arm]["scores"]) for arm in ARMS}
        for arm in ARMS:
            found = scores[arm]
            rates = ", ".join(f"{rate:.2g}" for rate in results[arm]["rates"])
            spread = f" ± {found.std(ddof=1):.4f}" if len(found) > 1 else ""
            rows.append((arm, f"{self.budget:,}", f"{found.mean():.4f}{spread}", rates))
        ahead = {arm: scores["lamarckian"] - scores[arm] for arm in ARMS[1:]}
        headline = "; ".join(
            f"lamarckian minus {arm}: {gap.mean():+.4f} (better in {int((gap > 0).sum())} of {len(gap)} seeds)"
            for arm, gap in ahead.items()
        )
        x = [self.popsize * self.steps * g for g in range(self.generations)]
        lines = [
            {"label": "lamarckian, best at birth", "x": x, "y": curve, "thin": k > 0, "colour": "#009e73"}
            for k, curve in enumerate(results["lamarckian"]["curves"])
        ]
        for arm, colour in zip(ARMS[1:], ("#0072b2", "#3d3d3d")):
            level = float(scores[arm].mean())
            lines.append({"label": f"{arm}, at the end", "x": [0, self.budget], "y": [level] * 2, "colour": colour})
        panel = {"title": "Evolution and SGD", "x": "gradient steps", "y": "accuracy", "series": lines}
        return Summary(headline + ".", ("arm", "gradient steps", "accuracy", "rates"), tuple(rows), {"hybrid": [panel]})
