"""Describes the machine and versions that a run was made on, and names what keeps it from repeating bit for bit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from inner.engines.native import compiler

PACKAGES = ("torch", "numpy", "cma", "sympy", "scikit-learn", "wandb", "metalearn-torch")
MATTERS = {  # what a float may depend on -> how a person calls it
    "python": "Python",
    "torch": "torch",
    "numpy": "numpy",
    "cma": "cma",
    "sympy": "sympy",
    "scikit-learn": "scikit-learn",
    "metalearn-torch": "metalearn",
    "platform": "platform",
    "machine": "machine",
    "cpu": "CPU",
    "commit": "source commit",
    "threads": "OMP_NUM_THREADS",
    "compiler": "C compiler",
}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
GIT_TIMEOUT_S = 2.0


def describe() -> dict[str, str | int | None]:
    """Versions, machine and source commit as plain JSON; None where unknown. Imports none of the packages, never fails.

    "cores" is what this process may use; "threads" is the thread count asked for through the environment.
    """
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cores": _cores(),
        "threads": next((os.environ[name] for name in THREADS if os.environ.get(name)), None),
        "compiler": compiler.version() or None,
        "commit": source_commit(Path(__file__).resolve().parent.parent.parent),
    }


def differences(stored: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line for each difference that may change the last bits of a result; empty when a resume repeats bit for bit.

    What only one side knows (an older run has fewer entries) is not a difference.
    """
    return [
        f"{word}: the run was made with {stored[key]}, this is {now[key]}"
        for key, word in MATTERS.items()
        if stored.get(key) is not None and now.get(key) is not None and stored[key] != now[key]
    ]


def source_commit(folder: Path) -> str | None:
    """The git commit of the checkout at `folder`, with "-dirty" for uncommitted changes; None outside a checkout."""
    if not (folder / ".git").exists():  # an installed copy may lie inside another repository
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit + ("-dirty" if changes else "")


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
