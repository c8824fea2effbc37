"""Counts the pages that the system hands out while lives in batches go on: none, once memory that was freed is kept."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from inner.memory import OWN

LIVES = """
import resource, torch
from native_help import LABELS, Toy
from inner.learners.local_rule import Learner
from inner.lifetime import live
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.memory import keep_freed
torch.set_num_threads(1)
learner, task = Learner(Rule("a*err*pre + b*post*w"), Network(hidden=(64,))), Toy(64, 10)
lives = task.lives("search", 60, 32, 0, LABELS)
counts = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    with torch.no_grad():
        live(learner, task, lives, torch.full((64, 2), 0.001), 0, LABELS)
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(int(keep_freed()), counts[-1])
"""


def lived(**environment: str) -> tuple[bool, int]:
    """Whether memory is kept in a process of its own, and the pages that it was handed in its third round of lives."""
    inherited = {name: value for name, value in os.environ.items() if name not in OWN}
    done = subprocess.run(
        [sys.executable, "-c", LIVES],
        env=inherited | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, pages = done.stdout.split()
    return kept == "1", int(pages)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_step_uses_the_memory_of_the_step_before() -> None:
    kept, pages = lived()
    assert kept and pages < 60 * 10, f"{pages} pages in 60 steps"


def test_what_a_user_has_set_stays() -> None:
    kept, _ = lived(MALLOC_TRIM_THRESHOLD_="100000")
    assert not kept
