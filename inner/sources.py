"""Sources: the experience of a life, step by step: a stream of samples with targets, or an environment that answers.

    seen = source.observe(s, t);  output = the network's answer;  s, told = source.respond(s, t, action)

A source is tensors only, so that a step can be recorded for a GPU; t is an int, or a tensor of one element there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from inner.life_data import LifeData
from inner.noise import Noise

BLOCK = 32  # steps whose samples are gathered at once, at most
GATHERED = 2**15  # floats that are gathered at once, for several steps


class Seen(NamedTuple):
    """Inputs of one step."""

    x: Tensor  # [N, B, I]
    fresh: Tensor | None = None  # bool [N, B]: a sequence or episode begins; None: every sample stands alone


class Told(NamedTuple):
    """Consequences of an action."""

    y: Tensor | None = None  # [N, B, O] targets
    action: Tensor | None = None  # [N, B, O] what was done; None: the output itself
    reward: Tensor | None = None  # [N, B, 1]; None: the criterion derives it from output and target
    scored: Tensor | None = None  # bool [N, B]: the samples whose target counts; None: all
    ends: Tensor | None = None  # bool [N, B]: the trial or episode is over after this step; None: with every step
    cut: Tensor | None = None  # bool [N, B]: it was ended by a time limit


class CSource(NamedTuple):
    """A world in C, for `inner/engines/crowd`: `world_begin`, `world_observe` and `world_respond` on a Crowd."""

    text: str
    state: int  # vectors of state
    totals: int  # M, the sums that a score is made from
    floats: Tensor  # [L, ...] float32, the world of each life
    numbers: tuple[int, ...]  # what all lives share
    luck: Noise  # of L lives
    score: Callable[[Tensor, Tensor], Tensor]  # sums [N, R, M] after steps [R] -> float64 [N, R]


class Source(ABC):
    """The stream of one task's L lives for any number of candidates. Concrete sources are frozen dataclasses."""

    steps: int  # T
    batch: int  # B
    recordable: bool = True  # False: the steps must be taken one by one, on the processor

    @abstractmethod
    def begin(self, population: int) -> Any:
        """The state before the first step, for N = population * L networks."""

    def ready(self, s: Any, t: int) -> Any:
        """The state with what step t needs at hand, asked before each step that is not recorded; by default as it is."""
        return s

    @abstractmethod
    def observe(self, s: Any, t: int | Tensor) -> Seen:
        """Inputs of step t."""

    @abstractmethod
    def respond(self, s: Any, t: int | Tensor, action: Tensor) -> tuple[Any, Told]:
        """The state after the action [N, B, O] of step t, and its consequences for the network."""

    def score(self, s: Any) -> Tensor | None:
        """float64 [N] of a closed loop (return, regret); None: the task's test set decides."""
        return None

    def ceiling(self, steps: Sequence[int]) -> Tensor | None:
        """The score [L, C] after so many steps of an actor that knows the world of each life; None: not known."""
        return None

    def c(self) -> CSource | None:
        """The same world in C, of one sample a step; None where there is none."""
        return None


@dataclass(frozen=True, eq=False)
class Pool(Source):
    """Samples from a pool in the order of the life: the source of every task with targets."""

    data: LifeData

    @property
    def steps(self) -> int:  # type: ignore[override]
        """T of the lives."""
        return int(self.data.order.shape[1])

    @property
    def batch(self) -> int:  # type: ignore[override]
        """B of the lives."""
        return int(self.data.order.shape[2])

    def begin(self, population: int) -> PoolState:
        """Nothing is gathered yet."""
        return PoolState(population, -1, -1, (), (), (), ())

    def observe(self, s: PoolState, t: int | Tensor) -> Seen:
        """x [N, B, I] of step t."""
        if isinstance(t, int):
            at = t - s.start
            return Seen(s.x[at], s.fresh[at] if s.fresh else None)
        x, _, fresh, _ = self._gather(self.data.order.index_select(1, t), s.population, t)
        return Seen(x[0], fresh[0] if fresh else None)

    def respond(self, s: PoolState, t: int | Tensor, action: Tensor) -> tuple[PoolState, Told]:
        """y [N, B, O] of step t."""
        if isinstance(t, int):
            at = t - s.start
            return s, Told(s.y[at], scored=s.scored[at] if s.scored else None)
        _, y, _, scored = self._gather(self.data.order.index_select(1, t), s.population, t)
        return s, Told(y[0], scored=scored[0] if scored else None)

    def ready(self, s: PoolState, t: int) -> PoolState:
        """The state with the samples of step t at hand, and of some steps after it."""
        if s.start <= t < s.stop:
            return s
        data = self.data
        copies = s.population * len(data.order)
        if len(data.order) == 1:  # candidates of a single life look at the same memory
            copies = 1
        length = max(1, min(BLOCK, GATHERED // max(1, copies * data.order.shape[2] * data.x.shape[2])))
        end = min(t + length, self.steps)
        return PoolState(s.population, t, end, *self._gather(data.order[:, t:end], s.population, slice(t, end)))

    def _gather(self, order: Tensor, population: int, steps: slice | Tensor) -> tuple[Sequence[Tensor], ...]:
        """x [N, B, I], y [N, B, O], fresh and scored [N, B] of each step, for order [L, steps, B]."""
        order = order.transpose(0, 1)  # [steps, L, B]
        data = self.data

        def all_of(pool: Tensor) -> Sequence[Tensor]:
            index = order
            if pool.shape[0] > 1 and pool.stride(0):  # lives do not share one pool
                index = order + torch.arange(0, len(pool) * pool.shape[1], pool.shape[1], device=order.device)[:, None]
            flat = pool.flatten(0, 1) if index is not order else pool[0]
            picked = flat.index_select(0, index.reshape(-1)).reshape(len(order), 1, *order.shape[1:], -1)
            return picked.expand(-1, population, -1, -1, -1).reshape(len(order), -1, *picked.shape[3:]).unbind(0)

        def flags(value: Tensor | None) -> Sequence[Tensor]:
            if value is None:
                return ()
            here = value[:, steps] if isinstance(steps, slice) else value.index_select(1, steps)  # [L, steps, B]
            wide = here.transpose(0, 1)[:, None].expand(-1, population, -1, -1)
            return wide.reshape(wide.shape[0], -1, wide.shape[3]).unbind(0)

        return all_of(data.x), all_of(data.y), flags(data.fresh), flags(data.scored)


class PoolState(NamedTuple):
    """The steps start .. stop that are gathered already, one tensor per step."""

    population: int
    start: int
    stop: int
    x: Sequence[Tensor]  # each [N, B, I]
    y: Sequence[Tensor]  # each [N, B, O]
    fresh: Sequence[Tensor]  # each bool [N, B], or none
    scored: Sequence[Tensor]  # each bool [N, B], or none


def source_of(data: LifeData | Source) -> Source:
    """The source of a life's data; a source is itself."""
    return Pool(data) if isinstance(data, LifeData) else data
