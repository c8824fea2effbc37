"""A compiled kernel as a Python callable: hands the arrays of a job to C and gets test outputs and final weights back."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from inner.engines.native import compiler
from inner.engines.native.generate import source
from inner.engines.native.plan import Plan

_COUNTS = ("layers", "lives", "population", "steps", "batch", "tests", "records", "threads")
_STRIDES = ("x_life", "y_life", "order_life", "test_life", "weights_life", "own_life", "wide_candidate", "y_row")
_INPUTS = ("units", "record", "order", "x", "y", "test", "theta", "wide", "weights", "own")
_POINTERS = (*_INPUTS, "outputs", "end", "code", "alive")


class _Job(ctypes.Structure):
    """The C struct `Job`, field for field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _COUNTS + _STRIDES),
        *((name, ctypes.c_void_p) for name in _POINTERS),
        ("next", ctypes.c_int64),
        ("whole", ctypes.c_int64),
        ("keys", ctypes.c_void_p),
    ]


@dataclass(frozen=True)
class Data:
    """The lives of a job: float32 arrays whose first axis may have stride 0, everything behind it contiguous."""

    x: np.ndarray  # [L, S, I]
    y: np.ndarray  # [L, S, O and at least one 0, up to whole vectors of any machine]
    order: np.ndarray  # [L, T, B] int64
    test: np.ndarray  # [L, V, I (+ 1)]


@dataclass(frozen=True)
class Lived:
    """Results of a kernel call, n = candidate * L + lifetime."""

    outputs: np.ndarray  # [N, R, V, O] float32, zeros where the network had failed
    alive: np.ndarray  # [N, R] bool
    weights: list[np.ndarray]  # per layer [N, I (+ 1), O] float32, zeros where the network failed
    bits: np.ndarray  # [N] float64, zeros unless asked for


@lru_cache(maxsize=64)
def _function(plan: Plan, key: str) -> ctypes._CFuncPtr:  # type: ignore[name-defined]
    """The C function `run` of a plan; `key` tells compilers apart."""
    text = source(plan)
    run = compiler.function(text, "run", compiler.HEAVY if "#define HEAVY 1" in text else compiler.FLAGS)
    run.argtypes, run.restype = [ctypes.POINTER(_Job)], ctypes.c_int
    return run


def prepare(plan: Plan) -> ctypes._CFuncPtr:  # type: ignore[name-defined]
    """Compile and load, or find, the kernel of a plan. Raises ValueError."""
    return _function(plan, "\x1f".join(compiler.command()))


def call(
    plan: Plan,
    units: tuple[int, ...],
    data: Data,
    theta: np.ndarray,
    wide: np.ndarray,
    weights: list[np.ndarray],
    own: list[np.ndarray],
    record: list[int],
    prequential: bool,
    threads: int,
    keys: np.ndarray | None = None,
    whole: int = 0,
) -> Lived:
    """Run P x L lives. theta [P, layers, D] float32; weights and own per layer [L, ...] float32; record ascending.

    theta holds the coefficients of one number a layer, wide [P, F] float32 those with a value per unit or synapse: layer
    by layer the postsynaptic ones, the presynaptic ones (bias last), those per synapse [I (+ 1), O]. keys [L, 2] uint32
    address the noise; a kernel without noise never reads them. whole: steps of the life of which this is the beginning
    (0: all of it).

    Every argument was checked by the caller: C trusts shapes, and `order` to lie within the pool.
    """
    run = prepare(plan)
    population, layers = theta.shape[:2]
    lives, tests, n = data.order.shape[0], data.test.shape[1], theta.shape[0] * data.order.shape[0]
    flat = _flat(weights, lives)
    apart = _flat(own, lives)
    outputs = np.empty((n, len(record), tests, units[-1]), dtype=np.float32)
    end = np.empty((n, flat.shape[1]), dtype=np.float32)
    bits = np.zeros(n, dtype=np.float64)
    alive = np.zeros((n, len(record)), dtype=np.uint8)
    addresses = np.zeros((lives, 2), dtype=np.uint32) if keys is None else np.ascontiguousarray(keys, dtype=np.uint32)
    sizes, steps = np.array(units, dtype=np.int64), np.array(record, dtype=np.int64)
    theta, wide = (np.ascontiguousarray(values, dtype=np.float32) for values in (theta, wide))
    arrays = dict(
        units=sizes, record=steps, order=data.order, x=data.x, y=data.y, test=data.test, theta=theta, wide=wide,
        weights=flat, own=apart, outputs=outputs, end=end, code=bits, alive=alive, keys=addresses,
    )  # fmt: skip
    job = _Job(
        layers=layers, lives=lives, population=population, steps=data.order.shape[1], batch=data.order.shape[2],
        tests=tests, whole=whole or data.order.shape[1], records=len(record), threads=threads, wide_candidate=wide.shape[1],
        y_row=data.y.shape[2], weights_life=flat.shape[1], own_life=apart.shape[1],
        x_life=_life(data.x), y_life=_life(data.y), order_life=_life(data.order), test_life=_life(data.test),
        **{name: array.ctypes.data for name, array in arrays.items() if name != "code" or prequential},
    )  # fmt: skip
    if run(ctypes.byref(job)):
        raise MemoryError("engine: not enough memory for the workspace of a life")
    found, start = [], 0
    for w in weights:
        size = w.shape[1] * w.shape[2]
        found.append(end[:, start : start + size].reshape(n, w.shape[1], w.shape[2]))
        start += size
    return Lived(outputs, alive.astype(bool), found, bits)


VECTOR = 16  # floats of the longest vectors


def padded(y: np.ndarray) -> np.ndarray:
    """Targets [L, S, O] with zeros after the last unit."""
    width = y.shape[2] // VECTOR * VECTOR + VECTOR
    whole = np.zeros((1 if _life(y) == 0 else y.shape[0], y.shape[1], width), dtype=np.float32)
    whole[:, :, : y.shape[2]] = y[: whole.shape[0]]
    return np.broadcast_to(whole, (y.shape[0], *whole.shape[1:]))


def _flat(parts: list[np.ndarray], lives: int) -> np.ndarray:
    """All layers of each life in one row [L, floats]."""
    rows = [part.reshape(lives, -1) for part in parts] or [np.zeros((lives, 1), dtype=np.float32)]
    return np.ascontiguousarray(np.concatenate(rows, axis=1), dtype=np.float32)


def _life(array: np.ndarray) -> int:
    """Elements from one life to the next."""
    return array.strides[0] // array.itemsize if array.shape[0] > 1 else 0
