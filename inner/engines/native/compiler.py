"""Compiles C text with the system's compiler and keeps the library under a hash of everything that it depends on.

A cached library is loaded only when the digest beside it, made of the key and of the library's own bytes, is right, and
when nobody but its owner could have written it. Files appear under their names in one step, so that two processes may
compile the same kernel at once; what is damaged or foreign is made again.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from inner.cache import cache_folder, private, private_folder
from inner.engines.native.bounded import CompilerError, run

FLAGS = (
    *("-O3", "-march=native", "-std=gnu99", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
    *("-fno-semantic-interposition", "-fPIC", "-shared", "-pthread"),
)
HEAVY = (*FLAGS, "-fschedule-insns")  # for much arithmetic per synapse: 4 % faster there, slower elsewhere
LIMIT_S = 120.0  # for a kernel
PROBE_S = 20.0  # for the compiler's version, and for the smallest library
OLD_S = 3600.0  # age of leftovers that nobody works in
PROBE = "#include <math.h>\n#include <pthread.h>\n#include <stdint.h>\nint works(void) { return 42; }\n"


def command() -> tuple[str, ...]:
    """The C compiler: $CC, or the first of cc, gcc, clang on the PATH; empty where there is none."""
    return _found(os.environ.get("CC", ""), os.environ.get("PATH", ""))


@lru_cache(maxsize=8)
def _found(own: str, path: str) -> tuple[str, ...]:
    """The same for these values of the environment, looked for once: every life asks."""
    for words in [own.split()] if own.split() else [["cc"], ["gcc"], ["clang"]]:
        found = shutil.which(words[0], path=path or None)
        if found:
            return (found, *words[1:])
    return ()


@lru_cache(maxsize=8)
def _version(compiler: tuple[str, ...]) -> str:
    """The compiler's own version line; empty where it does not run."""
    try:
        code, out, _ = run([*compiler, "--version"], PROBE_S)
    except CompilerError:
        return ""
    return out.strip() if code == 0 else ""


def version() -> str:
    """First line of the compiler's version, empty without a compiler."""
    compiler = command()
    return _version(compiler).split("\n")[0] if compiler else ""


def problem() -> str:
    """Why nothing can be compiled here, in a few words; empty where it can (tried out once per compiler)."""
    compiler = command()
    if not compiler:
        return "no C compiler (cc, gcc or clang) on the PATH"
    place = (compiler, str(cache_folder()))
    if place not in verdicts():
        verdicts()[place] = _tried()
    return verdicts()[place]


@lru_cache(maxsize=1)
def verdicts() -> dict[Any, str]:
    """What `problem` has found so far, by compiler and cache."""
    return {}


def adopt(found: Mapping[Any, str]) -> None:
    """Take over what another process has found: a worker does not wait for a compiler that its parent has waited for."""
    verdicts().update(found)


def _tried() -> str:
    try:
        works = function(PROBE, "works", limit_s=PROBE_S)() == 42
    except (CompilerError, OSError) as error:
        return f"the C compiler does not work here ({str(error).removeprefix('engine: ')})"
    return "" if works else "the C compiler does not work here"


@lru_cache(maxsize=1)
def processor() -> str:
    """Model and features of the processor, on which `-march=native` depends."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("vendor_id", "cpu family", "model name", "flags", "Features", "CPU part", "isa")
    return "\n".join(line for line in lines if line.startswith(wanted))


def halves() -> bool:
    """True for a processor that computes its longest vectors in two halves (AMD's family 25, Zen 4 among it)."""
    words = processor().split()
    return "AuthenticAMD" in words and "cpu family : 25" in " ".join(words)


def key(text: str, flags: tuple[str, ...]) -> str:
    """A hash of source, flags, compiler and processor."""
    content = "\x1f".join((text, *flags, *command(), _version(command()), processor()))
    return hashlib.sha256(content.encode()).hexdigest()


def function(text: str, name: str, flags: tuple[str, ...] | None = None, limit_s: float = LIMIT_S) -> Any:
    """A function of the compiled library of a C text. Raises CompilerError."""
    try:
        return getattr(library(text, flags, limit_s), name)
    except (AttributeError, OSError) as error:
        why = f"has no function '{name}'" if isinstance(error, AttributeError) else f"cannot be loaded: {error}"
        raise CompilerError(f"engine: the library that {command()[0]} made {why}"[:300]) from error


def library(text: str, flags: tuple[str, ...] | None = None, limit_s: float = LIMIT_S) -> ctypes.CDLL:
    """The compiled library of a C text, from the cache or from the compiler. Raises CompilerError, OSError.

    Where there is no cache for this user alone it is compiled in a temporary folder, which goes once it is loaded.
    """
    flags = FLAGS if flags is None else flags
    address = key(text, flags)
    folder = private_folder("kernels")
    if folder is None:
        _sweep(Path(tempfile.gettempdir()), "metalearn-kernels-*")
        with tempfile.TemporaryDirectory(prefix="metalearn-kernels-") as spare:
            path = Path(spare) / "life.so"
            _compile(text, path, address, flags, limit_s)
            return ctypes.CDLL(str(path))
    path = folder / f"{address[:40]}.so"
    found = _intact(path, address)
    if found is None:
        with _alone(path.with_suffix(".lock")):  # processes that want the same kernel wait for the first one
            found = _intact(path, address) or _compile(text, path, address, flags, limit_s)
    return ctypes.CDLL(str(found))


def _sweep(folder: Path, pattern: str) -> None:
    """Take away what processes that were killed left here long ago."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if private(path) and time.time() - path.stat().st_mtime > OLD_S:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time; the system lets the next one in when the first one dies."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _digest(address: str, content: bytes) -> str:
    return hashlib.sha256(address.encode() + content).hexdigest()


def _intact(path: Path, address: str) -> Path | None:
    """The library at `path` if it is what was compiled for this key, byte for byte."""
    note = path.with_suffix(".sha256")
    try:
        if not (private(path) and private(note)):
            return None
        right = note.read_text(encoding="ascii").strip() == _digest(address, path.read_bytes())
    except (OSError, UnicodeDecodeError):
        return None
    return path if right else None


def _compile(text: str, path: Path, address: str, flags: tuple[str, ...], limit_s: float = LIMIT_S) -> Path:
    compiler, hung = command(), path.with_suffix(".hung")
    if not compiler:
        raise CompilerError("engine: native needs a C compiler (cc, gcc or clang on the PATH), got none")
    if not _version(compiler):
        raise CompilerError(f"engine: the C compiler {compiler[0]} does not say its version")
    with contextlib.suppress(FileNotFoundError):
        if abs(time.time() - hung.stat().st_mtime) < 2 * LIMIT_S:  # another process has waited for this kernel just now
            raise CompilerError(f"engine: the C compiler {compiler[0]} did not end in another process; use engine=eager")
        hung.unlink()
    _sweep(path.parent, ".build-*")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as build:
        source, made, note = (Path(build) / name for name in ("life.c", "life.so", "life.sha256"))
        source.write_text(text, encoding="ascii")
        try:
            code, _, errors = run([*compiler, *flags, "-o", str(made), str(source), "-lm"], limit_s)
        except CompilerError:
            hung.touch()
            raise
        if code != 0 or not made.is_file():
            first = next((line for line in errors.splitlines() if "error" in line), errors[:200])
            why = " ".join(first.split())[:300] or f"exit code {code}, no library"
            raise CompilerError(f"engine: {compiler[0]} refused a generated kernel: {why}")
        note.write_text(_digest(address, made.read_bytes()), encoding="ascii")
        for file in (made, note):
            file.chmod(0o600 if file == note else 0o700)
        path.unlink(missing_ok=True)  # a library that some process has loaded keeps its old content
        os.replace(made, path)
        os.replace(note, path.with_suffix(".sha256"))
    return path
