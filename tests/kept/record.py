"""Digests of short runs, part by part, kept in digests.json: a change of code must not move a bit of what a search finds.

Every YAML file of this folder is a run. Its parts are the arrays of all generations, the rule that was chosen, and the
scores of the comparison. A part is a short BLAKE2b digest, one per generation where there are generations, with a
number beside it that a person can read.

Bits depend on processor, compiler, C library and package versions, so that the record is a mapping from a fingerprint
of these to the digests. On a machine that the record does not know,

    python tests/kept/record.py

adds its digests; with PYTHONPATH set to a checkout of an older commit it adds what that commit computes, and says what
has moved since. A deliberate change of arithmetic records anew once, in a commit of its own that says which parts moved
and by how much.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

HERE = Path(__file__).resolve().parent
RECORD = HERE / "digests.json"
CONFIGS = sorted(path.stem for path in HERE.glob("*.yaml"))
ARRAYS = {  # name in the record: name in the store; a rename in the store changes the right side only
    "candidates": "candidates",
    "fitness": "fitness",
    "scores": "scores",
    "alive": "alive",
    "favourite": "favourite",
    "digest": "digest",
    "gradient": "gradient",
}
NO_DATA = "is not on this machine"  # what a run says when a data set is missing


class DataMissing(Exception):
    """The run needs a data set that this machine lacks."""


def machine() -> dict[str, str]:
    """What the bits of a float may depend on."""
    compiler = os.environ.get("CC") or "cc"
    found = subprocess.run([*compiler.split(), "--version"], capture_output=True, text=True, timeout=20, check=True)
    words: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        words[key.strip()] = value.strip()
    features = words.get("flags", words.get("Features", "")).split()
    vectors = [f for f in features if f.startswith(("sse", "ssse", "avx", "fma", "f16c", "amx", "asimd", "sve"))]
    model = [words.get(k, "") for k in ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part")]
    versions = {name: metadata.version(name) for name in ("torch", "numpy", "cma", "sympy", "scikit-learn")}
    return {
        "machine": platform.machine(),
        "processor": " ".join(word for word in model if word),
        "vectors": " ".join(sorted(vectors)),
        "compiler": found.stdout.split("\n")[0],
        "libc": " ".join(platform.libc_ver()),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
        **versions,
    }


def fingerprint() -> str:
    """A hash of `machine()`; "unknown" where the machine cannot be described."""
    try:
        return short(machine())
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def short(value: Any) -> str:
    """12 hex digits of BLAKE2b over bytes, over an array with its shape and type, or over JSON."""
    if isinstance(value, bytes):
        content = value
    elif isinstance(value, np.ndarray):
        content = f"{value.dtype.str} {value.shape}".encode() + value.tobytes()
    else:
        content = json.dumps(value, sort_keys=True).encode()
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def run(name: str, folder: Path, *overrides: str) -> dict[str, Any]:
    """Run a config of this folder by the command line in `folder`; its parts.

    Kernels are compiled once per machine; tuned baselines are tuned anew.
    Raises DataMissing, or AssertionError with the output of a run that failed.
    """
    from click.testing import CliRunner

    from metalearn.cli import main

    config = HERE / f"{name}.yaml"
    command = "baldwin" if "\ngenome:" in config.read_text(encoding="utf-8") else "search"
    cache = Path(os.environ.get("METALEARN_CACHE", tempfile.gettempdir())) / "kept"
    shutil.rmtree(cache / "baselines", ignore_errors=True)
    with patch.dict(os.environ, {"METALEARN_CACHE": str(cache)}):
        result = CliRunner().invoke(main, [command, str(config), *overrides, "--name", name, "--runs", str(folder)])
    if NO_DATA in result.output:
        raise DataMissing(result.output.strip())
    assert result.exit_code == 0, f"{name}: {result.output} {result.exception!r}"
    return parts(folder / name)


def parts(folder: Path) -> dict[str, Any]:
    """The parts of a run in `folder`; those of an experiment on inheritance carry the name of their arm and seed."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("run.sqlite")):
        arm = path.parent.relative_to(folder).as_posix()
        front = "" if arm == "." else f"{arm} "
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as store:
            documents = {key: json.loads(text) for key, text in store.execute("SELECT key, value FROM document")}
            own = generations(store)
        own |= outcome(documents.get("outcome")) | selection(documents.get("selection"))
        own |= comparison(documents.get("comparison"))
        found |= {front + key: value for key, value in own.items()}
    if (folder / "rule.json").exists():
        found |= rule(json.loads((folder / "rule.json").read_text(encoding="utf-8")))
    return found


def generations(store: sqlite3.Connection) -> dict[str, list[str]]:
    """Per stored array a digest of every generation; beside fitness its best value."""
    found: dict[str, list[str]] = {}
    for name, stored in ARRAYS.items():
        rows = store.execute("SELECT dtype, shape, bytes FROM array WHERE name = ? ORDER BY number", (stored,))
        arrays = [np.frombuffer(data, dtype).reshape(json.loads(shape)) for dtype, shape, data in rows]
        if arrays:
            found[name] = [short(a) + (f" best {float(a.max())!r}" if name == "fitness" else "") for a in arrays]
    return found


def rule(document: Mapping[str, Any]) -> dict[str, str]:
    """What rule.json says of the chosen rule: formula, traces, pathway, coefficients and their values in order."""
    found = {f"rule {key}": short(document.get(key)) for key in ("dw", "traces", "homeostasis")}
    found |= {f"rule {key}": short(list(document[key].items())) for key in ("coefficients", "values")}
    return found | {"rule pathway": document["pathway"], "rule fitness": repr(document["fitness"])}


def selection(document: Mapping[str, Any] | None) -> dict[str, str]:
    """The scores that the winner was chosen by, and what pruning and the front of a program search made of it."""
    if document is None:
        return {}
    found = {f"selection {key}": short(document.get(key)) for key in ("whole", "scores", "pruning", "front")}
    return found | {"selection chosen": str(document["chosen"])}


def comparison(document: Mapping[str, Any] | None) -> dict[str, str]:
    """Per arm its tuned values; per cell and arm the score of every lifetime, the mean and the curve."""
    if document is None:
        return {}
    found = {f"tuned {arm}": short(list(own["values"].items())) for arm, own in document["arms"].items()}
    for c, cell in enumerate(document["cells"]):
        for arm, own in cell["arms"].items():
            found[f"cell {c} {arm}"] = f"{short(own['scores'])} mean {own['mean']!r}"
            found[f"cell {c} {arm} curve"] = short([own["curve"]["steps"], own["curve"]["mean"]])
    return found


def outcome(document: Mapping[str, Any] | None) -> dict[str, str]:
    """An arm's winner and the unselected newborns on fresh lives."""
    if document is None:
        return {}
    return {f"outcome {who}": short([document[who][k] for k in ("curve", "bits")]) for who in ("evolved", "naive")}


def moved(recorded: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    """One line for each part that differs: where, what was recorded, what was found."""
    lines = []
    for key in sorted({*recorded, *got}):
        old, new = recorded.get(key, "nothing"), got.get(key, "nothing")
        if old == new:
            continue
        if (
            isinstance(old, Sequence)
            and isinstance(new, Sequence)
            and not isinstance(old, str)
            and len(old) == len(new)
        ):
            k = next(k for k, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1])
            key, old, new = f"{key} from generation {k}", old[k], new[k]
        lines.append(f"{key}: recorded {old}, got {new}")
    return lines


def load() -> dict[str, Any]:
    """The record: fingerprint -> {"machine": ..., "runs": {config: parts}}."""
    return dict(json.loads(RECORD.read_text(encoding="utf-8"))) if RECORD.exists() else {}


def main() -> int:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
    record, here = load(), fingerprint()
    assert here != "unknown", "this machine cannot be described"
    import metalearn

    print(f"recording {Path(str(metalearn.__file__)).parent}")
    before = record.get(here, {}).get("runs", {})
    runs = {}
    for name in CONFIGS:
        with tempfile.TemporaryDirectory() as folder:
            runs[name] = run(name, Path(folder))
        lines = moved(before[name], runs[name]) if name in before else []
        print(
            "\n  ".join([f"{name}: {'new' if name not in before else f'{len(lines)} parts moved'}", *lines]), flush=True
        )
    record[here] = {"machine": machine(), "runs": runs}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
