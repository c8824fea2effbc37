"""Hostile and unlucky stores, one named test each: what once hung, ended in a traceback, or was said in the wrong words."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fuzz.databases import ENDLESS
from fuzz.harness import broken, ending, run

from metalearn.store.database import connect
from metalearn.store.files import one_line_errors
from metalearn.store.run_store import RunError, RunStore


@pytest.fixture
def copy(place: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return shutil.copytree(place / "runs" / "done", tmp_path / "copy")


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "run.sqlite")) as store, store:
        for statement in statements:
            store.execute(statement)


def refusal(arguments: list[str]) -> str:
    """The one line of a command that must be refused."""
    from click.testing import CliRunner

    from metalearn.cli import main

    with ending(arguments):
        assert broken(arguments) == ("", 2)
        return CliRunner().invoke(main, arguments).stderr


@pytest.mark.parametrize("command", ["show", "report", "resume", "compare"])
@pytest.mark.parametrize("table", ["document", "generation", "array"])
def test_a_view_with_an_endless_query_is_not_asked(copy: Path, command: str, table: str) -> None:
    change(copy, f"DROP TABLE {table}", f"CREATE VIEW {table} AS {ENDLESS}")
    assert "its tables are not those of a run" in refusal([command, str(copy)])


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON document BEGIN DELETE FROM generation; END",
        "CREATE INDEX i ON document (length(value))",
        "CREATE TABLE further (x)",
        "ALTER TABLE document RENAME COLUMN value TO worth",
        "ALTER TABLE document ADD COLUMN more TEXT",
    ],
)
def test_a_foreign_schema_is_refused(copy: Path, statement: str) -> None:
    change(copy, statement)
    assert "its tables are not those of a run" in refusal(["show", str(copy)])


def test_a_statement_ends_at_a_signal(copy: Path) -> None:
    """SQLite asks no signal handler within a statement of its own accord."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    path = copy / "run.sqlite"
    old = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)
    try:
        with ending("an endless statement"), closing(connect(path, write=False)) as store:
            with pytest.raises(KeyboardInterrupt), one_line_errors(path):
                store.execute(f"SELECT count(*) FROM ({ENDLESS})").fetchone()
    finally:
        signal.signal(signal.SIGVTALRM, old)


@pytest.mark.parametrize("key", ["config", "environment", "command", "status", "comparison", "selection", "looks"])
@pytest.mark.parametrize("text", ["7", "[1]", '"x"', "[" * 5000, "9" * 5000, "x", "{"])
def test_a_document_of_another_type_is_one_line(copy: Path, key: str, text: str) -> None:
    if text == '"x"' and key in ("command", "status"):
        return
    with closing(sqlite3.connect(copy / "run.sqlite")) as store, store:
        store.execute("INSERT OR REPLACE INTO document VALUES (?, ?)", (key, text))
    for command in ("show", "report"):
        assert broken([command, str(copy)])[0] == ""


@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'ff'", "7", "zeroblob(1000)"])
def test_a_document_that_is_no_text_is_one_line(copy: Path, value: str) -> None:
    change(copy, f"UPDATE document SET value = {value}")
    assert "is damaged" in refusal(["show", str(copy)])


@pytest.mark.parametrize("text", ['{"red": "\\u001b[31m"}', '{"\\u0007": 1}', '["\\u202e"]', '"\x9b31m"', '"\\ud800"'])
def test_control_characters_in_a_document_never_reach_the_terminal(copy: Path, text: str) -> None:
    with closing(sqlite3.connect(copy / "run.sqlite")) as store, store:
        store.execute("INSERT OR REPLACE INTO document VALUES ('command', ?)", (text,))
    assert "control characters" in refusal(["report", str(copy)])


def test_control_characters_in_a_rule_file_never_reach_the_terminal(place: Path) -> None:
    text = (place / "runs" / "done" / "rule.json").read_text(encoding="utf-8")
    (place / "red.json").write_text(text.replace('"task": "digits"', '"task": "\\u001b[31mdigits"'), encoding="utf-8")
    assert "control characters" in refusal(["show", "red.json"])
    (place / "red.json").unlink()


@pytest.mark.parametrize("words", [["search", "tiny.yaml", "--name", "a\x1b[31mb"], ["show", "a\x1b[31mb"]])
def test_control_characters_in_a_name_are_refused(place: Path, words: list[str]) -> None:
    assert "control characters" in refusal(words)


def test_a_deleted_database_is_not_called_a_lack_of_permission(copy: Path) -> None:
    with RunStore.open(copy, write=True) as store:
        (copy / "run.sqlite").unlink()
        with pytest.raises(RunError, match="is gone: it was deleted or moved"):
            store.put("status", "finished")


@pytest.mark.parametrize("name", ["run.sqlite", "rule.json"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(copy: Path, name: str) -> None:
    (copy / name).unlink()
    os.mkfifo(copy / name)
    what = str(copy if name == "run.sqlite" else copy / name)
    assert refusal(["show", what])


def test_a_hanging_store_ends_within_a_process_too(copy: Path) -> None:
    change(copy, "DROP TABLE document", f"CREATE VIEW document AS {ENDLESS}")
    ended = run(["show", str(copy)], copy.parent)
    assert ended.code == 2 and len(ended.stderr.splitlines()) == 1
