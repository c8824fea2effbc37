"""Counts the pages that the system hands to a process that has lived: none, for what it has freed before."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from inner.life.memory import OWN

LIVES = """
import resource, torch
from native_help import LABELS, Toy
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.life.memory import keep_freed
torch.set_num_threads(1)
learner, task = Learner(Rule("a*err*pre"), Network(hidden=(3,))), Toy(4, 2)
with torch.no_grad():
    live(Life(learner, task, task.life_data("search", 2, 1, 0, LABELS), torch.zeros(1, 1), 0, LABELS))
counts = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    together = [torch.zeros(6 * 2**20) for _ in range(4)]
    del together
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(int(keep_freed()), min(counts[1:]))
"""


def lived(**environment: str) -> tuple[bool, int]:
    """Of a process that has lived: whether memory is kept, and the pages that it was handed for 96 MiB, once it had them."""
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
def test_memory_that_was_freed_is_used_again() -> None:
    kept, pages = lived()
    assert kept and pages < 100


def test_what_a_user_has_set_stays() -> None:
    kept, _ = lived(MALLOC_TRIM_THRESHOLD_="100000")
    assert not kept
