"""Compilers that hang, lie or leave things out: a bounded, announced wait, one line, and nothing left behind."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inner.engines.native import bounded, compiler
from outer.evaluators.processes import Evaluator

pytestmark = pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler")
TEXT = "int run(void) { return 7; }\n"
Script = Callable[[str], Path]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Makes a shell script the compiler, with a cache of its own and short limits; `calls` lists how it was called."""

    def make(text: str) -> Path:
        path = tmp_path / "compiler"
        path.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n{text}\n', encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setenv("CC", str(path))
        monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(compiler, "PROBE_S", 1.0)
        monkeypatch.setattr(bounded, "NOTICE_S", 0.2)
        return path

    return make


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text(encoding="utf-8").splitlines()


VERSION = 'if [ "$1" = --version ]; then echo wrong 1.0; exit 0; fi\n'
HANG = "sleep 1000 & wait"  # the process that hangs is not the one that was started


def test_a_library_without_the_function_is_one_line(script: Script) -> None:
    real = shutil.which("cc") or shutil.which("gcc")
    make = f'echo "int other;" | {real} -shared -x c - -o "$out"'
    script(VERSION + 'for a in "$@"; do [ "$last" = -o ] && out="$a"; last="$a"; done\n' + make)
    assert "has no function 'works'" in compiler.problem()
    with pytest.raises(compiler.CompilerError, match="has no function 'run'"):
        compiler.function(TEXT, "run")


def test_a_compiler_that_makes_nothing_is_one_line(script: Script) -> None:
    script(VERSION + "exit 0")
    assert "exit code 0, no library" in compiler.problem()


def test_a_compiler_that_makes_no_library_is_one_line(script: Script) -> None:
    script(VERSION + 'for a in "$@"; do [ "$last" = -o ] && echo text > "$a"; last="$a"; done')
    assert "cannot be loaded" in compiler.problem()


@pytest.mark.parametrize("front", ["", VERSION], ids=["version", "kernel"])
def test_a_hanging_compiler_is_waited_for_once(
    script: Script, tmp_path: Path, caplog: pytest.LogCaptureFixture, front: str
) -> None:
    """Also where it hangs in a process of its own, which holds the pipe open."""
    script(front + HANG)
    with caplog.at_level(logging.WARNING):
        why = compiler.problem()
    assert "does not work here" in why and "\n" not in why
    assert [record.getMessage() for record in caplog.records] == [
        f"engine: waiting for the C compiler {tmp_path}/compiler, at most 1 s"
    ]
    seen = calls(tmp_path)
    assert compiler.problem() == why and calls(tmp_path) == seen
    assert not list((tmp_path / "cache" / "kernels").glob(".build-*"))


def asked() -> str:
    return compiler.problem()


def test_workers_do_not_wait_for_it_again(script: Script, tmp_path: Path) -> None:
    script(HANG)
    why, seen = compiler.problem(), calls(tmp_path)
    workers = Evaluator(2)
    try:
        assert workers.map(asked, [(), (), ()]) == [why] * 3
    finally:
        workers.close()
    assert calls(tmp_path) == seen


def test_a_kernel_that_hung_in_another_process_is_not_tried_again(script: Script, tmp_path: Path) -> None:
    script(VERSION + HANG)
    with pytest.raises(compiler.CompilerError, match="did not end within 1 s"):
        compiler.library(TEXT, limit_s=1.0)
    seen = calls(tmp_path)
    with pytest.raises(compiler.CompilerError, match="did not end in another process"):
        compiler.library(TEXT, limit_s=1.0)
    assert calls(tmp_path) == seen
    for note in (tmp_path / "cache" / "kernels").glob("*.hung"):
        os.utime(note, (1, 1))  # long ago
    with pytest.raises(compiler.CompilerError, match="did not end within 1 s"):
        compiler.library(TEXT, limit_s=1.0)


def test_nothing_stays_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    killed, fresh = (tmp_path / "temporary" / f"metalearn-kernels-{name}" for name in ("killed", "fresh"))
    for folder in (killed, fresh):
        folder.mkdir(mode=0o700)
    os.utime(killed, (time.time() - 1e5,) * 2)
    assert compiler.function(TEXT, "run")() == 7
    assert list((tmp_path / "temporary").iterdir()) == [fresh]
