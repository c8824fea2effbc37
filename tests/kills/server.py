"""Starts `metalearn` commands from a process that has imported everything already: a run that is killed costs no import.

Each line in is a JSON request {arguments, folder, environment, output, kill_at: seconds or null}; the answer is its exit
code {"code": n}, -9 for a killed one. A command lives in a process group of its own, which is killed as a whole.
"""

from __future__ import annotations

import json
import os
import pkgutil
import select
import signal
import sys
import tempfile
from importlib import import_module


def preload() -> None:
    """Import the project and what its runs import."""
    import cma  # noqa: F401
    import matplotlib.backends.backend_svg  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import torch

    torch.set_num_threads(1)
    for package in ("inner", "outer", "metalearn"):
        for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not found.name.startswith("metalearn.tracking.mirror"):
                import_module(found.name)


def become(request: dict[str, object]) -> None:
    """Be a process that was started with this command."""
    os.setpgrp()
    os.chdir(str(request["folder"]))
    os.environ.update(request["environment"])  # type: ignore[arg-type]
    tempfile.tempdir = None
    output = os.open(str(request["output"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from metalearn import cli

    sys.modules["__main__"] = cli  # what spawned workers import
    sys.argv = ["metalearn", *map(str, request["arguments"])]  # type: ignore[call-overload]
    cli.main(args=sys.argv[1:])


def kill(pid: int, after: float) -> None:
    """SIGKILL to the group of a child, unless it ends before; its number is its own until it is waited for."""
    ends = select.poll()
    descriptor = os.pidfd_open(pid)
    ends.register(descriptor, select.POLLIN)
    if not ends.poll(1000 * after):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:  # it has no group of its own yet
            os.kill(pid, signal.SIGKILL)
    os.close(descriptor)


def main() -> None:
    """Serve until there are no more requests."""
    preload()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if not pid:
            become(request)
            return
        if request["kill_at"] is not None:
            kill(pid, float(request["kill_at"]))
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
