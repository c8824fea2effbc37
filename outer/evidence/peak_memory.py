"""Peak memory of a step: the bytes of all tensors that live at once while a learner takes one, counted, not sampled.

A torch dispatch mode sees every storage that an operation makes, from its birth to its end. The count is that of the eager
engine, on any machine the same.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from inner.learners.base import Learner, Spec
from inner.life.states import tensors_of
from inner.sources import Told

SIDE_BY_SIDE = 2  # networks; a single one is padded to two in any case


class Peak(TorchDispatchMode):
    """Counts the bytes of storages that live at once: `most` at the peak, beyond those that were there before."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor):
                self.count(tensor.untyped_storage())
        return found

    def count(self, storage: Any) -> None:
        """A storage, the first time that it is seen."""
        place = storage._cdata
        if place in self.known:
            return
        size = storage.nbytes()
        self.known.add(place)
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self.gone, place, size)

    def gone(self, place: int, size: int) -> None:
        """A storage that has ended."""
        self.known.discard(place)
        self.now -= size


def peak(run: Callable[[], object]) -> int:
    """Bytes at the peak of a run that has been made once before."""
    run()
    with Peak() as mode:
        kept = run()
    del kept
    return int(mode.most)


def stepping(learner: Learner, spec: Spec, networks: int = SIDE_BY_SIDE) -> tuple[Any, Callable[[], object]]:
    """Newborn networks with initial coefficients, and what takes their first step from samples of ones."""
    own = learner.lives_as
    labels = [("peak", n) for n in range(networks)]
    row = own.flat({c.name: c.init for c in own.coefficients}, spec)
    theta = torch.tensor(row, dtype=torch.float32).expand(networks, -1).clone()
    state = own.init(spec, theta, 1, 0, labels)
    x = torch.ones(networks, spec.batch, spec.inputs)
    y = torch.nn.functional.one_hot(torch.arange(spec.batch) % spec.outputs, spec.outputs).float()
    y = y.expand(networks, -1, -1)

    def run() -> object:
        with torch.no_grad():
            acted, _ = own.act(state, x, None, 0)
            return own.learn(acted, Told(y), 0)

    return state, run


def bytes_of_a_step(learner: Learner, spec: Spec) -> float:
    """Peak bytes of one network: all that it keeps between steps, and all that a step holds at its fullest."""
    state, run = stepping(learner, spec)
    kept = sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(state))
    return (kept + peak(run)) / SIDE_BY_SIDE
