"""Predicts the bytes that lives take at their peak from sizes alone: nothing is drawn, nothing is allocated.

What stays until the last life has ended (results, final states) and what one block of networks needs while it lives
are told apart, as in `inner/life/eager.py` and the native engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from inner.axes import side_by_side
from inner.engines.choice import choose
from inner.learners.base import Cost, Learner, Spec
from inner.sources import GATHERED
from inner.tasks.base import Sizes, Task

Bytes = Callable[[int, int], float]  # (candidates, lifetimes of each) -> predicted bytes

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
    scratch: float = 0.0  # floats per synapse and sample beside what the learner says: an interpreter's registers

    @cached_property
    def sizes(self) -> Sizes:
        """Samples of a life."""
        return self.task.sizes(self.tier, self.steps, self.batch)

    @cached_property
    def cost(self) -> Cost:
        """Price of a step; a kernel does not ask for the formulas in torch, which take time to be made."""
        return Learner.cost(self.learner, self.spec) if self.chosen == "native" else self.learner.cost(self.spec)

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of every group of synapses."""
        return self.learner.network.shapes(self.task.inputs, self.task.outputs)

    @cached_property
    def weights(self) -> int:
        """W of a network."""
        return sum(i * o for i, o in self.shapes)

    @cached_property
    def spec(self) -> Spec:
        """Sizes and meaning of what is learned."""
        task, sequential = self.task, self.task.sequences or self.task.environment
        return Spec(task.inputs, task.outputs, task.criterion, self.steps, self.batch, sequential, task.compiled)

    @cached_property
    def chosen(self) -> str:
        """The engine that these lives run on: native or eager."""
        return "eager" if self.task.environment else choose(self.engine, self.learner, self.spec, self.device)[0]

    def data(self, lifetimes: int) -> float:
        """Bytes of the samples of L lives, and of drawing them."""
        task, found = self.task, self.sizes
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
        theta = 8.0 * 2 * population * self.values
        return self.data(lifetimes) + theta + lived(population, lifetimes)

    def differentiated(self, population: int, lifetimes: int, steps: int, copies: int = 1, width: float = 4.0) -> float:
        """The same of lives whose gradient is estimated.

        steps: whose graph is held at a time; copies: of every network; width: bytes of a number.
        """
        networks, shown = population * lifetimes * copies, self.batch * self.task.inputs
        graph = steps * (self.batch * self.cost.floats + self.weights + shown)
        exam = self.sizes.test * (self.task.inputs + 3.0 * sum(o for _, o in self.shapes))
        kept = (steps + 4) * (self.cost.state + self.values) + graph + exam
        return width / 4 * self.data(lifetimes) + width * networks * kept

    def _tested(self) -> float:
        """Numbers of one network's test outputs."""
        return float(self.sizes.test * self.task.outputs)

    def _native(self, population: int, lifetimes: int) -> float:
        padded = sum(i * (o + LANES) for i, o in self.shapes)
        workspace = 8.0 * (padded * max(1.0, self.cost.state / self.weights) + 2 * self.batch * self.cost.floats)
        born = 12.0 * self.weights * lifetimes
        outputs = self._tested() * (4.0 * self.records + SCORING)
        return workspace + born + population * lifetimes * (4.0 * self.weights + outputs)

    def _eager(self, population: int, lifetimes: int) -> float:
        whole = self.device != "cpu" or self.scratch  # one block
        footprint = 0 if whole else self.learner.footprint(self.spec)
        block = side_by_side(footprint, max(population, 1), lifetimes)
        kept = 4.0 * (self.cost.state + self.values)
        return self._block(max(2, block * lifetimes)) + population * lifetimes * kept

    def _block(self, networks: int) -> float:
        """Bytes of some networks beside their states, at their most: when they are born, in a step, or when they are tested."""
        task, test = self.task, self.sizes.test
        above, largest = sum(o for _, o in self.shapes), max(i * o for i, o in self.shapes)
        exam = test * (task.inputs + task.outputs)  # folded once per life
        born = 2.0 * largest
        step = self.batch * (self.cost.floats + self.scratch * largest + task.inputs + task.outputs)
        tested = 2.0 * test * above + self._tested() * SCORING / 4
        return 4.0 * networks * (exam + max(born, step, tested)) + 4.0 * GATHERED
