"""The interface of a kind of run: a folder that is begun, gone on with, shown and reported, whatever it holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metalearn.size.door import Sized
from metalearn.store.folder import go_on
from metalearn.store.run_store import RunStore

if TYPE_CHECKING:
    from typing import Self


class Run(ABC):
    """A run folder in progress. Each kind has a `create` of its own, which raises ValueError before anything is written."""

    def __init__(self, store: RunStore, folder: Path, console: Any) -> None:
        self.store, self.folder, self.console = store, folder, console

    @classmethod
    def open(cls, folder: Path, console: Any) -> Self:
        """An existing run, to go on with. Raises RunError, and ValueError where it does not fit into this machine."""
        found = cls(go_on(folder), folder, console)
        if (sized := found.sized()) is not None:
            sized.refuse()
        return found

    def sized(self) -> Sized | None:
        """The predicted size of the whole run; None where it is small."""
        return None

    @abstractmethod
    def run(self) -> None:
        """Do whatever is missing."""

    @staticmethod
    @abstractmethod
    def show(folder: Path, console: Any) -> None:
        """Print what a run has found, however far it has come."""

    @staticmethod
    @abstractmethod
    def report(folder: Path) -> Path:
        """Write the report of a run anew, however far it has come; returns its path."""


def progress_line(folder: Path, what: str) -> str:
    """The line for a run that is not finished."""
    return f"run {folder}: {what}in progress: metalearn resume {folder}"
