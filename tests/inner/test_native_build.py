"""Building kernels: the cache (damage, foreign files, two processes), sanitizers over whole lives, and no C from a formula."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inner.cache import private_folder
from inner.criteria import CLASSES
from inner.engines.native import compiler, generate
from inner.engines.native.engine import plan_of
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule

pytestmark = pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler")
TEXT = "int run(void) { return %d; }\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kernels"


def built(cache: Path) -> Path:
    (found,) = cache.glob("*.so")
    return found


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_compile", lambda *_: pytest.fail("compiled again"))


def test_a_kernel_is_compiled_once_and_is_private(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiler.library(TEXT % 1).run() == 1
    assert cache.stat().st_mode & 0o777 == 0o700
    assert [f.stat().st_mode & 0o077 for f in cache.iterdir()] == [0, 0], "two files, for the owner alone"
    forbid(monkeypatch)
    assert compiler.library(TEXT % 1).run() == 1


def test_source_flags_and_compiler_are_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [
        compiler.key(TEXT % 1, compiler.FLAGS),
        compiler.key(TEXT % 2, compiler.FLAGS),
        compiler.key(TEXT % 1, ("-O0",)),
    ]
    monkeypatch.setattr(compiler, "_version", lambda _: "another")
    keys.append(compiler.key(TEXT % 1, compiler.FLAGS))
    monkeypatch.setattr(compiler, "processor", lambda: "another")
    keys.append(compiler.key(TEXT % 1, compiler.FLAGS))
    assert len(set(keys)) == 5


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "no note", "foreign", "open to others", "link"])
def test_what_is_damaged_or_foreign_is_made_again(cache: Path, damage: str) -> None:
    compiler._compile(TEXT % 7, _path(cache, 7), compiler.key(TEXT % 7, compiler.FLAGS), compiler.FLAGS)
    path = built(cache)
    content = path.read_bytes()
    if damage == "foreign":  # a sound library of another kernel, with that kernel's note
        other = cache.parent / "other.so"
        compiler._compile(TEXT % 8, other, compiler.key(TEXT % 8, compiler.FLAGS), compiler.FLAGS)
        os.replace(other, path)
        os.replace(other.with_suffix(".sha256"), path.with_suffix(".sha256"))
    elif damage == "no note":
        path.with_suffix(".sha256").unlink()
    elif damage == "open to others":
        path.chmod(0o777)
    elif damage == "link":
        target = path.rename(cache / "elsewhere")
        path.symlink_to(target)
    else:
        flipped = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
        path.write_bytes({"cut": content[:100], "flip": flipped, "empty": b"", "text": b"hello"}[damage])
    assert compiler._intact(path, compiler.key(TEXT % 7, compiler.FLAGS)) is None
    assert compiler.library(TEXT % 7).run() == 7
    assert compiler._intact(path, compiler.key(TEXT % 7, compiler.FLAGS)) == path and not path.is_symlink()


def _path(cache: Path, number: int) -> Path:
    assert private_folder("kernels") == cache
    return cache / f"{compiler.key(TEXT % number, compiler.FLAGS)[:40]}.so"


def test_a_cache_that_cannot_be_used_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "file"))
    assert compiler.library(TEXT % 3).run() == 3
    shared = tmp_path / "shared" / "kernels"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    monkeypatch.setenv("METALEARN_CACHE", str(shared.parent))
    assert compiler.library(TEXT % 3).run() == 3
    assert list(shared.iterdir()) == [], "a folder that anybody may write to is not used"


def test_two_processes_at_once(cache: Path) -> None:
    """Several processes compile and load the same kernel at the same moment, over and over a removed file."""
    code = (
        "from inner.cache import private_folder\nfrom inner.engines.native import compiler\n"
        f"for n in range(3):\n    assert compiler.library({TEXT!r} % n).run() == n\n"
        f"    compiler._compile({TEXT!r} % n, private_folder('kernels') / 'shared.so', 'key', compiler.FLAGS)\n"
    )
    jobs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [job.wait(timeout=120) for job in jobs] == [0, 0, 0]
    assert len(list(cache.glob("*.so"))) == 4 and not list(cache.glob(".build-*"))


def test_a_formula_cannot_put_text_into_c() -> None:
    """Names of coefficients and traces are the user's; the C text has names of its own."""
    shares = (Coefficient("system", share="neuron"), Coefficient("abort", share="synapse"))
    traces = {"printf": "main*printf + pre*abort"}
    rule = Rule("system*pre*post + exec_me*printf", traces, shares, layers={"output": "abort*main"})
    text = generate.source(plan_of(Learner(rule), Spec(4, 3, CLASSES)))
    for word in ("system", "exec_me", "printf", "abort", "main"):
        assert word not in text.split("INLINE void constants", 1)[0].split("/* Vectors", 1)[0]
        assert word not in text[text.index("INLINE void constants") :]
