"""The generated C keeps within its memory and its types: sanitizers watch lives of the library, every option and random rules."""

from __future__ import annotations

from pathlib import Path

import pytest
import sanitized

from inner.engines.native import compiler

pytestmark = pytest.mark.skipif(
    bool(compiler.problem()) or not sanitized.libraries(), reason="no C compiler with AddressSanitizer"
)
NAMES = list(sanitized.cases())
PART = 12  # cases of one process
SHARE = ["exploring, clean, batch 1", "wild 0"]


def lived(chosen: list[str], folder: Path, processor: str = "native") -> None:
    code, said = sanitized.run(chosen, folder, processor)
    assert code == 0 and said.count("\nend ") + said.startswith("end ") == len(chosen), said


def test_a_share(tmp_path: Path) -> None:
    lived(SHARE, tmp_path)


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(0, len(NAMES), PART))
def test_all(first: int, tmp_path: Path) -> None:
    lived(NAMES[first : first + PART], tmp_path)


@pytest.mark.fuzz
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_shorter_vectors(processor: str, tmp_path: Path) -> None:
    """Vectors of 4 and of 8 numbers."""
    lived([name for name in NAMES if name.startswith("family") or "every" in name], tmp_path, processor)


@pytest.mark.fuzz
@pytest.mark.parametrize(
    "old, new, word",
    [
        ("EMPTY(m->recon, job->batch * widest);", "EMPTY(m->recon, job->batch * widest - 1);", "AddressSanitizer"),
        ("end += rows * columns;", "end += rows * columns + 1;", "AddressSanitizer"),
        ("int failed = 0;", "int failed = 0; job->steps += INT64_MAX - 1;", "signed integer overflow"),
    ],
)
def test_the_sanitizers_see(old: str, new: str, word: str, tmp_path: Path) -> None:
    """One float too few in the workspace, one too many in a result, a sum beyond its type."""
    code, said = sanitized.run(["--replace", old, new, "every signal, batch 3"], tmp_path)
    assert code == 99 and word in said and "end every" not in said, said
