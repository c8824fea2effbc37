"""Runs the command line on hostile input, in this process or in one of its own, and says what it broke of the promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from click.testing import CliRunner
from fuzz.values import CANARY

from metalearn.cli import main

HANG_S = 300.0  # far beyond every promise, on a busy machine too: a case that takes so long hangs


class Hangs(BaseException):
    """A case did not end."""


@contextmanager
def ending(what: object) -> Iterator[None]:
    """Ends what hangs."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hangs(f"no end within {HANG_S:.0f} s: {what!r:.300}")

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def one_line(text: str) -> str:
    """What is wrong with the words of a refusal; empty where nothing is."""
    lines = [line for line in text.split("\n") if line and not line.startswith("warning: ")]
    if len(lines) != 1 or not lines[0].startswith("error: "):
        return f"expected one line of error, got {text[:600]!r}"
    if not lines[0].isprintable():
        return f"expected printable letters, got {lines[0][:300]!r}"
    return "" if len(lines[0]) <= 1200 else f"expected a line, got {len(lines[0])} letters: {lines[0][:300]!r}"


def broken(arguments: list[str], named: bool = False) -> tuple[str, int]:
    """Runs a command in this process: what it broke, empty where nothing; exit code."""
    with ending(arguments):
        result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        import traceback

        trace = "".join(traceback.format_exception(*(result.exc_info or (None, None, None)))[-3:])
        return f"{arguments!r:.400}: {type(result.exception).__name__}: {result.exception!s:.200}\n{trace}", 1
    sung = [name for name in (CANARY, CANARY.split(".")[0]) if sys.modules.pop(name, None)]
    if sung and not named:  # what the user names is imported
        return f"{arguments!r:.400}: a module was imported", result.exit_code
    if result.exit_code not in (0, 2):
        return f"{arguments!r:.400}: exit code {result.exit_code}: {result.output[:400]}", result.exit_code
    why = one_line(result.stderr) if result.exit_code else ""
    return why and f"{arguments!r:.400}: {why}", result.exit_code


def tree(folder: Path) -> set[str]:
    """Every file below a folder, but for those of the cache."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "cache" not in path.parts}


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float  # of a processor
    megabytes: float  # at most, resident


def run(arguments: list[str], folder: Path, limit_s: float = HANG_S, **environment: str) -> Ended:
    """Runs the command line in a process of its own."""
    command = [sys.executable, "-m", "metalearn.cli", *arguments]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **environment}
    process = subprocess.Popen(command, cwd=folder, env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    texts: dict[str, str] = {}
    readers = [
        threading.Thread(target=lambda s=stream, n=name: texts.update({n: s.read().decode(errors="replace")}))
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
    ]
    guard = threading.Timer(limit_s, process.kill)
    for thread in (*readers, guard):
        thread.start()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    guard.cancel()
    for reader in readers:
        reader.join()
    process.stdout.close()
    process.stderr.close()
    seconds = used.ru_utime + used.ru_stime
    return Ended(process.returncode, texts["stdout"], texts["stderr"], seconds, used.ru_maxrss / 1024)
