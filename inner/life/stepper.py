"""The two ways through the steps of a life: one by one, or, on a GPU, one step that is recorded once and replayed.

A GPU is told of every operation by the processor, which takes longer than a small network's operation itself. So a step
is written down once as a CUDA graph whose tensors stay where they are: it looks up the samples of step t, t is a tensor
too, and what it computes is copied into the state that it started from. Nothing is read back before the end of life.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from inner.learners.base import Learner
from inner.life.states import map_all, tensors_of
from inner.tasks.base import LifeData

BLOCK = 32  # steps whose samples are gathered at once, at most
SHOWN = 2**15  # numbers that are gathered at once, for several steps
RECORDED = 64  # steps of a life that is worth recording; shorter ones are walked
WARM_UP = 3  # steps before recording, for libraries that prepare themselves on first use

Capture = Callable[[Callable[[], None], Callable[[], None]], Callable[[], None]]  # (step, put back) -> replay


class Walk:
    """`go(stop)` lives on to a step; `state` and `bits` are those of now."""

    masked = False  # whether a look at the networks must not wait for an answer

    def __init__(
        self,
        learner: Learner,
        lives: LifeData,
        state: Any,
        population: int,
        kind: str,
        prequential: bool,
        differentiable: bool = False,
    ) -> None:
        self.lives, self.state, self.population, self.now = lives, state, population, 0
        self.kind, self.prequential = kind, prequential
        self.bits = torch.zeros(population * lives.order.shape[0], dtype=torch.float64, device=lives.x.device)
        self.move = learner.step if differentiable else learner.advance
        copies = (
            len(self.bits) if lives.order.shape[0] > 1 else 1
        )  # candidates of a single life look at the same memory
        self.block = max(1, min(BLOCK, SHOWN // max(1, copies * lives.order.shape[2] * lives.x.shape[2])))

    def go(self, stop: int) -> None:
        """Live on to step `stop`."""
        for start in range(self.now, stop, self.block):
            for x, y in shown(self.lives, start, min(start + self.block, stop), self.population):
                self.state, output = self.move(self.state, x, y)
                if self.prequential:
                    self.bits += code_length(output, y, self.kind)
        self.now = stop

    def put(self, state: Any) -> None:
        """Go on from another state."""
        self.state = state


class Replay:
    """The same on tensors that stay where they are, so that one recorded step can be replayed."""

    masked = True

    def __init__(
        self,
        learner: Learner,
        lives: LifeData,
        state: Any,
        population: int,
        kind: str,
        prequential: bool,
        capture: Capture | None = None,
    ) -> None:
        device = lives.x.device
        self.state = map_all(lambda tensor: tensor.clone(), state)
        self.bits = torch.zeros(population * lives.order.shape[0], dtype=torch.float64, device=device)
        self.now, self.step = 0, torch.zeros(1, dtype=torch.int64, device=device)
        capture = capture or (recorded if lives.order.shape[1] >= RECORDED else walked)

        def one() -> None:
            here = replace(lives, order=lives.order.index_select(1, self.step))
            ((x, y),) = shown(here, 0, 1, population)
            after, output = learner.advance(self.state, x, y)
            if prequential:
                self.bits += code_length(output, y, kind)
            self.step += 1
            self.put(after)

        places = [*tensors_of(self.state), self.bits, self.step]
        kept = [tensor.clone() for tensor in places]

        def put_back() -> None:
            for tensor, value in zip(places, kept):
                tensor.copy_(value)

        self._one = capture(one, put_back)

    def go(self, stop: int) -> None:
        """Live on to step `stop`."""
        for _ in range(self.now, stop):
            self._one()
        self.now = stop

    def put(self, state: Any) -> None:
        """Copy another state into the tensors of this one."""
        for mine, other in zip(tensors_of(self.state), tensors_of(state), strict=True):
            if mine is not other:
                mine.copy_(other)


def walked(step: Callable[[], None], put_back: Callable[[], None]) -> Callable[[], None]:
    """A step that is not recorded."""
    return step


def recorded(step: Callable[[], None], put_back: Callable[[], None]) -> Callable[[], None]:
    """A step as a CUDA graph, or the step itself where it cannot be one, which is said once."""
    try:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                step()
                put_back()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
    except RuntimeError as error:
        warnings.warn(f"device: steps go one by one, no CUDA graph: {str(error).splitlines()[0]}", stacklevel=2)
        put_back()
        return step
    put_back()
    return graph.replay


def shown(lives: LifeData, start: int, stop: int, population: int) -> Iterator[tuple[Tensor, Tensor]]:
    """x [N, B, I] and y [N, B, O] of the steps start .. stop."""
    order = lives.order[:, start:stop].transpose(0, 1)  # [steps, L, B]

    def all_of(pool: Tensor) -> Sequence[Tensor]:
        index = order
        if pool.shape[0] > 1 and pool.stride(0):  # lives do not share one pool
            index = order + torch.arange(0, len(pool) * pool.shape[1], pool.shape[1], device=order.device)[:, None]
        flat = pool.flatten(0, 1) if index is not order else pool[0]
        picked = flat.index_select(0, index.reshape(-1)).reshape(len(order), 1, *order.shape[1:], -1)
        return picked.expand(-1, population, -1, -1, -1).reshape(len(order), -1, *picked.shape[3:]).unbind(0)

    return zip(all_of(lives.x), all_of(lives.y))


def code_length(output: Tensor, y: Tensor, kind: str) -> Tensor:
    """Bits to code the targets y [N, B, O] given the predictions: float64 [N], summed over samples.

    Classes: -log2 p(class), at most 100 bits a sample. Regression: a Gaussian of unit variance.
    """
    if kind == "classification":
        p = (output * y).sum(-1).clamp_min(2.0**-100)
        return -torch.log2(p).sum(-1, dtype=torch.float64)
    squares = ((y - output) ** 2).sum((-1, -2), dtype=torch.float64)
    return squares * (0.5 / math.log(2)) + 0.5 * math.log2(2 * math.pi) * y.shape[1] * y.shape[2]
