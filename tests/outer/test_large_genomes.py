"""A genome of 100,000 coefficients: no quadratic memory, a small record per generation, and an exact resume from disk."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from drive import sphere

from inner.components import build, names
from metalearn.store.run_store import RunError, RunStore
from outer.evolution import evolve
from outer.generation import LARGE, Generation
from outer.objective import Evaluation
from outer.searches.base import Search
from outer.selection import finalists

SIZE, POPSIZE = 100_000, 8


@dataclass(frozen=True)
class Genome:
    size: int = SIZE
    names: tuple[str, ...] = ()

    def layers(self) -> tuple[tuple[int, int], ...]:
        return ()

    def start(self) -> np.ndarray:
        return np.ones(self.size)

    def summary(self, vector: np.ndarray) -> dict[str, float]:
        return {}


@dataclass(frozen=True)
class Objective:
    """A sphere that moves from generation to generation, as lives do."""

    seed: int = 3
    genome: Genome = Genome()

    def settings(self, generation: int) -> Sequence[Any]:
        return (generation,)


class Evaluator:
    def evaluate(
        self, objective: Objective, candidates: np.ndarray, settings: Sequence[Any], estimator: object = None
    ) -> Evaluation:
        fitness = sphere(candidates - 0.01 * settings[0])
        alive, point = np.ones((len(fitness), 1), dtype=bool), candidates.mean(0) - 0.01 * settings[0]
        return Evaluation(
            fitness, fitness[:, None], alive, steps=1.0, gradient=None if estimator is None else -2 * point[None]
        )


def run(name: str, generations: int, history: Sequence[Generation] = ()) -> list[Generation]:
    search = cast(Search, build("search", {"name": name, "popsize": POPSIZE, "generations": generations}))
    return list(evolve(cast(Any, Objective()), search, cast(Any, Evaluator()), history))


@pytest.mark.parametrize("name", names("search"))
def test_kill_and_resume_from_disk_is_exact(name: str, tmp_path: Path) -> None:
    """Six generations, and three, a kill, three more: the same bits in every array.

    At most 1.7 MB on disk a generation, and the gradient of a search that asks for one.
    """
    whole = run(name, 6)
    with RunStore.create(tmp_path / "run", {}, {}) as store:
        for generation in run(name, 3):
            store.append(generation)
    with RunStore.open(tmp_path / "run", write=True) as store:
        for generation in run(name, 6, store.generations()):
            store.append(generation)
    with RunStore.open(tmp_path / "run", write=False) as store:
        stored = store.generations()
    assert [g.index for g in stored] == list(range(6))
    assert all(a.same_bits(b) for a, b in zip(whole, stored))
    assert all(g.candidates.shape == (0, SIZE) and g.digest is not None for g in stored)
    assert (tmp_path / "run" / "run.sqlite").stat().st_size < 6 * (1.7e6 if whole[0].gradient is None else 2.6e6)
    assert finalists(stored, 4).shape[1] == SIZE


@pytest.mark.parametrize("name", names("search"))
def test_memory_is_linear_in_the_genome(name: str) -> None:
    """Ask and tell hold at most 40 generations' worth of candidates at any moment; D x D would be 2,500 of them."""
    size = 20_000
    search = cast(Search, build("search", {"name": name, "popsize": POPSIZE}))
    tracemalloc.start()
    running = search.start(np.ones(size), 0)
    for _ in range(3):
        candidates = running.ask()
        fitness = sphere(candidates)
        running.tell(candidates, Evaluation(fitness, fitness[:, None], np.ones((len(fitness), 1), dtype=bool)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * candidates.nbytes


def test_a_digest_that_does_not_fit_is_refused() -> None:
    history = run("es", 2)
    changed = Generation(
        1, *(getattr(history[1], n) for n in ("candidates", "fitness", "scores", "alive", "recommendation"))
    )
    for digest in (np.zeros(16, dtype=np.uint8), np.asarray(history[0].digest)):
        wrong = [history[0], Generation(**{**vars(changed), "digest": digest})]
        with pytest.raises(ValueError, match="generation 1 does not replay bit for bit"):
            run("es", 3, wrong)


def test_small_genomes_keep_their_candidates() -> None:
    rng = np.random.Generator(np.random.Philox(0))
    for size, kept in ((LARGE // 8 // 4, True), (LARGE // 8 // 4 + 1, False)):
        x = rng.standard_normal((4, size))
        record = Generation(0, x, np.zeros(4), np.zeros((4, 1)), np.ones((4, 1), dtype=bool), x[0]).compact()
        assert (record.digest is None) == kept and len(record.candidates) == (4 if kept else 0)
        assert record.asked(x) and record.compact() is record
        for other in (x[:3], x[::-1], x + 0.0 * x - 1e-300 * x, np.where(x == x[0, 0], -x, x), x.reshape(2, -1)):
            assert record.asked(np.ascontiguousarray(other)) == (
                other.tobytes() == x.tobytes() and other.shape == x.shape
            )


def test_rows_beside_a_digest_are_refused(tmp_path: Path) -> None:
    x = np.zeros((4, 3))
    record = Generation(
        0, x, np.zeros(4), np.zeros((4, 1)), np.ones((4, 1), dtype=bool), x[0], {}, np.zeros(16, dtype=np.uint8)
    )
    with RunStore.create(tmp_path / "run", {}, {}) as store, pytest.raises(RunError, match="candidates: expected 0=0"):
        store.append(record)
