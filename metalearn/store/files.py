"""Files of a run folder: the lock that admits one writer, atomic text files, one-line messages for what disks do."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


class RunError(ValueError):
    """A run folder cannot be used as asked; the message is one line that says which, why and what to do."""


@contextlib.contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """Turn errors of the operating system and of SQLite into a one-line RunError about `path`."""
    try:
        yield
    except OSError as error:
        raise RunError(_system_message(error, path)) from error
    except sqlite3.Error as error:
        if str(error) == "interrupted":  # a signal came within a statement
            raise KeyboardInterrupt from error
        raise RunError(_database_message(error, path)) from error


def _system_message(error: OSError, path: Path) -> str:
    if error.errno in FULL:
        return f"disk full: cannot write {path}; what was stored before is intact"
    if error.errno in DENIED:
        return f"no permission to use {path}: {error.strerror}"
    return f"cannot use {path}: {error.strerror or error}"


def _database_message(error: sqlite3.Error, path: Path) -> str:
    text = str(error)
    if "disk is full" in text:
        return f"disk full: cannot write {path}; what was stored before is intact"
    if not path.exists() and any(word in text for word in ("readonly", "unable to open", "disk I/O")):
        return f"{path} is gone: it was deleted or moved while it was in use"
    if "readonly" in text or "unable to open" in text:
        return f"no permission to use {path}: {text}"
    if "locked" in text:
        return f"{path} is busy: another program holds it open; close it and try again"
    if "disk I/O" in text:
        return f"cannot use {path}: {text}"
    return damaged(path, text)


def damaged(path: Path, why: str) -> str:
    """The message for a file that does not hold what was stored in it."""
    return f"{path} is damaged ({' '.join(why.split())}); restore it from a copy or start another run"


class WriterLock:
    """Holds `run.lock` for the one process that may write to a run. The system releases it when the process dies.

    Raises RunError naming the process that holds it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "run.lock"
        with one_line_errors(folder):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with one_line_errors(folder):
                try:
                    fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip() or "another process"
                    text = f"run '{folder.name}' is being written by {holder}; wait for it or stop it"
                    raise RunError(text) from None
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        except RunError:
            self.release()
            raise

    def release(self) -> None:
        """Let another process write. Doing it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def write_text_atomically(path: Path, text: str, mode: int = 0o666) -> None:
    """Write UTF-8 text so that `path` holds the old text or the new one, never a part. Raises RunError.

    mode: of the file, less what the umask takes away. The temporary file has one name, so that what a killed process
    leaves is used up by the next write.
    """
    temporary = path.with_name(f".{path.name}.new")
    with one_line_errors(path):
        descriptor = _alone(temporary)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.truncate(0)
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode & ~_umask())
                os.fsync(file.fileno())
                os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def _alone(temporary: Path) -> int:
    """Descriptor of a temporary file that no other process writes now; waits for one that does."""
    while True:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            mine, there = os.fstat(descriptor), os.lstat(temporary)
            if os.path.samestat(mine, there):
                if stat.S_ISREG(mine.st_mode) and mine.st_nlink == 1:
                    return descriptor
                temporary.unlink()  # a pipe, or a second name of another file
        except FileNotFoundError:  # the other process has given it its final name
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable (a file created or renamed survives a power cut)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    value = os.umask(0o022)
    os.umask(value)
    return value
