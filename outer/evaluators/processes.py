"""Runs jobs in several spawned processes of one thread each; the job of a worker that dies is done again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from inner.components import trust, trusted
from inner.engines.native import compiler
from outer.evaluators import base

ATTEMPTS = 4  # pools of workers that may die on the same jobs before the run gives up


def _begin(consent: frozenset[str] | None, compilers: Mapping[Any, str]) -> None:
    """Set up a new worker: one thread, the parent's consent and verdict on compilers, no Ctrl-C, an end with the parent."""
    import torch

    trust(consent)
    compiler.adopt(compilers)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Evaluator(base.Evaluator):
    """A pool of processes that starts with the first job."""

    workers: int = 0  # 0: one per core
    _pool: ProcessPoolExecutor | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError(f"evaluator.workers: expected 0 (one per core) or more, got {self.workers}")
        self.workers = self.workers or cores()

    def _executor(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=context, initializer=_begin, initargs=(trusted(), compiler.verdicts())
            )
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
            workers = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            pool.shutdown(wait=True)
