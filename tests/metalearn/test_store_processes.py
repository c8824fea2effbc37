"""The run store among processes: real kills leave whole generations, and one process at a time may write."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inner.random import stream
from metalearn.store.run_store import DATABASE, RunError, RunStore
from outer.generation import Generation

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys, time
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from test_store_processes import generation
from metalearn.store.run_store import RunStore
with RunStore.open(Path({folder!r}), write=True) as store:
    print("ready", flush=True)
    if {append}:
        for index in range(store.count, 10**9):
            store.append(generation(index))
            time.sleep({pause})
    sys.stdin.read()
"""


def generation(index: int, candidates: int = 5, lifetimes: int = 3, size: int = 40) -> Generation:
    draw = stream(0, "store-test", index)
    return Generation(
        index=index,
        candidates=draw.normal(size=(candidates, size)),
        fitness=draw.normal(size=candidates),
        scores=draw.normal(size=(candidates, lifetimes)),
        alive=draw.random((candidates, lifetimes)) < 0.5,
        recommendation=draw.normal(size=size),
        metrics={"best": float(draw.normal()), "sigma": 0.1},
    )


def child(folder: Path, append: bool, pause: float = 0.0) -> subprocess.Popen[str]:
    code = CHILD.format(root=str(ROOT), here=str(Path(__file__).parent), folder=str(folder), append=append, pause=pause)
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)
    process.communicate(timeout=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    with RunStore.create(folder, {"seed": 1}, {"python": "3"}) as store:
        for index in range(4):
            store.append(generation(index))
    return folder


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(RunError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_sigkill_at_random_moments_leaves_whole_generations(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    RunStore.create(folder, {}, {}).close()
    moments = random.Random(3)
    before, hot_journals = 0, 0
    for _ in range(12):
        process = child(folder, append=True)
        time.sleep(moments.uniform(0.0, 0.15))
        end(process, signal.SIGKILL)
        hot_journals += (folder / f"{DATABASE}-journal").exists()
        files = snapshot(folder)
        with RunStore.open(folder, write=False) as store:  # before any writer has repaired it
            seen = store.generations()
        assert snapshot(folder) == files
        with RunStore.open(folder, write=True) as store:
            found = store.generations()
            assert len(found) == len(seen) == store.count >= before
            assert all(got.same_bits(generation(index)) for index, got in enumerate(found))
            store.append(generation(store.count))
            before = store.count
    assert before > 12  # the children did append
    assert hot_journals > 0  # and some were killed within a transaction


def test_a_second_writer_is_refused_with_the_pid_and_a_reader_is_not(folder: Path) -> None:
    process = child(folder, append=False)
    try:
        message = refusal(lambda: RunStore.open(folder, write=True))
        assert f"pid {process.pid} " in message
        with RunStore.open(folder, write=False) as store:
            assert len(store.generations()) == 4
    finally:
        end(process, signal.SIGKILL)
    with RunStore.open(folder, write=True) as store:  # the lock died with its holder
        store.append(generation(4))
        refusal(lambda: RunStore.open(folder, write=True))  # also within one process


def test_reading_beside_a_writer_sees_whole_generations(folder: Path) -> None:
    process = child(folder, append=True, pause=0.02)  # a search pauses; a reader that finds no pause waits long
    try:
        counts, deadline = list[int](), time.monotonic() + 60
        while len(counts) < 20 or (counts[-1] == counts[0] and time.monotonic() < deadline):
            with RunStore.open(folder, write=False) as store:
                found = store.generations()
            assert all(got.same_bits(generation(index)) for index, got in enumerate(found))
            counts.append(len(found))
    finally:
        end(process, signal.SIGKILL)
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
