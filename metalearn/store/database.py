"""The database of a run: its schema, how it is opened and checked, and transactions that are whole or not there."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from types import TracebackType

from metalearn.store.files import RunError, damaged, one_line_errors

SCHEMA_VERSION = 1
APPLICATION_ID = 0x6D6C726E  # "mlrn": tells our databases from other SQLite files
TICK = 100_000  # steps of SQLite after which a statement lets signals, such as Ctrl-C, be handled
WAIT_S = 30.0  # how long a transaction waits for a reader or writer in another process
SCHEMA = """
CREATE TABLE document (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE generation (number INTEGER PRIMARY KEY, metrics TEXT NOT NULL, digest BLOB NOT NULL);
CREATE TABLE array (number INTEGER NOT NULL, name TEXT NOT NULL, dtype TEXT NOT NULL, shape TEXT NOT NULL,
                    bytes BLOB NOT NULL, PRIMARY KEY (number, name));
"""


class Transaction:
    """BEGIN, then COMMIT, or ROLLBACK on any error (KeyboardInterrupt included)."""

    def __init__(self, connection: sqlite3.Connection, kind: str) -> None:
        self.connection, self.kind = connection, kind

    def __enter__(self) -> None:
        self.connection.execute(f"BEGIN {self.kind}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:  # SQLite has rolled back by itself on some errors
                self.connection.execute("ROLLBACK")


def connect(path: Path, write: bool) -> sqlite3.Connection:
    """Open and check the database; for a reader that may not undo a killed writer's half transaction, a copy."""
    with one_line_errors(path):
        connection = _database(f"{path.resolve().as_uri()}?mode={'rw' if write else 'ro'}", uri=True)
        try:
            connection.execute("PRAGMA synchronous=FULL")
            _check(connection, path)
            return connection
        except (sqlite3.Error, RunError) as error:
            connection.close()
            if write or "readonly database" not in str(error):
                raise
        return _copy_without_half_transaction(path)


def _database(name: str, uri: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(name, uri=uri, timeout=WAIT_S, isolation_level=None)
    connection.set_progress_handler(lambda: 0, TICK)
    return connection


def _copy_without_half_transaction(path: Path) -> sqlite3.Connection:
    memory = _database(":memory:", uri=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-journal"):
                source = path.with_name(path.name + suffix)
                if source.exists():
                    shutil.copyfile(source, Path(folder) / source.name)
            with closing(_database(str(Path(folder) / path.name), uri=False)) as copy:
                _check(copy, path)
                copy.backup(memory)
    except (sqlite3.Error, OSError, RunError):
        memory.close()
        raise
    return memory


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise RunError unless it is a run's database with our schema and nothing beside it, before any table is read."""
    connection.execute("PRAGMA trusted_schema=OFF")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise RunError(damaged(path, "it is not a run's database"))
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise RunError(
            f"{path} has schema version {version}, expected {SCHEMA_VERSION}: use the metalearn that wrote it"
        )
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 20").fetchall()
    if sorted(_words(row[0]) for row in found) != sorted(_words(part) for part in SCHEMA.split(";") if part.strip()):
        raise RunError(damaged(path, "its tables are not those of a run"))
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise RunError(damaged(path, verdict))


def _words(statement: object) -> str:
    return " ".join(str(statement).split())
