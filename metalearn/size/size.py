"""The predicted size of a run as a value: bytes of its processes, seconds, and how stages add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MIB = 2.0**20
MAIN = 390 * MIB  # the interpreter, torch, the project, and its pictures and page at the end
WORKER = 245 * MIB  # a worker process before its first job, shared libraries divided among all
AROUND_S = 5.0  # starting, tracking, pictures and pages, as seen on two cores


@dataclass(frozen=True)
class Size:
    """Bytes beside those of bare processes, and seconds."""

    main: float = 0.0  # bytes in the main process
    worker: float = 0.0  # bytes in each worker; in one process they come on top of `main`
    seconds: float = 0.0
    workers: int = 1

    @property
    def bytes(self) -> float:
        """Bytes of all processes at the peak."""
        if self.workers == 1:
            return MAIN + self.main + self.worker
        return MAIN + self.main + self.workers * (WORKER + self.worker)


def in_turn(stages: Iterable[Size]) -> Size:
    """Stages one after the other in the same processes, which keep the memory that they have had."""
    found = list(stages)
    most = max(found, key=lambda size: size.bytes)
    serial = most.workers == 1
    return Size(
        most.main if serial else max(size.main for size in found),
        most.worker if serial else max(size.worker for size in found),
        sum(size.seconds for size in found),
        max(size.workers for size in found),
    )
