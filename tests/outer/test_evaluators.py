"""Which evaluator runs changes no bit of any answer; a killed worker's job is redone; no worker outlives its parent."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inner.components import build, names
from inner.random import stream
from inner.rules.rule import Rule
from outer.evaluators._cuts import CHUNK, chunks, cuts, limit_of
from outer.evaluators.base import Evaluator, lives
from outer.fitness.base import fitness_of
from outer.learner_objective import LearnerObjective
from outer.settings import Distribution

LEARN = Rule.from_dict({"dw": "a*err*pre + b*post*pre + c*w", "pathway": "random", "coefficients": {"a": 0.05}})


def objective(lifetimes: int = 5, steps: int = 30) -> LearnerObjective:
    """Worlds of different odd widths and lengths, some networks with biases."""
    task = {"name": "linear", "inputs": 17, "outputs": 5, "test": 60}
    distribution = Distribution(task, (1, 2), (9, 33), (steps, steps + 9), network={"bias": True})
    return LearnerObjective(LEARN, distribution, seed=3, lifetimes=lifetimes, shapes=2)


def candidates(population: int) -> np.ndarray:
    return stream(2, "candidates").standard_normal((population, 3))


def parts(evaluator: Evaluator, o: LearnerObjective, x: np.ndarray) -> tuple[bytes, ...]:
    found = evaluator.evaluate(o, x, o.settings(1))
    assert found.fitness.shape == (len(x),) and found.scores.shape == found.alive.shape == (len(x), o.lifetimes)
    return found.fitness.tobytes(), found.scores.tobytes(), found.alive.tobytes()


@pytest.fixture(scope="module")
def reference() -> tuple[bytes, ...]:
    with build("evaluator", "serial") as serial:
        return parts(serial, objective(), candidates(7))


@pytest.fixture(scope="module")
def two() -> Iterator[Evaluator]:
    """Two worker processes, shared by the tests below: each spawn imports torch."""
    with build("evaluator", {"name": "processes", "workers": 2}) as evaluator:
        yield evaluator


def test_one_process_gives_the_bits_of_serial(reference: tuple[bytes, ...]) -> None:
    with build("evaluator", {"name": "processes", "workers": 1}) as evaluator:
        assert parts(evaluator, objective(), candidates(7)) == reference


def test_two_processes_give_the_bits_of_serial(two: Evaluator, reference: tuple[bytes, ...]) -> None:
    assert parts(two, objective(), candidates(7)) == reference
    assert parts(two, objective(), candidates(7)) == reference, "a second time, with warm workers"


def test_serial_cuts_change_nothing(reference: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outer.evaluators._cuts.CHUNK", 6)
    monkeypatch.setattr("outer.evaluators._cuts.TINY", 1)
    with build("evaluator", "serial") as serial:
        assert parts(serial, objective(), candidates(7)) == reference


@pytest.mark.parametrize("engine", ["native", "eager"])
@pytest.mark.parametrize("most", [1, 600_000])
def test_cuts_by_bytes_change_nothing(engine: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates and lifetimes in jobs of their own, or a few of each; a job takes no more than it may, or is one life."""
    o, x = dataclasses.replace(objective(), engine=engine, fitness=fitness_of("area")), candidates(7)
    settings = o.settings(1)
    with build("evaluator", "serial") as serial:
        whole = parts(serial, o, x)
        monkeypatch.setattr("outer.evaluators._cuts.BYTES", most)
        sized = [o.bytes_in(setting) for setting in settings]
        jobs = cuts(len(x), settings, 1, "cpu", sized)
        lived = {
            (c.owner, n, p)
            for c in jobs
            for n in range(c.lifetimes.start, c.lifetimes.stop)
            for p in range(7)[c.candidates]
        }
        assert len(lived) == 7 * 5 and len(jobs) > len(settings)
        assert most > 1 or len(jobs) == 7 * 5
        for cut in jobs:
            size = [part.stop - part.start for part in (cut.candidates, cut.lifetimes)]
            assert size == [1, 1] or sized[cut.owner](*size) <= most
        assert parts(serial, o, x) == whole
        assert o.apart and len(cuts(7, settings, 1, "cpu", sized, apart=False)) <= 7 * len(settings)


def test_equal_candidates_live_once(monkeypatch: pytest.MonkeyPatch) -> None:
    o, x, lived = objective(), candidates(4)[[2, 0, 2, 3, 0]], []
    plain = type(o).lives
    monkeypatch.setattr(type(o), "lives", lambda self, v, setting: lived.append(len(v)) or plain(self, v, setting))
    with build("evaluator", "serial") as serial:
        together = serial.evaluate(o, x, o.settings(1))
        assert lived == [3, 3]
        for p in range(5):
            alone = serial.evaluate(o, x[p : p + 1], o.settings(1))
            assert alone.scores[0].tobytes() == together.scores[p].tobytes()
            assert alone.fitness[0] == together.fitness[p]
        no_coefficients = LearnerObjective(Rule.from_dict({"dw": "0.1*err*pre"}), o.distribution, 3, 2, 1)
        assert serial.evaluate(no_coefficients, np.empty((3, 0)), o.settings(1)).scores.shape == (3, o.lifetimes)


def test_networks_of_a_few_synapses_run_in_larger_chunks() -> None:
    for hidden, expected in (((), 2**15 // 85), ((100, 100), CHUNK)):
        setting = Distribution({"name": "linear", "inputs": 17, "outputs": 5}, hidden=hidden).settings(
            "search", 0, (0,), 1, 1
        )
        assert limit_of(setting[0]) == expected


@pytest.mark.parametrize("population, lives, least", [(1, 1, 1), (17, 3, 2), (64, 10, 1), (3, 1000, 8), (1000, 1, 4)])
def test_chunks_cover_everyone_once(population: int, lives: int, least: int) -> None:
    cuts = chunks(population, lives, least)
    assert [p for cut in cuts for p in range(population)[cut]] == list(range(population))
    assert all(cut.stop - cut.start == 1 or (cut.stop - cut.start) * lives <= CHUNK for cut in cuts)
    assert len(cuts) >= min(least, population) / 2


@pytest.mark.parametrize("name", names("evaluator"))
def test_results_come_in_the_order_of_the_jobs(name: str) -> None:
    seen: dict[int, int] = {}
    with build("evaluator", {"name": name, "workers": 1}) as evaluator:
        assert evaluator.map(divmod, [(n, 3) for n in range(7)], seen.__setitem__) == [divmod(n, 3) for n in range(7)]
        assert evaluator.map(divmod, []) == []
        with pytest.raises(ZeroDivisionError):
            evaluator.map(divmod, [(1, 1), (1, 0)])
        assert evaluator.map(divmod, [(5, 3)]) == [(1, 2)], "a failed job leaves the evaluator usable"
    assert seen == {n: divmod(n, 3) for n in range(7)}


def test_a_killed_worker_is_replaced_and_its_job_redone(two: Evaluator) -> None:
    o, x = objective(steps=100), candidates(8)
    jobs = [(o, x[i : i + 1], setting) for i in range(len(x)) for setting in o.settings(0)]
    with build("evaluator", "serial") as serial:
        expected = serial.map(lives, jobs)
    killed: list[int] = []

    def kill_one(job: int, result: object) -> None:
        if not killed:
            killed.append(next(iter(two._pool._processes)))
            os.kill(killed[0], signal.SIGKILL)

    found = two.map(lives, jobs, kill_one)
    assert killed[0] not in two._pool._processes, "the pool was not started again: the kill came too late"
    for one, other in zip(expected, found, strict=True):
        assert one.scores.tobytes() == other.scores.tobytes() and one.alive.tobytes() == other.alive.tobytes()
    assert not running(killed[0])


def test_a_job_that_kills_every_worker_is_given_up() -> None:
    with build("evaluator", {"name": "processes", "workers": 1}) as evaluator:
        evaluator._executor = lambda: BrokenPool()  # type: ignore[method-assign]
        with pytest.raises(ValueError, match="died 4 times") as caught:
            evaluator.map(divmod, [(1, 1)])
    assert "\n" not in str(caught.value)


class BrokenPool:
    """A pool in which every submission finds the workers dead."""

    def submit(self, *job: object) -> None:
        from concurrent.futures.process import BrokenProcessPool

        raise BrokenProcessPool("dead")


def running(pid: int) -> bool:
    """A process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


SCRIPT = """
import os, time
from outer.evaluators.processes import Evaluator

if __name__ == "__main__":
    evaluator = Evaluator(2)
    evaluator.map(time.sleep, [(0.5,), (0.5,)])
    print(*evaluator._pool._processes, flush=True)
    evaluator.map(time.sleep, [(600,), (600,)])
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_workers_end_with_their_parent(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    script = tmp_path / "parent.py"
    script.write_text(SCRIPT, encoding="utf-8")
    paths = [str(request.config.rootpath), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in paths if p)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        try:
            assert len(workers) == 2 and all(map(running, workers))
            parent.kill()
            parent.wait()
            deadline = time.monotonic() + 10
            while any(map(running, workers)) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not any(map(running, workers)), "workers outlived their parent"
        finally:
            for pid in filter(running, workers):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("name", names("evaluator"))
def test_refuses_workers_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match="workers"):
        build("evaluator", {"name": name, "workers": -1})


PLAIN_SCRIPT = """
from outer.evaluators.processes import Evaluator

print("begun", flush=True)
with Evaluator(2) as evaluator:
    print(evaluator.map(divmod, [(7, 2), (9, 4)]), flush=True)
"""


def test_a_script_without_a_guard_runs_once(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    script = tmp_path / "plain.py"
    script.write_text(PLAIN_SCRIPT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(request.config.rootpath)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=120)
    assert (done.stdout, done.returncode) == ("begun\n[(3, 1), (2, 1)]\n", 0), done.stderr


def threads_of_blas() -> list[int]:
    """How many threads every library of linear algebra has here."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.linalg.qr(np.eye(2))
    return [each["num_threads"] for each in threadpool_info()]


def test_a_worker_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
    with build("evaluator", {"name": "processes", "workers": 1}) as evaluator:
        assert set(evaluator.map(threads_of_blas, [()])[0]) == {1}
