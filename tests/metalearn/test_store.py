"""The run store gives back what it was given, and refuses damage, full and read-only disks in one line."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from inner.random import stream
from metalearn.store import files as _files
from metalearn.store import folder as _folder
from metalearn.store.folder import begin, go_on
from metalearn.store.run_store import DATABASE, RunError, RunStore, write_text_atomically
from outer.generation import Generation


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


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root ignores permissions: become nobody for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder under /tmp that another user can enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


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


def test_what_is_stored_comes_back_bit_for_bit(folder: Path) -> None:
    special = generation(4)
    special.candidates[0, :4] = [np.nan, np.inf, -0.0, 5e-324]
    special.metrics.update(sigma=float("inf"), third=1 / 3)
    with RunStore.open(folder, write=True) as store:
        store.append(special)
        assert store.count == 5
    with RunStore.open(folder, write=False) as store:
        assert store.config == {"seed": 1}
        assert store.environment == {"python": "3"}
        found = store.generations()
        assert [g.index for g in store.generations(3)] == [3, 4]
    for index, got in enumerate(found[:4]):
        assert got.same_bits(generation(index))
        assert got.metrics == generation(index).metrics
    assert found[4].same_bits(special)
    assert found[4].metrics == special.metrics
    assert not found[4].same_bits(replace(special, fitness=special.fitness + 1e-15))
    assert found[4].fitness.flags.writeable


def test_documents_replace_each_other_and_the_fixed_ones_are_refused(folder: Path) -> None:
    with RunStore.open(folder, write=True) as store:
        store.put("tuning/backprop", {"values": [1, 2.5, None, "é"]})
        store.put("status", "running")
        store.put("status", {"done": np.float64(0.1), "list": np.arange(2)})
        assert "fixed" in refusal(lambda: store.put("config", {}))
        assert "plain JSON" in refusal(lambda: store.put("status", {"bad": object()}))
    with RunStore.open(folder, write=False) as store:
        assert store.get("tuning/backprop") == {"values": [1, 2.5, None, "é"]}
        assert store.get("status") == {"done": 0.1, "list": [0, 1]}
        assert store.get("nothing", 7) == 7
        assert store.keys() == ["config", "environment", "status", "tuning/backprop"]
        assert "write=True" in refusal(lambda: store.put("status", 1))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"index": 5}, "expected index 4, got 5"),
        ({"index": 3}, "expected index 4, got 3"),
        ({"fitness": np.zeros(4)}, "generation.fitness: expected P=5, got P=4"),
        (
            {"recommendation": np.zeros(40, np.float32)},
            "generation.recommendation: expected float64 [D], got float32 [40]",
        ),
        ({"scores": np.zeros(5)}, "generation.scores: expected float64 [P, L], got float64 [5]"),
    ],
)
def test_a_wrong_generation_is_refused_and_leaves_nothing(folder: Path, change: dict, expected: str) -> None:
    with RunStore.open(folder, write=True) as store:
        assert expected in refusal(lambda: store.append(replace(generation(4), **change)))
        assert store.count == 4
        store.append(generation(4))


def test_an_existing_run_is_never_overwritten(folder: Path) -> None:
    files = snapshot(folder)
    message = refusal(lambda: RunStore.create(folder, {"other": 1}, {}))
    assert message == "run 'digits' exists: metalearn resume digits, or --name another"
    assert snapshot(folder) == files


def test_a_missing_run_is_named_with_its_nearest_neighbour(folder: Path) -> None:
    path = folder.parent / "digts"
    for write in (False, True):
        assert refusal(partial(RunStore.open, path, write)) == f"no run at {path} (did you mean 'digits'?)"
    assert not path.exists()
    assert refusal(lambda: RunStore.open(folder / "deep" / "er", write=False)).startswith("no run at ")


def overwrite(offset: int, data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"hello, this is not a database at all\n" * 100),
        overwrite(0, b"\0" * 64),
        overwrite(4096, b"\xff" * 8192),
    ],
    ids=["truncated", "empty", "text", "header", "pages"],
)
@pytest.mark.parametrize("write", [False, True])
def test_a_damaged_database_is_one_line(folder: Path, damage: Callable[[Path], None], write: bool) -> None:
    damage(folder / DATABASE)
    left = (folder / DATABASE).read_bytes()
    assert "is damaged" in refusal(lambda: RunStore.open(folder, write))
    assert (folder / DATABASE).read_bytes() == left


def test_changed_numbers_are_noticed_when_read(folder: Path) -> None:
    data = (folder / DATABASE).read_bytes()
    needle = generation(2).recommendation.tobytes()
    assert data.count(needle) == 1
    (folder / DATABASE).write_bytes(data.replace(needle, bytes(reversed(needle))))
    with RunStore.open(folder, write=False) as store:
        assert "generation 2 is not what was stored" in refusal(store.generations)


def test_another_schema_version_is_refused(folder: Path) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("PRAGMA user_version=99")
    assert "schema version 99" in refusal(lambda: RunStore.open(folder, write=False))


def test_a_full_disk_keeps_what_was_stored(folder: Path) -> None:
    with RunStore.open(folder, write=True) as store:
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count={pages}")

        def fill() -> None:
            for index in range(4, 9):
                store.append(generation(index))

        message = refusal(fill)
        assert message.startswith("disk full: cannot write ")
        kept = store.count
        store._connection.execute("PRAGMA max_page_count=1000000")  # space was made
        store.append(generation(kept))
        assert all(got.same_bits(generation(index)) for index, got in enumerate(store.generations()))


def test_a_full_disk_at_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_files.os, "replace", full)
        assert refusal(lambda: RunStore.create(tmp_path / "x", {}, {})).startswith("disk full")
        assert not (tmp_path / "x").exists()
        path = tmp_path / "rule.json"
        path.write_text("old")
        assert refusal(lambda: write_text_atomically(path, "new")).startswith("disk full")
    assert [p.name for p in tmp_path.iterdir()] == ["rule.json"]
    assert path.read_text() == "old"
    write_text_atomically(path, "né\n")
    assert path.read_bytes() == "né\n".encode()
    RunStore.create(tmp_path / "x", {}, {}).close()


def test_first_documents_are_there_whenever_the_process_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the store and its config.yaml; what goes on with the run makes the file."""

    def killed(store: RunStore) -> None:
        store.close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_folder, "write_config", killed)
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path / "x", {"seed": 1}, "metalearn sweep x", "seeds", {"seeds": [0, 1]})
    begin(tmp_path / "y", {"seed": 1}, "metalearn sweep x", "seeds", {"seeds": [0, 1]}).close()
    assert not (tmp_path / "x" / "config.yaml").exists()
    with go_on(tmp_path / "x") as store:
        assert store.keys() == ["command", "config", "environment", "kind", "seeds"]
        assert (store.get("kind"), store.get("seeds"), store.get("command")) == ("seeds", [0, 1], "metalearn sweep x")
    text = (tmp_path / "x" / "config.yaml").read_text()
    assert text == (tmp_path / "y" / "config.yaml").read_text() == "# metalearn sweep x\nseed: 1\n"


def test_a_read_only_folder_can_be_read_and_not_written(public: Path) -> None:
    folder = public / "run"
    with RunStore.create(folder, {}, {}) as store:
        store.append(generation(0))
    folder.chmod(0o555)
    public.chmod(0o555)
    for path in folder.iterdir():
        path.chmod(0o444)
    files = snapshot(folder)
    with as_ordinary_user():
        with RunStore.open(folder, write=False) as store:
            assert store.generations()[0].same_bits(generation(0))
        assert "no permission" in refusal(lambda: RunStore.open(folder, write=True))
        assert "no permission" in refusal(lambda: RunStore.create(public / "new", {}, {}))
        assert "no permission" in refusal(lambda: write_text_atomically(folder / "rule.json", "x"))
    assert snapshot(folder) == files
