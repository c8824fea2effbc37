"""Re-evaluation: the same candidates are scored again before `tell` while their ranks keep changing.

The uncertainty measure is that of UH-CMA-ES (Hansen, Niederberger, Guzzella & Koumoutsakos 2009), in pycma's words.
Candidates of one generation share their lives, so a second look needs another generation with fresh lives.
"""

from __future__ import annotations

import numpy as np


class Reevaluation:
    """Collects the fitness of one batch over several generations. With most = 1 it hands everything through."""

    def __init__(self, most: int, size: int) -> None:
        self.most = most
        self.looks: list[np.ndarray] = []  # fitness [P] of each generation that scored this batch
        if most > 1:
            from cma.optimization_tools import NoiseHandler

            self.handler = NoiseHandler(size, maxevals=[2, most])

    @property
    def waiting(self) -> bool:
        """True where the batch must be evaluated again."""
        return bool(self.looks)

    def add(self, fitness: np.ndarray) -> np.ndarray | None:
        """The mean fitness [P] when the batch has been scored often enough, None while it has not."""
        if self.most == 1:
            return fitness
        self.looks.append(fitness)
        if len(self.looks) < round(self.handler.evaluations):
            return None
        looks, self.looks = np.array(self.looks), []
        self._judge(looks)
        result: np.ndarray = looks.mean(0)
        return result

    def _judge(self, looks: np.ndarray) -> None:
        """More looks for the next batch while ranks change more than chance would, slowly fewer while they do not."""
        halves = [each.mean(0) for each in (looks[::2], looks[1::2])]
        centred = [half - np.median(half) for half in halves]  # generations differ in how hard their lives are
        handler = self.handler
        handler.fit, handler.fitre = (list(-half) for half in centred)
        handler.idx = np.arange(looks.shape[1])
        handler.update_measure()
        factor = handler.alphaevals if handler.noiseS > 0 else handler.alphaevalsdown
        handler.evaluations = float(np.clip(handler.evaluations * factor, 2, self.most))

    def metrics(self) -> dict[str, float]:
        """Looks per batch and the smoothed rank-change measure (above 0: noisy); nothing when switched off."""
        if self.most == 1:
            return {}
        return {"looks": float(self.handler.evaluations), "rank_change": float(self.handler.noiseS)}
