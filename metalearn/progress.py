"""Shows long work with the time left: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

PLAIN_EVERY_S = 10.0  # seconds between plain lines


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """`with Progress(console, "search", 60) as bar: bar.update(done, "best 0.81")`."""

    def __init__(self, console: Any, what: str, total: int, done: int = 0, quiet: bool = False) -> None:
        self.console, self.what, self.total, self.quiet = console, what, max(total, 1), quiet
        self.first, self.started = done, time.monotonic()
        self.spoke = self.started
        self._live: Any = None
        if console.is_terminal and not quiet:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Rich

            left = TextColumn("{task.fields[left]}")
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), left)
            self._live = Rich(*columns, TextColumn("{task.fields[note]}"), console=console)
            self._task = self._live.add_task(what, total=self.total, completed=done, note="", left="")

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def at(self, done: int, total: int, note: str = "") -> None:
        """As `update`, for work that learns only on the way how much there is of it."""
        self.total = total
        self.update(done, note)

    def update(self, done: int, note: str = "") -> None:
        """`done` of the total is behind us."""
        now = time.monotonic()
        rate = (now - self.started) / max(done - self.first, 1)
        left = f"{clock(rate * (self.total - done))} left"
        if self._live is not None:
            self._live.update(self._task, completed=done, total=self.total, note=note, left=left)
        elif not self.quiet and (now - self.spoke >= PLAIN_EVERY_S or done >= self.total):
            self.spoke = now
            self.console.print(
                f"{self.what} {done}/{self.total}  {clock(now - self.started)}, {left}  {note}", highlight=False
            )
