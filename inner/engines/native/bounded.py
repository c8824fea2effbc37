"""Runs a compiler for a limited time: a long wait is announced, and what does not end is ended with all that it has started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Sequence

NOTICE_S = 10.0  # after which a wait is announced
log = logging.getLogger("metalearn.engine")


class CompilerError(ValueError):
    """The compiler is missing or refused; the message is one line."""


def run(call: Sequence[str], limit_s: float) -> tuple[int, str, str]:
    """Exit code, output and errors of a compiler, which is ended with all that it has started after limit_s seconds.

    Raises CompilerError where it does not run or does not end.
    """
    try:
        process = subprocess.Popen(
            call, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise CompilerError(f"engine: the C compiler {call[0]} does not run: {error}") from error
    try:
        out, errors = _answer(process, call[0], limit_s)
    except BaseException:  # a limit, or Ctrl-C
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    return process.returncode, out.decode(errors="replace"), errors.decode(errors="replace")


def _answer(process: subprocess.Popen[bytes], name: str, limit_s: float) -> tuple[bytes, bytes]:
    wait = min(NOTICE_S, limit_s)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=wait)
    log.warning("engine: waiting for the C compiler %s, at most %.0f s", name, limit_s)
    try:
        return process.communicate(timeout=limit_s - wait)
    except subprocess.TimeoutExpired:
        why = f"did not end within {limit_s:.0f} s; choose another with CC, or engine=eager"
        raise CompilerError(f"engine: the C compiler {name} {why}") from None
