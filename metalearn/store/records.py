"""Turns generations and documents into bytes and text, and back: checked arrays, their digest, and plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from inner.printable import check_json
from metalearn.store.files import RunError, damaged
from outer.generation import ARRAYS, OPTIONAL, Generation

# attribute of a generation -> name in the store; a store keeps the names of its first version
COLUMNS = {name: name for name in ARRAYS + OPTIONAL} | {"recommendation": "favourite"}
DTYPES = {
    "candidates": "<f8",
    "fitness": "<f8",
    "scores": "<f8",
    "alive": "|b1",
    "favourite": "<f8",
    "digest": "|u1",
    "gradient": "<f8",
}
AXES = {
    "candidates": "PD",
    "fitness": "P",
    "scores": "PL",
    "alive": "PL",
    "favourite": "D",
    "digest": "H",
    "gradient": "GD",
}


def checked_arrays(generation: Generation) -> dict[str, np.ndarray]:
    """The arrays of a generation, little-endian and contiguous, their shapes and types checked against each other."""
    sizes: dict[str, int] = {"0": 0}
    arrays = {}
    for attribute, name in COLUMNS.items():
        if attribute in OPTIONAL and getattr(generation, attribute) is None:
            continue
        value = np.asarray(getattr(generation, attribute))
        axes, want = AXES[name], np.dtype(DTYPES[name])
        if name == "candidates" and generation.digest is not None:
            axes = "0D"  # left out: no rows
        if value.dtype.newbyteorder("<") != want or value.ndim != len(axes):
            expected = f"{want.name} [{', '.join(axes)}]"
            raise RunError(f"generation.{attribute}: expected {expected}, got {value.dtype.name} {list(value.shape)}")
        for axis, size in zip(axes, value.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise RunError(
                    f"generation.{attribute}: expected {axis}={sizes[axis]}, got {axis}={size} in {value.shape}"
                )
        arrays[name] = np.ascontiguousarray(value, dtype=want)
    return arrays


def stored_array(data: bytes, dtype: str, shape: str, path: Path) -> np.ndarray:
    try:
        return np.frombuffer(data, dtype=dtype).reshape(json.loads(shape)).copy()
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise RunError(damaged(path, "an array does not have its shape")) from error


def stored_metrics(text: object, path: Path) -> dict[str, float]:
    """The metrics of a generation. Raises RunError for what is no mapping of names to numbers."""
    found = from_json(text, "the metrics of a generation", path)
    if not isinstance(found, dict) or not all(type(value) in (int, float) for value in found.values()):
        raise RunError(damaged(path, "the metrics of a generation are not numbers"))
    return found


def digest_of(index: int, metrics: str, arrays: Mapping[str, np.ndarray]) -> bytes:
    digest = blake2b(f"{index}\n{metrics}\n".encode(), digest_size=16)
    for name in (name for name in COLUMNS.values() if name in arrays):
        digest.update(f"{name} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].tobytes())
    return digest.digest()


def to_json(value: Any, name: str) -> str:
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RunError(f"document '{name}': expected plain JSON types, got: {error}") from error


def from_json(text: object, name: str, path: Path) -> Any:
    """A stored document. Raises RunError for what is no JSON text, or holds control characters."""
    if not isinstance(text, str):
        raise RunError(damaged(path, f"{name} is no text"))
    try:
        found = json.loads(text)
        check_json(text, found, name)
    except (ValueError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else f"is not JSON or no text ({error})"
        raise RunError(damaged(path, f"{name} {why[:200]}")) from error
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a value of type {type(value).__name__}")
