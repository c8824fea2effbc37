"""The run store: everything that a search found, in `run.sqlite`, so that a kill leaves whole generations.

One generation is one SQLite transaction (rollback journal, synchronous=FULL). A rollback journal and not a write-ahead
log, because a reader of the latter must write beside the file: here a run on a read-only disk can be shown. Arrays are
raw little-endian bytes with dtype and shape, and each generation carries a BLAKE2b digest that reading checks;
documents are JSON. Candidates of more than 1 MiB are kept as their own digest: a replay asks them again and checks.
Loading never runs code.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from inner.components import Plain, consent_to, suggest
from metalearn.store.database import APPLICATION_ID, SCHEMA, SCHEMA_VERSION, Transaction, connect
from metalearn.store.files import RunError, WriterLock, damaged, one_line_errors, sync_folder, write_text_atomically
from metalearn.store.records import (
    COLUMNS,
    DTYPES,
    checked_arrays,
    digest_of,
    from_json,
    stored_array,
    stored_metrics,
    to_json,
)
from outer.generation import ARRAYS, OPTIONAL, Generation

if TYPE_CHECKING:
    from typing import Self

__all__ = ["DATABASE", "SCHEMA_VERSION", "RunError", "RunStore", "write_text_atomically"]

DATABASE = "run.sqlite"
T = TypeVar("T", str, dict, list)
FIXED = ("config", "environment")  # documents that are written once, when the run is created


class RunStore:
    """The store of one run; a context manager. Made by `create` or `open`, which say what each refusal means."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, lock: WriterLock | None) -> None:
        self.folder = folder
        self._connection = connection
        self._lock = lock

    @classmethod
    def create(
        cls,
        folder: Path,
        config: Mapping[str, Any],
        environment: Mapping[str, Any],
        documents: Mapping[str, Any] | None = None,
    ) -> RunStore:
        """Start a run in `folder` (made if missing) and open it for writing; it holds `documents` from the first moment.

        Raises RunError when the run exists, the folder cannot be written or the disk is full; then nothing is left
        behind and nothing is overwritten.
        """
        folder = Path(folder)
        path = folder / DATABASE
        if os.path.lexists(path):
            raise RunError(_exists(folder))
        made = not folder.exists()
        with one_line_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        lock = None
        temporary = folder / f".{DATABASE}.new"
        try:
            lock = WriterLock(folder)
            if os.path.lexists(path):  # another process was faster
                raise RunError(_exists(folder))
            with one_line_errors(path):
                temporary.unlink(missing_ok=True)  # of a process that was killed here
                with closing(sqlite3.connect(temporary, isolation_level=None)) as new:
                    new.execute("PRAGMA synchronous=FULL")
                    new.executescript(
                        f"BEGIN;{SCHEMA}PRAGMA application_id={APPLICATION_ID};PRAGMA user_version={SCHEMA_VERSION};"
                    )
                    first = {**(documents or {}), "config": dict(config), "environment": dict(environment)}
                    for key, value in first.items():
                        new.execute("INSERT INTO document VALUES (?, ?)", (key, to_json(value, key)))
                    new.execute("COMMIT")
                os.replace(temporary, path)
                sync_folder(folder)
            return cls(folder, connect(path, write=True), lock)
        except (RunError, ValueError):
            if lock is not None:  # without it, what lies here is another process's
                _undo_create(folder, temporary, made and not path.exists())
                lock.release()
            raise

    @classmethod
    def open(cls, folder: Path, write: bool) -> RunStore:
        """Open an existing run. Reading makes no files, needs no write permission and works beside a writer.

        Raises RunError when there is no run, it is damaged, of another schema version, or (for writing) not writable
        or being written by another process.
        """
        folder = Path(folder)
        path = folder / DATABASE
        with one_line_errors(path):
            if not path.exists():
                raise RunError(f"no run at {folder}{suggest(folder.name, _runs_beside(folder))}")
            if not path.is_file():  # a pipe would be waited for
                raise RunError(damaged(path, "it is no file"))
        lock = WriterLock(folder) if write else None
        try:
            return cls(folder, connect(path, write), lock)
        except RunError:
            if lock is not None:
                lock.release()
            raise

    @property
    def count(self) -> int:
        """Number of generations stored."""
        with one_line_errors(self.folder / DATABASE):
            return int(self._connection.execute("SELECT count(*) FROM generation").fetchone()[0])

    @property
    def config(self) -> Plain:
        """The resolved config that the run was created with.

        Raises ValueError where it names a module outside the project that the user has not consented to.
        """
        found = self.typed("config", dict)
        consent_to(found)
        return found

    @property
    def environment(self) -> Plain:
        """The machine and versions that the run was created on (`metalearn.store.environment.describe`)."""
        return self.typed("environment", dict)

    def append(self, generation: Generation) -> None:
        """Store one generation: all of it, durably, or (on any error) none of it.

        Raises RunError for an index that is not the next, a wrong shape or type, or a disk that cannot take it.
        """
        self._check_writable()
        arrays = checked_arrays(generation)
        metrics = to_json({key: float(value) for key, value in generation.metrics.items()}, "metrics")
        digest = digest_of(generation.index, metrics, arrays)
        with one_line_errors(self.folder / DATABASE), Transaction(self._connection, "IMMEDIATE"):
            if generation.index != self.count:
                raise RunError(f"generation: expected index {self.count}, got {generation.index}")
            self._connection.execute("INSERT INTO generation VALUES (?, ?, ?)", (generation.index, metrics, digest))
            self._connection.executemany(
                "INSERT INTO array VALUES (?, ?, ?, ?, ?)",
                [(generation.index, name, a.dtype.str, json.dumps(a.shape), a.tobytes()) for name, a in arrays.items()],
            )

    def generations(self, first: int = 0, stop: int = 2**62) -> list[Generation]:
        """The stored generations with index `first` .. `stop` - 1, bit for bit. Raises RunError when their bytes were changed."""
        path = self.folder / DATABASE
        with one_line_errors(path), Transaction(self._connection, "DEFERRED"):  # one snapshot for both tables
            rows = self._connection.execute(
                "SELECT number, metrics, digest FROM generation WHERE number >= ? AND number < ? ORDER BY number",
                (first, stop),
            ).fetchall()
            parts: dict[int, dict[str, np.ndarray]] = {number: {} for number, _, _ in rows}
            for number, name, dtype, shape, data in self._connection.execute(
                "SELECT number, name, dtype, shape, bytes FROM array WHERE number >= ? AND number < ?", (first, stop)
            ):
                if number in parts and DTYPES.get(name) == dtype:
                    parts[number][name] = stored_array(data, dtype, shape, path)
        found = []
        for expected, (number, metrics, digest) in enumerate(rows, start=first):
            arrays = parts[number]
            whole = set(arrays) - set(OPTIONAL) == {COLUMNS[name] for name in ARRAYS}
            known = {attribute: arrays[name] for attribute, name in COLUMNS.items() if name in arrays}
            if (
                number != expected
                or not whole
                or not isinstance(metrics, str)
                or digest_of(number, metrics, arrays) != digest
            ):
                raise RunError(damaged(path, f"generation {expected} is not what was stored"))
            found.append(Generation(index=number, metrics=stored_metrics(metrics, path), curves=None, **known))
        return found

    def each(self) -> Iterator[Generation]:
        """The stored generations one after the other: large populations never lie in memory together."""
        for index in range(self.count):
            yield self.generations(index, index + 1)[0]

    def metrics(self) -> list[dict[str, float]]:
        """The metrics of every generation, without reading its arrays."""
        with one_line_errors(self.folder / DATABASE):
            rows = self._connection.execute("SELECT metrics FROM generation ORDER BY number").fetchall()
        return [stored_metrics(row[0], self.folder / DATABASE) for row in rows]

    def put(self, key: str, value: Any) -> None:
        """Store a JSON document under `key`, replacing the one before, in one transaction. Tuples become lists.

        Raises RunError for a value that is not JSON, a document fixed at creation, or a disk that cannot take it.
        """
        self._check_writable()
        if key in FIXED:
            raise RunError(f"document '{key}' is fixed when the run is created; use another key")
        text = to_json(value, key)
        with one_line_errors(self.folder / DATABASE), Transaction(self._connection, "IMMEDIATE"):
            self._connection.execute("INSERT OR REPLACE INTO document VALUES (?, ?)", (key, text))

    def get(self, key: str, default: Any = None) -> Any:
        """The document under `key`, or `default`. Raises RunError for what is no JSON or holds control characters."""
        path = self.folder / DATABASE
        with one_line_errors(path):
            row = self._connection.execute("SELECT value FROM document WHERE key = ?", (key,)).fetchone()
        return default if row is None else from_json(row[0], f"document '{key}'", path)

    def typed(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The document under `key`, of this type: str, dict or list. Raises RunError for another, or without a default."""
        found = self.get(key, default)
        if not isinstance(found, kind):
            words = "is missing" if found is None else f"is of type {type(found).__name__}, expected {kind.__name__}"
            raise RunError(damaged(self.folder / DATABASE, f"document '{key}' {words}"))
        return found

    def keys(self) -> list[str]:
        """The keys of all documents, sorted."""
        with one_line_errors(self.folder / DATABASE):
            return [row[0] for row in self._connection.execute("SELECT key FROM document ORDER BY key")]

    def close(self) -> None:
        """Release the file and the writer's lock. Doing it twice is harmless."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_writable(self) -> None:
        if self._lock is None:
            raise RunError(f"run '{self.folder.name}' was opened for reading: open it with write=True")


def _undo_create(folder: Path, temporary: Path, made: bool) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)
        if made:
            (folder / "run.lock").unlink()
            folder.rmdir()


def _exists(folder: Path) -> str:
    return f"run '{folder.name}' exists: metalearn resume {folder.name}, or --name another"


def _runs_beside(folder: Path) -> list[str]:
    parent = folder.parent
    return sorted(p.name for p in parent.iterdir() if (p / DATABASE).exists()) if parent.is_dir() else []
