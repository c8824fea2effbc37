"""Runs every job in this process, on one thread (two threads change the last bits of a matrix product)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from outer.evaluators import base


@dataclass
class Evaluator(base.Evaluator):
    """One process, one thread."""

    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers != 1:
            raise ValueError(f"evaluator.workers: serial has one worker, got {self.workers}")

    def map(
        self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], done: base.Done | None = None
    ) -> list[Any]:
        """Job after job."""
        torch.set_num_threads(1)
        results = []
        for j, job in enumerate(jobs):
            results.append(function(*job))
            if done is not None:
                done(j, results[-1])
        return results
