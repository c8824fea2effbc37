"""The process that talks to Weights & Biases: reads a search's messages on stdin, so W&B can only hurt this process.

Run as a script by `metalearn.tracking.tracker` with its process id and ORPHAN_S.
Each line in is a JSON message, each line out is a JSON answer:
{"done": n} after the n-th message, {"warning": text} for a person, {"error": text} as the last words. The end of stdin
without a "close" message means that the search was killed: the W&B run is finished as failed, with every row sent.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Literal

# as a script, this folder would be searched first, and files like `config.py` would hide other packages' modules
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != Path(__file__).resolve().parent]

INIT_TIMEOUT_S = 30.0  # then online becomes offline
FINISH_TIMEOUT_S = 100.0  # what is not uploaded by then stays on disk, for `wandb sync`
QUIET: Mapping[str, object] = {
    "x_transaction_log_flush_interval": 1.0,
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "disable_job_creation": True,
    "x_disable_stats": True,
    "init_timeout": INIT_TIMEOUT_S,
    "finish_timeout": FINISH_TIMEOUT_S,
}


class Mirror:
    """One W&B run and the line back to the search. Methods are named as the messages."""

    def __init__(self, answers: int) -> None:
        self.answers = answers  # a file descriptor
        self.run: Any = None

    def answer(self, **message: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # the search was killed: its rows are still worth writing
            os.write(self.answers, json.dumps(message).encode() + b"\n")

    def start(
        self,
        run_id: str,
        run_name: str,
        project: str,
        mode: Literal["online", "offline"],
        folder: str,
        config: Mapping[str, object],
        group: str | None = None,
    ) -> None:
        """Begin the W&B run, or go on with the one that has this id; offline where online cannot be had."""
        import wandb

        root = os.environ.get("WANDB_DIR") or folder
        if not writable(Path(root)):  # W&B would take the temporary folder and say nothing
            self.answer(warning=f"W&B: WANDB_DIR {root} cannot be written; its files lie in {folder}")
            root = os.environ["WANDB_DIR"] = folder
        os.environ.setdefault("WANDB_DATA_DIR", str(Path(folder) / "wandb" / "data"))  # artifacts stay with the run
        known = wandb.Settings.model_fields
        arguments: Any = {
            "id": run_id,
            "resume": "allow",
            "dir": root,
            "config": config,
            "settings": wandb.Settings(**{key: value for key, value in QUIET.items() if key in known}),
        }
        if group is not None and not os.environ.get("WANDB_RUN_GROUP"):
            arguments["group"] = group
        if not os.environ.get("WANDB_PROJECT"):
            arguments["project"] = project
        if not os.environ.get("WANDB_NAME"):
            arguments["name"] = run_name
        try:
            self.run = wandb.init(mode=mode, **arguments)
        except (wandb.errors.Error, OSError, RuntimeError) as error:
            if mode == "offline":
                raise
            self.answer(warning=f"W&B: online is not possible ({one_line(error)}); logging offline")
            self.run = wandb.init(mode="offline", **arguments)
        self.run.define_metric("generation")
        self.run.define_metric("*", step_metric="generation")

    def row(self, values: dict[str, float]) -> None:
        """One generation. W&B's own step is the index too: a row that the server has already is dropped there."""
        self.run.log(values, step=int(values["generation"]), commit=True)  # without it W&B waits for the next row

    def finish(self, rule: str | None, top_k: list[dict[str, object]], summary: Mapping[str, object]) -> None:
        """The results: summary, top-k table (in the summary, so that history keeps one row per generation), rule."""
        import wandb

        self.run.summary.update(summary)
        if top_k:
            columns = list(dict.fromkeys(key for row in top_k for key in row))
            data = [[row.get(key) for key in columns] for row in top_k]
            self.run.summary["top_k"] = wandb.Table(columns=[*columns], data=data, allow_mixed_types=True)
        if rule is not None:
            document = json.loads(Path(rule).read_text(encoding="utf-8"))
            notes = {key: document[key] for key in ("formula", "values", "fitness", "task") if key in document}
            if "values" in notes:  # a list of a value per synapse stays in the file
                notes["values"] = {k: v for k, v in notes["values"].items() if not isinstance(v, list)}
            name = re.sub(r"[^A-Za-z0-9_.-]", "-", f"rule-{self.run.name or self.run.id}")[:128]
            artifact = wandb.Artifact(name, type="rule", metadata=notes)
            artifact.add_file(rule, name="rule.json")
            self.run.log_artifact(artifact)

    def close(self, exit_code: int) -> None:
        """End the W&B run with the exit code of the search."""
        if self.run is not None:
            self.run.finish(exit_code=exit_code)
            self.run = None


def writable(folder: Path) -> bool:
    """True for a folder that is there, or can be made, and takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def one_line(error: BaseException) -> str:
    """The message of an error on one line of at most 300 characters."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def end_after(parent: int, grace_s: float) -> None:
    """End this process `grace_s` seconds after its parent has died, whatever W&B is doing then."""
    while os.getppid() == parent:
        time.sleep(0.5)
    time.sleep(grace_s)
    os._exit(1)


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever W&B prints goes to the log file
    for group_signal in (signal.SIGINT, signal.SIGTERM):  # sent to whole groups; this process ends with its stdin
        signal.signal(group_signal, signal.SIG_IGN)
    Thread(target=end_after, args=(int(sys.argv[1]), float(sys.argv[2])), daemon=True).start()
    mirror = Mirror(answers)
    usual = sys.excepthook

    def last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        usual(kind, error, trace)
        mirror.answer(error=f"{kind.__name__}: {one_line(error)}")

    sys.excepthook = last_words
    actions: dict[str, Callable[..., None]] = {
        "start": mirror.start,
        "row": mirror.row,
        "finish": mirror.finish,
        "close": mirror.close,
    }
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.endswith(b"\n"):  # the search was killed within this message
            break
        message = json.loads(line)
        actions[message.pop("do")](**message)
        mirror.answer(done=number)
    mirror.close(exit_code=1)  # does nothing after a "close" message


if __name__ == "__main__":
    main()
