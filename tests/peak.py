"""The most memory that a command and all its children take together: the sum of their proportional shares, sampled."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

EVERY_S = 0.02


def children_of(pid: int) -> list[int]:
    """The process ids below `pid`, itself first."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def share_of(pid: int) -> int:
    """Bytes of one process; memory that several share is divided among them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def peak(command: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float = 600.0) -> tuple[int, int, str]:
    """Peak bytes, exit code and output of a command."""
    most, started = 0, time.monotonic()
    with subprocess.Popen(
        command, cwd=cwd, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while process.poll() is None:
            most = max(most, sum(map(share_of, children_of(process.pid))))
            if time.monotonic() - started > timeout:
                process.kill()
            time.sleep(EVERY_S)
        output = process.stdout.read() if process.stdout else ""
    return most, process.returncode, output
