"""Compiles C text with the system's compiler and keeps the library under a hash of everything that it depends on.

A cached library is loaded only when the digest beside it, made of the key and of the library's own bytes, is right, and
when nobody but its owner could have written it. Files appear under their names in one step, so that two processes may
compile the same kernel at once; what is damaged or foreign is made again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from inner.cache import cache_folder

FLAGS = (
    *("-O3", "-march=native", "-std=gnu99", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
    *("-fno-semantic-interposition", "-fPIC", "-shared", "-pthread"),
)
HEAVY = (*FLAGS, "-fschedule-insns")  # for much arithmetic per synapse: 4 % faster there, slower elsewhere
LIMIT_S = 120
PROBE = "#include <math.h>\n#include <pthread.h>\n#include <stdint.h>\nint works(void) { return 42; }\n"


class CompilerError(ValueError):
    """The compiler is missing or refused; the message is one line."""


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
        done = subprocess.run([*compiler, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def version() -> str:
    """First line of the compiler's version, empty without a compiler."""
    compiler = command()
    return _version(compiler).split("\n")[0] if compiler else ""


def problem() -> str:
    """Why nothing can be compiled here, in a few words; empty where it can (tried out once per compiler)."""
    compiler = command()
    if not compiler:
        return "no C compiler (cc, gcc or clang) on the PATH"
    return _tried(compiler, cache_folder())


@lru_cache(maxsize=8)
def _tried(compiler: tuple[str, ...], cache: Path) -> str:
    try:
        works = library(PROBE).works() == 42
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


@lru_cache(maxsize=1)
def _folder_used() -> list[Path]:
    """A folder of this process's own, for when the cache cannot be written."""
    return []


def folder() -> Path:
    """The folder of compiled kernels, for its owner alone; a temporary one where the cache cannot be had."""
    wanted = cache_folder() / "kernels"
    try:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        if private(wanted) and os.access(wanted, os.W_OK):
            return wanted
    except OSError:
        pass
    spare = _folder_used()
    if not spare or not spare[0].is_dir():
        spare[:] = [Path(tempfile.mkdtemp(prefix="metalearn-kernels-"))]
    return spare[0]


def private(path: Path) -> bool:
    """True for a file or folder that this user owns and no other may write to."""
    found = path.lstat()
    kind = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
    return kind and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def key(text: str, flags: tuple[str, ...]) -> str:
    """A hash of source, flags, compiler and processor."""
    content = "\x1f".join((text, *flags, *command(), _version(command()), processor()))
    return hashlib.sha256(content.encode()).hexdigest()


def library(text: str, flags: tuple[str, ...] | None = None) -> ctypes.CDLL:
    """The compiled library of a C text, from the cache or from the compiler. Raises CompilerError."""
    flags = FLAGS if flags is None else flags
    address = key(text, flags)
    path = folder() / f"{address[:40]}.so"
    found = _intact(path, address)
    if found is None:
        _compile(text, path, address, flags)
        found = path
    return ctypes.CDLL(str(found))


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


def _compile(text: str, path: Path, address: str, flags: tuple[str, ...]) -> None:
    compiler = command()
    if not compiler or not _version(compiler):
        raise CompilerError("engine: native needs a C compiler (cc, gcc or clang on the PATH), got none")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as build:
        source, made, note = (Path(build) / name for name in ("life.c", "life.so", "life.sha256"))
        source.write_text(text, encoding="ascii")
        call = [*compiler, *flags, "-o", str(made), str(source), "-lm"]
        try:
            done = subprocess.run(call, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise CompilerError(f"engine: the C compiler {compiler[0]} does not run: {error}") from error
        if done.returncode != 0:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
            raise CompilerError(f"engine: {compiler[0]} refused a generated kernel: {' '.join(first.split())}")
        note.write_text(_digest(address, made.read_bytes()), encoding="ascii")
        for file in (made, note):
            file.chmod(0o600 if file == note else 0o700)
        path.unlink(missing_ok=True)  # a library that some process has loaded keeps its old content
        os.replace(made, path)
        os.replace(note, path.with_suffix(".sha256"))
