"""The contents of a working folder, as far as they must not depend on when a run was killed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metalearn.store.run_store import DATABASE, RunStore

CHANGING = ("environment", "tracking", "looks", "group", "command")  # documents that hold times, ids or paths
TIMES = ("seconds", "time", "id", "group", "experiment")  # keys of documents
MIRROR = "wandb"  # files of W&B, a folder per start


@dataclass(frozen=True)
class Contents:
    """Digests by name."""

    parts: dict[str, str]

    def differences(self, other: Contents) -> list[str]:
        """What is missing, too much or different in the other one."""
        found = []
        for name in sorted({*self.parts, *other.parts}):
            if name not in other.parts:
                found.append(f"{name} is missing")
            elif name not in self.parts:
                found.append(f"{name} is left behind")
            elif self.parts[name] != other.parts[name]:
                found.append(f"{name} differs: {self.parts[name][:100]} and {other.parts[name][:100]}")
        return found


def contents(folder: Path, output: Path | None = None) -> Contents:
    """Names of all files; bits of generations and documents, of rules and of what was printed, without times."""
    parts = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if MIRROR in path.relative_to(folder).parts or path.is_dir():
            continue
        parts[name] = "there"
        if path.name == DATABASE:
            parts |= {f"{name}: {key}": value for key, value in stored(path.parent).items()}
        elif path.suffix == ".json":
            parts[name] = digest(timeless(json.loads(path.read_text(encoding="utf-8"))))
        elif path.suffix in (".py", ".svg"):
            parts[name] = digest(path.read_text(encoding="utf-8"))
        elif path.suffix == ".jsonl":
            parts[name] = digest([timeless(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()])
    if output is not None:
        text = output.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not re.search(r"\d:\d\d|left", line)]  # progress bars
        parts["what was printed"] = digest([re.sub(r"\s+\d+\s*$", "", line) for line in lines])
    return Contents(parts)


def stored(run: Path) -> dict[str, str]:
    """Digests of the generations and documents of a run."""
    with RunStore.open(run, write=False) as store:
        found = {key: digest(timeless(store.get(key))) for key in store.keys() if key not in CHANGING}
        for generation in store.each():
            arrays = [
                (name, value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).hexdigest())
                for name in ("candidates", "fitness", "scores", "alive", "recommendation", "digest", "gradient")
                if (value := getattr(generation, name)) is not None
            ]
            found[f"generation {generation.index}"] = digest([arrays, timeless(generation.metrics)])
    return found


def timeless(value: Any) -> Any:
    """JSON without the times in it."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in TIMES}
    return [timeless(each) for each in value] if isinstance(value, list) else value


def digest(value: Any) -> str:
    """A short text that tells values apart, bit for bit."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
