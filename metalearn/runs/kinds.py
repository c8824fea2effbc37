"""Makes, reopens, shows and reports whatever a run folder holds: search, races of searches, inheritance, or a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from metalearn.store.run_store import RunStore

if TYPE_CHECKING:
    from metalearn.config.inheritance import StudyConfig
    from metalearn.config.schema import Config


class Runnable(Protocol):
    """A run in progress."""

    store: RunStore

    def run(self) -> None:
        """Whatever is missing."""


def create(config: Config | StudyConfig, folder: Path, console: Any, arguments: Sequence[str]) -> Runnable:
    """A new run of an experiment on inheritance or of a study. Raises ValueError before anything is written."""
    from metalearn.config.schema import Config

    if not isinstance(config, Config):
        from metalearn.runs.study import StudyRun

        return StudyRun.create(config, folder, console, arguments)
    from metalearn.runs.baldwin import Baldwin

    return Baldwin.create(config, folder, console, arguments)


def inherits(config: str) -> bool:
    """Whether a config, by path or name, is one for `metalearn baldwin`: it holds a study or a genome."""
    from metalearn.config.schema import find, read_yaml

    return bool({"study", "genome"} & set(read_yaml(find(config))))


def kind_of(folder: Path) -> str:
    """search, races, baldwin, study or lineage. Raises ValueError for a config that needs the user's consent."""
    from metalearn.runs.search_bench import KEY

    with RunStore.open(folder, write=False) as store:
        assert store.config is not None  # reading it asks for consent
        return "races" if store.get(KEY) else str(store.get("kind", "search"))


def reopen(folder: Path, console: Any) -> Runnable:
    """An existing run of any kind, to go on with."""
    kind = kind_of(folder)
    if kind == "lineage":
        raise ValueError(f"'{folder.name}' is one arm of a run; go on with the whole: metalearn resume {folder.parent}")
    if kind == "baldwin":
        from metalearn.runs.baldwin import Baldwin

        return Baldwin.open(folder, console)
    if kind == "study":
        from metalearn.runs.study import StudyRun

        return StudyRun.open(folder, console)
    if kind == "races":
        from metalearn.runs.search_bench import Bench

        return Bench.open(folder, console)
    from metalearn.runs.search import SearchRun

    return SearchRun.open(folder, console)


def show(folder: Path, console: Any) -> bool:
    """Print the outcome of an experiment on inheritance or an arm of it, of a study or of races; False for a search."""
    if not (folder / "run.sqlite").exists():
        return False
    kind = kind_of(folder)
    if kind == "baldwin":
        from metalearn.report.baldwin_report import print_outcomes

        print_outcomes(folder, console)
    elif kind == "lineage":
        with RunStore.open(folder, write=False) as store:
            state = "finished" if store.get("outcome") else f"in progress: metalearn resume {folder.parent}"
            line = f"run {folder}: {store.count} generations of one arm, {state}; the whole: metalearn show {folder.parent}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    elif kind == "study":
        from metalearn.runs.study import print_summary

        print_summary(folder, console)
    elif kind == "races":
        from metalearn.evidence.search_bench_summary import print_table
        from metalearn.runs.search_bench import read

        print_table(read(folder), console)
    return kind != "search"


def write_report(folder: Path) -> Path:
    """The report of a run of any kind, however far it has come."""
    kind = kind_of(folder)
    if kind == "baldwin":
        from metalearn.report.baldwin_report import write

        return write(folder)
    if kind == "study":
        from metalearn.runs.study import write as write_study

        return write_study(folder)
    if kind == "races":
        from metalearn.runs.search_bench import redraw

        return redraw(folder)
    from metalearn.report.from_store import write_report_of

    with RunStore.open(folder, write=False) as store:
        return write_report_of(store, folder)
