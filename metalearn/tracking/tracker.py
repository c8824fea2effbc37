"""Mirrors a run store to Weights & Biases: never the truth, never fatal, never waited for.

W&B runs in a process of its own (`mirror.py`), fed through a pipe that is never waited on. So an exception, a hanging
call, a dying service or an exit hook of W&B cannot reach the search, and when the search itself is killed the mirror
still writes every row that it was sent. After any failure the tracker says so in one line and does nothing more.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from inner.components import suggest
from outer.generation import Generation

if TYPE_CHECKING:
    from typing import Self

MODES = ("offline", "online", "disabled")
ALIASES = {"dryrun": "offline", "run": "online"}  # what WANDB_MODE may also say
STALL_S = 90.0  # a message that is not answered for so long means that W&B hangs
BUFFER_BYTES = 16 * 2**20  # rows that wait for W&B
CLOSE_S = {"offline": 20.0, "online": 120.0}  # online uploads what is left
ORPHAN_S = 150.0  # how long the mirror of a killed search may take to finish
log = logging.getLogger("metalearn.tracking")


class Tracker:
    """The W&B mirror of one search. Made by `start`; every method returns at once, but for `close`."""

    def __init__(self, run_id: str | None, mode: str, first: int = 0) -> None:
        self.run_id = run_id  # of the W&B run; store it and pass it to `start` on resume
        self.mode = mode
        self._first = first
        self._process: subprocess.Popen[bytes] | None = None
        self._outbox = bytearray()
        self._inbox = bytearray()
        self._sent = self._done = 0  # messages
        self._progress = time.monotonic()
        self._log_path = Path(os.devnull)

    @classmethod
    def start(
        cls,
        folder: Path,
        run_name: str,
        config: Mapping[str, Any],
        mode: str,
        project: str,
        run_id: str | None,
        first: int = 0,
        group: str | None = None,
    ) -> Tracker:
        """Begin mirroring into `folder`/wandb, or go on with the W&B run `run_id`.

        mode: "offline", "online" or "disabled". WANDB_MODE, WANDB_DISABLED, WANDB_PROJECT, WANDB_NAME, WANDB_DIR and
        the rest of W&B's environment variables come before the arguments. Online without a key or a network goes on
        offline, with one warning. first: generations below this index are in W&B already and are skipped.
        group: the W&B group that the run belongs to.

        Raises ValueError for an unknown mode, and for nothing else.
        """
        mode = resolved_mode(mode)
        run_id = run_id or os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)
        tracker = cls(run_id, mode, first)
        if mode == "disabled":
            return tracker
        if find_spec("wandb") is None:
            log.warning("W&B: the package wandb is not installed; this run is not mirrored")
            return tracker
        try:
            tracker._launch(Path(folder).resolve())
        except OSError as error:
            log.warning("W&B: %s; this run is not mirrored", error)
            return tracker
        tracker._send(
            do="start",
            run_id=run_id,
            run_name=run_name,
            project=project,
            mode=mode,
            folder=str(Path(folder).resolve()),
            config=dict(config),
            group=group,
        )
        return tracker

    @property
    def active(self) -> bool:
        """False when disabled, after a failure and after `close`."""
        return self._process is not None

    def generation(self, generation: Generation) -> None:
        """One row, on the axis "generation". Generations below `first` are skipped."""
        self.row(generation.index, generation.metrics)

    def row(self, index: int, metrics: Mapping[str, float]) -> None:
        """The numbers of generation `index`."""
        if index >= self._first:
            self._send(do="row", values={"generation": index, **metrics})

    def finish(
        self, rule_json_path: Path | None, top_k_rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
    ) -> None:
        """The results: the rule as a versioned artifact of type "rule", the table "top_k" and the run's summary."""
        rule = None if rule_json_path is None else str(Path(rule_json_path).resolve())
        self._send(do="finish", rule=rule, top_k=[dict(row) for row in top_k_rows], summary=dict(summary))

    def close(self, exit_code: int = 0) -> None:
        """End the W&B run and wait for it, at most CLOSE_S seconds. Doing it twice is harmless."""
        self._send(do="close", exit_code=int(exit_code))
        deadline = time.monotonic() + CLOSE_S[self.mode] if self.active else 0.0
        while self._process is not None and self._done < self._sent:
            if time.monotonic() > deadline:
                files = self._log_path.parent / "*run-*"
                self._stop(f"not finished within {CLOSE_S[self.mode]:.0f} s; upload later: wandb sync {files}")
                return
            time.sleep(0.01)
            self._pump()
        self._reap(max(2.0, deadline - time.monotonic()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(0 if error is None else 1)

    def _launch(self, folder: Path) -> None:
        self._log_path = folder / "wandb" / "mirror.log"
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("mirror.py")), str(os.getpid()), str(ORPHAN_S)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                start_new_session=True,  # Ctrl-C reaches the search, which then closes the mirror
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        os.set_blocking(self._process.stdout.fileno(), False)

    def _send(self, **message: Any) -> None:
        if self._process is None:
            return
        try:
            text = json.dumps(message, default=_plain)
        except (TypeError, ValueError) as error:
            self._stop(f"{message['do']}: {error}")
            return
        if self._sent == self._done:
            self._progress = time.monotonic()  # nothing was waiting: the clock starts here
        self._sent += 1
        self._outbox += text.encode() + b"\n"
        self._pump()
        if self._process is None:
            return
        if self._sent > self._done and time.monotonic() - self._progress > STALL_S:
            self._stop(f"no answer for {STALL_S:.0f} s")
        elif len(self._outbox) > BUFFER_BYTES:
            self._stop(f"too slow: {len(self._outbox)} bytes wait")

    def _pump(self) -> None:
        """Move what can be moved without waiting: answers first, then messages."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            while data := os.read(self._process.stdout.fileno(), 2**16):
                self._inbox += data
            ended = True
        except BlockingIOError:
            ended = False
        *lines, rest = bytes(self._inbox).split(b"\n")
        self._inbox = bytearray(rest)
        for line in lines:
            self._take(json.loads(line))
        if self._process is None:
            return
        if ended and self._done < self._sent:
            self._stop(f"its process ended; see {self._log_path}")
            return
        try:
            while self._outbox:
                del self._outbox[: os.write(self._process.stdin.fileno(), self._outbox[: 2**16])]
        except BlockingIOError:
            pass
        except OSError:  # a broken pipe; why comes with the answers, if the process could still say it
            if not ended:
                return
            self._stop(f"its process ended; see {self._log_path}")

    def _take(self, answer: Mapping[str, Any]) -> None:
        if "done" in answer:
            self._done = answer["done"]
            self._progress = time.monotonic()
        elif "warning" in answer:
            log.warning("%s", answer["warning"])
        elif "error" in answer:
            self._stop(answer["error"])

    def _stop(self, reason: str) -> None:
        """Say why, once, and become a tracker that does nothing."""
        if self._process is not None:
            log.warning("W&B: %s; the search goes on without it", reason)
            self._process.kill()  # its service sees that and ends by itself
            self._reap(2.0)

    def _reap(self, timeout_s: float) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def resolved_mode(mode: str) -> str:
    """The mode that the environment or else `mode` asks for. Raises ValueError for an unknown one."""
    name, value = "tracking.mode", mode
    if os.environ.get("WANDB_DISABLED", "").lower() in {"1", "true", "yes", "on"}:
        return "disabled"
    if os.environ.get("WANDB_MODE"):
        name, value = "WANDB_MODE", os.environ["WANDB_MODE"].lower()
    value = ALIASES.get(value, value)
    if value not in MODES:
        raise ValueError(f"{name}: expected one of {', '.join(MODES)}, got '{value}'{suggest(value, MODES)}")
    return value


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    return str(value)
