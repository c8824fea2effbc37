"""Predicts the bytes that lives take at their peak from sizes alone: nothing is drawn, nothing is allocated.

What stays until the last life has ended (results, final states) and what one block of networks needs while it lives
are told apart, as in `inner/life/eager.py` and the native engine.
"""

from __future__ import annotations

from dataclasses import dataclass

from inner.axes import side_by_side
from inner.engines.choice import choose
from inner.learners.base import Cost, Learner, Spec
from inner.sources import GATHERED
from inner.tasks.base import Task

LANES = 16  # floats of the longest vectors: rows of a kernel's workspace are padded to them
SCORING = 24.0  # bytes per test output while it is scored: outputs, targets, and a comparison of both
DRAWING = 2.0  # copies of the samples of a life while lives are stacked
OTHER = 2000.0  # bytes of a life's label, its streams and scores


@dataclass(frozen=True)
class Lives:
    """P candidates of L lives each, of one learner in one setting."""

    learner: Learner  # with its network
    task: Task
    tier: str
    steps: int  # T
    batch: int  # B
    records: int = 1  # tests in a life
    engine: str = "auto"
    device: str = "cpu"
    values: int = 1  # C, the numbers of theta of a candidate

    @property
    def spec(self) -> Spec:
        """Sizes and meaning of what is learned."""
        task, sequential = self.task, self.task.sequences or self.task.environment
        return Spec(task.inputs, task.outputs, task.criterion, self.steps, self.batch, sequential)

    @property
    def chosen(self) -> str:
        """The engine that these lives run on: native or eager."""
        return "eager" if self.task.environment else choose(self.engine, self.learner, self.spec, self.device)[0]

    def data(self, lifetimes: int) -> float:
        """Bytes of the samples of L lives, and of drawing them."""
        task, found = self.task, self.task.sizes(self.tier, self.steps, self.batch)
        width = task.inputs + task.outputs
        rotation = 16.0 * task.inputs**2 if hasattr(task, "patterns") else 0.0  # a task of its own for every life
        order = 8.0 * self.steps * self.batch * (not task.environment)
        flags = 2.0 * self.steps * self.batch * task.sequences
        pool = 4.0 * width * found.pool
        each = order + flags + 4.0 * width * found.test + (0.0 if found.shared else pool)
        padded = 4.0 * (task.outputs + LANES) * found.pool * (self.chosen == "native")  # targets, for its vectors
        drawn = 16.0 * width * found.drawn + 3 * order + rotation
        own = 1 if found.shared else lifetimes
        return drawn + (pool * found.shared) + padded * own + (DRAWING * each + OTHER) * lifetimes

    def bytes(self, population: int, lifetimes: int) -> float:
        """Bytes of a job: P candidates with L lives each, at the peak."""
        lived = self._native if self.chosen == "native" else self._eager
        theta = 8.0 * 3 * population * self.values
        return self.data(lifetimes) + theta + lived(population, lifetimes)

    @property
    def _weights(self) -> int:
        return sum(i * o for i, o in self.learner.network.shapes(self.task.inputs, self.task.outputs))

    def _tested(self) -> float:
        """Numbers of one network's test outputs."""
        return float(self.task.sizes(self.tier, self.steps, self.batch).test * self.task.outputs)

    def _native(self, population: int, lifetimes: int) -> float:
        network, task = self.learner.network, self.task
        rows = network.shapes(task.inputs, task.outputs)
        padded = sum(i * (o + LANES) for i, o in rows)
        cost = self.learner.cost(self.spec)
        workspace = 8.0 * (padded * max(1.0, cost.state / self._weights) + self.batch * 2 * cost.floats)
        born = 12.0 * self._weights * lifetimes
        outputs = self._tested() * (4.0 * self.records + SCORING)
        return workspace + born + population * lifetimes * (4.0 * self._weights + outputs)

    def _eager(self, population: int, lifetimes: int) -> float:
        learner, cost = self.learner, self.learner.cost(self.spec)
        footprint = learner.footprint(self.spec) if self.device == "cpu" else 0
        block = side_by_side(footprint, max(population, 1), lifetimes)
        networks, here = population * lifetimes, max(2, block * lifetimes)
        kept = 4.0 * (cost.state + self.values)
        return self._block(cost, here) + networks * kept

    def _block(self, cost: Cost, networks: int) -> float:
        """Bytes of some networks beside their states, at their most: when they are born, in a step, or when they are tested."""
        network, task = self.learner.network, self.task
        units = sum(network.sizes(task.inputs, task.outputs))
        largest = max(i * o for i, o in network.shapes(task.inputs, task.outputs))
        test = task.sizes(self.tier, self.steps, self.batch).test
        shown = self.batch * (task.inputs + task.outputs)
        exam = test * (task.inputs + task.outputs)  # folded once per life
        born, step = 2.0 * largest, self.batch * cost.floats + shown
        tested = 2.0 * test * (units - task.inputs) + self._tested() * SCORING / 4
        return 4.0 * networks * (exam + max(born, step, tested)) + 4.0 * GATHERED
