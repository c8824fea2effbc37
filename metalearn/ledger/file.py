"""The ledger as a file: one JSON entry a line, only ever appended to, so that merging two ledgers is joining their lines.

Only what a kill has left of a line is taken away again: `append` ends each with a line break.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from metalearn.ledger.documents import Entry, Look, Registered
from metalearn.store.files import RunError, one_line_errors

NAME = "ledger.jsonl"
KINDS: dict[str, type[Look] | type[Registered]] = {"look": Look, "claim": Registered}
LIMIT = 50_000_000  # bytes


def beside(folder: Path) -> Path:
    """The ledger that a run writes into: in the folder that holds the run's folder."""
    return folder.resolve().parent / NAME


def known_ledgers(folder: Path) -> list[Path]:
    """The ledgers that a run in `folder` reads: its own, and the project's in the working folder."""
    return list(dict.fromkeys((beside(folder), Path.cwd() / NAME)))


def read(path: Path) -> list[Entry]:
    """The entries of a ledger in order; none where there is no file. Raises RunError, in one line, for a damaged line."""
    if not path.exists():
        return []
    with one_line_errors(path):
        data = path.read_bytes()
    if len(data) > LIMIT:
        raise RunError(f"{path} is larger than {LIMIT:,} bytes, expected a ledger")
    lines = data[: _whole(data)].splitlines()
    return [_entry(line, f"{path}, line {n}") for n, line in enumerate(lines, start=1) if line.strip()]


def read_all(paths: Iterable[Path]) -> list[Entry]:
    """The entries of several ledgers without repeats, by time."""
    found: dict[tuple[str, str, str], Entry] = {}
    for path in paths:
        for entry in read(path):
            found.setdefault(_key(entry), entry)
    return sorted(found.values(), key=lambda entry: entry.time)


def append(path: Path, entries: Sequence[Entry]) -> list[Entry]:
    """Add those entries that the ledger lacks, durably; returns them. Raises RunError where it cannot be written."""
    with one_line_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # two runs may end at once
            there = {_key(entry) for entry in read(path)}
            new = [entry for entry in entries if _key(entry) not in there]
            file.seek(0)
            data = file.read()
            whole = _whole(data)
            file.truncate(whole)
            if new and data[:whole].rstrip(b"\n") == data[:whole] != b"":
                file.write(b"\n")
            text = "".join(json.dumps(entry.plain(), sort_keys=True, ensure_ascii=False) + "\n" for entry in new)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    return new


def _whole(data: bytes) -> int:
    """Bytes of a ledger without the line at its end that a kill cut short: one that is not ended, and no JSON."""
    start = data.rfind(b"\n") + 1
    try:
        json.loads(data[start:] or b"{}")
    except ValueError:
        return start
    return len(data)


def _key(entry: Entry) -> tuple[str, str, str]:
    """Entries with the same key are the same: a look by its id, a claim by its hash and the experiment that made it."""
    return entry.kind, entry.id, entry.experiment if isinstance(entry, Registered) else ""


def _entry(line: bytes, where: str) -> Entry:
    try:
        content = json.loads(line.decode("utf-8"))
    except ValueError:
        raise RunError(f"{where}: not JSON; the line is damaged") from None
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind not in KINDS:
        raise RunError(f"{where}: kind: expected one of {', '.join(KINDS)}, got {str(kind)[:40]!r}")
    return KINDS[kind].read(content, where)
