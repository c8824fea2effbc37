"""Hostile copies of a run's database for the fuzzer: documents of another shape, foreign schemas, spoilt pages; all seeded."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fuzz.values import mutated, mutated_text, value

DOCUMENTS = ["command", "kind", "status", "selection", "comparison", "tracking", "ablation", "distances", "searches"]
ENDLESS = (
    "WITH RECURSIVE c(key, value) AS (SELECT 'x', '1' UNION ALL SELECT key, value FROM c) SELECT key, value FROM c"
)
SCHEMAS = [
    f"DROP TABLE document; CREATE VIEW document AS {ENDLESS}",
    "DROP TABLE generation; CREATE VIEW generation AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n FROM c) "
    "SELECT n AS number, '{}' AS metrics, x'00' AS digest FROM c",
    "ALTER TABLE document RENAME COLUMN value TO worth",
    "DROP TABLE array",
    "CREATE TABLE further (x)",
    "CREATE TRIGGER t AFTER INSERT ON document BEGIN DELETE FROM generation; END",
    "CREATE INDEX i ON document (length(value))",
    "DROP TABLE document; CREATE TABLE document (key TEXT, value TEXT AS (randomblob(100000000)))",
    "PRAGMA user_version=2",
    "PRAGMA user_version=-1",
    "PRAGMA application_id=7",
]
ROWS = [
    "UPDATE document SET value = CAST(value AS BLOB)",
    "UPDATE document SET value = x'ff00ff' WHERE key = 'config'",
    "UPDATE document SET value = CAST(x'ff' AS TEXT) WHERE key = 'comparison'",
    "UPDATE document SET value = 7 WHERE key = 'selection'",
    "UPDATE document SET key = CAST(key AS BLOB)",
    "DELETE FROM document",
    "DELETE FROM document WHERE key = 'config'",
    "DELETE FROM document WHERE key = 'environment'",
    "DELETE FROM generation WHERE number = 0",
    "DELETE FROM array WHERE name = 'fitness'",
    "UPDATE generation SET number = number + 5",
    "UPDATE generation SET number = -number - 1",
    "UPDATE generation SET metrics = '[]'",
    'UPDATE generation SET metrics = \'{"best": "x"}\'',
    "UPDATE generation SET metrics = 'x'",
    "UPDATE generation SET metrics = x'ff'",
    "UPDATE generation SET digest = 'text'",
    "UPDATE array SET shape = '[1e400]'",
    "UPDATE array SET shape = '[1000000000000000000000]'",
    "UPDATE array SET shape = '" + "[" * 5000 + "'",
    "UPDATE array SET shape = '[-1, 2]'",
    "UPDATE array SET bytes = 'text'",
    "UPDATE array SET bytes = x''",
    "UPDATE array SET dtype = '|O8'",
    "UPDATE array SET name = 7",
]
TEXTS = [
    "[" * 100_000,
    "9" * 5000,
    "NaN",
    "{}",
    "[]",
    "",
    "null",
    '"x"',
    "1e999",
    '{"a": 1, "a": 2}',
    '"\\u001b[31m"',
    '"\\ud800"',
]


def _documents(draw: random.Random, path: Path) -> None:
    """Mutate one document, or put a hostile one under a known key."""
    with closing(sqlite3.connect(path)) as store, store:
        known = dict(store.execute("SELECT key, value FROM document").fetchall())
        key = draw.choice([*known, *known, *DOCUMENTS])
        if draw.random() < 0.15:
            text = draw.choice(TEXTS)
        elif key in known and draw.random() < 0.1:
            text = mutated_text(draw, known[key])
        else:
            content = mutated(draw, json.loads(known[key])) if key in known else value(draw, 3)
            text = json.dumps(content)
        store.execute("INSERT OR REPLACE INTO document VALUES (?, ?)", (key, text.encode("utf-8", "replace").decode()))


def _statements(choices: list[str]) -> Callable[[random.Random, Path], None]:
    def change(draw: random.Random, path: Path) -> None:
        with closing(sqlite3.connect(path)) as store, store:
            store.execute("PRAGMA legacy_alter_table=ON")
            try:
                for statement in draw.choice(choices).split("; "):
                    store.execute(statement)
            except sqlite3.Error:
                pass  # this SQLite does not make it

    return change


def _pages(draw: random.Random, path: Path) -> None:
    """Spoil bytes anywhere, or cut the file."""
    data = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 3, 30])):
        at = draw.choice([draw.randrange(len(data)), draw.randrange(min(200, len(data)))])
        data[at : at + 8] = bytes(draw.randrange(256) for _ in range(draw.choice([1, 4, 8])))
    path.write_bytes(data[: draw.choice([len(data), len(data), draw.randrange(len(data)), 0, 100])])


def spoil(draw: random.Random, run: Path, where: Path) -> Path:
    """A copy of a run with a hostile database, at `where`."""
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(run, where)
    ways = [_documents] * 12 + [_statements(SCHEMAS)] * 2 + [_statements(ROWS)] * 3 + [_pages] * 2
    draw.choice(ways)(draw, where / "run.sqlite")
    return where
