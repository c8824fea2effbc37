"""Runs jobs in several processes of one thread each (loky's); the job of a worker that dies is done again.

A worker never imports the script that started it: `metalearn.search(...)` needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from inner.components import trust, trusted
from inner.engines.native import compiler
from outer.evaluators import base

ATTEMPTS = 4  # pools of workers that may die on the same jobs before the run gives up
ONE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}  # workers that share cores wait for each other's threads
POLL = 0.5  # seconds between two looks at whether the parent lives


def _begin(consent: frozenset[str] | None, compilers: Mapping[Any, str], parent: int) -> None:
    """Set up a new worker: one thread, the parent's consent and verdict on compilers, no Ctrl-C, an end with the parent."""
    import torch

    trust(consent)
    compiler.adopt(compilers)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(POLL)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Evaluator(base.Evaluator):
    """A pool of processes that starts with the first job."""

    workers: int = 0  # 0: one per core
    _pool: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError(f"evaluator.workers: expected 0 (one per core) or more, got {self.workers}")
        self.workers = self.workers or cores()

    def _executor(self) -> Any:
        if self._pool is None:
            from joblib.externals.loky import ProcessPoolExecutor

            started = (trusted(), compiler.verdicts(), os.getpid())
            self._pool = ProcessPoolExecutor(self.workers, initializer=_begin, initargs=started, env=ONE)
        return self._pool

    def map(
        self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], done: base.Done | None = None
    ) -> list[Any]:
        """All jobs at once; those of a pool that broke are sent to a new one."""
        results: dict[int, Any] = {}
        for _ in range(ATTEMPTS):
            try:
                executor = self._executor()
                waiting: dict[Future[Any], int] = {
                    executor.submit(function, *job): j for j, job in enumerate(jobs) if j not in results
                }
                for future in as_completed(waiting):
                    results[waiting[future]] = future.result()
                    if done is not None:
                        done(waiting[future], results[waiting[future]])
                return [results[j] for j in range(len(jobs))]
            except BrokenProcessPool:
                self.close()
        raise ValueError(f"evaluator: worker processes died {ATTEMPTS} times on the same jobs (out of memory?)")

    def close(self) -> None:
        """End the workers without waiting for their jobs."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.shutdown(wait=True, kill_workers=True)
