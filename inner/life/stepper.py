"""Takes a life through its steps: the one loop of all eager lives, step by step or, on a GPU, by replaying one recorded step.

    seen -> act -> action -> respond -> learn

A GPU is told of every operation by the processor, which takes longer than a small network's operation itself. So a step
is recorded once as a CUDA graph whose tensors stay where they are: it looks up the samples of step t, t is a tensor
too, and what it computes is copied into the state that it started from. Nothing is read back before the end of life.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from inner.criteria import Criterion
from inner.learners.base import Learner
from inner.life.states import map_all, tensors_of
from inner.life_data import Label
from inner.noise import Noise
from inner.sources import Source, Told

RECORDED = 64  # steps of a life that is worth recording; shorter ones are taken step by step
WARM_UP = 3  # steps before recording, for libraries that prepare themselves on first use

Capture = Callable[[Callable[[], None], Callable[[], None]], Callable[[], None]]  # (step, put back) -> replay
Each = Callable[[Tensor, Told], None]  # is given every output [N, B, O] and what the network was told of it


def take(
    learner: Learner,
    source: Source,
    state: Any,
    s: Any,
    t: int | Tensor,
    criterion: Criterion,
    noise: Noise | None,
    into: bool,
) -> tuple[Any, Any, Tensor, Told]:
    """One step: the learner's state, the source's state, the output [N, B, O] and what was told of it.

    into: the old state's tensors may be overwritten.
    """
    seen = source.observe(s, t)
    state, output = learner.act(state, seen.x, seen.fresh, t)
    action = output if criterion.kind != "reward" else criterion.decide(output, noise, t)
    s, told = source.respond(s, t, action)
    return learner.learn(state, told, t, into), s, output, told


def action_noise(criterion: Criterion, seed: int, labels: Sequence[Label], population: int) -> Noise | None:
    """The noise that actions are drawn with; None where an action is the output itself."""
    return Noise.of(seed, labels, population) if criterion.kind == "reward" else None


class Stepper:
    """Goes from step to step: `state` is the learner's, `s` the source's, `now` the steps taken."""

    masked = False  # True: whether all networks are alive must not be asked between steps

    def __init__(
        self,
        learner: Learner,
        source: Source,
        state: Any,
        population: int,
        criterion: Criterion,
        noise: Noise | None = None,
        into: bool = True,
        each: Each | None = None,
    ) -> None:
        self.learner, self.source, self.state, self.criterion = learner, source, state, criterion
        self.s, self.now, self.noise, self.into, self.each = source.begin(population), 0, noise, into, each

    def advance(self, stop: int) -> None:
        """Take the steps up to `stop`."""
        source = self.source
        for t in range(self.now, stop):
            self.s = source.ready(self.s, t)
            self.state, self.s, output, told = take(
                self.learner, source, self.state, self.s, t, self.criterion, self.noise, self.into
            )
            if self.each is not None:
                self.each(output, told)
        self.now = stop

    def replace(self, state: Any) -> None:
        """Go on from another state of the learner."""
        self.state = state


class RecordedStepper:
    """The same on tensors that stay where they are, so that one recorded step can be replayed."""

    masked = True

    def __init__(
        self,
        learner: Learner,
        source: Source,
        state: Any,
        population: int,
        criterion: Criterion,
        noise: Noise | None = None,
        each: Each | None = None,
        kept: tuple[Tensor, ...] = (),
        device: str | torch.device = "cuda",
        capture: Capture | None = None,
    ) -> None:
        """kept: tensors that `each` adds to, which a warm-up must not change."""
        self.state = map_all(lambda tensor: tensor.clone(), state)
        self.s = map_all(lambda tensor: tensor.clone(), source.begin(population))
        self.now, self.step = 0, torch.zeros(1, dtype=torch.int64, device=device)
        capture = capture or (recorded if source.recordable and source.steps >= RECORDED else unrecorded)

        def one() -> None:
            state, s, output, told = take(learner, source, self.state, self.s, self.step, criterion, noise, True)
            if each is not None:
                each(output, told)
            self.step += 1
            self.replace(state)
            copy_into(self.s, s)

        places = [*tensors_of(self.state), *tensors_of(self.s), *kept, self.step]
        values = [tensor.clone() for tensor in places]

        def put_back() -> None:
            for tensor, value in zip(places, values):
                tensor.copy_(value)

        self._one = capture(one, put_back)

    def advance(self, stop: int) -> None:
        """Take the steps up to `stop`."""
        for _ in range(self.now, stop):
            self._one()
        self.now = stop

    def replace(self, state: Any) -> None:
        """Copy another state into the tensors of this one."""
        copy_into(self.state, state)


def copy_into(mine: Any, other: Any) -> None:
    """Copy every tensor of `other` into the tensor at the same place of `mine`."""
    for place, value in zip(tensors_of(mine), tensors_of(other), strict=True):
        if place is not value:
            place.copy_(value)


def unrecorded(step: Callable[[], None], put_back: Callable[[], None]) -> Callable[[], None]:
    """The step itself."""
    return step


def recorded(step: Callable[[], None], put_back: Callable[[], None]) -> Callable[[], None]:
    """The step as a CUDA graph, or the step itself where it cannot be one, which is said once."""
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
