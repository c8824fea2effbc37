"""Finds the class of whatever a run folder holds: search, search bench, sweep over seeds, experiment on inheritance, study, league."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metalearn.store.run_store import RunStore

if TYPE_CHECKING:
    from metalearn.config.inheritance import StudyConfig
    from metalearn.config.schema import Config
    from metalearn.runs.base import Run

CLASSES = {  # kind as stored -> module and class
    "search": ("search", "SearchRun"),
    "races": ("search_bench", "BenchRun"),
    "baldwin": ("baldwin", "BaldwinRun"),
    "lineage": ("baldwin", "ArmRun"),
    "study": ("study", "StudyRun"),
    "seeds": ("seeds", "SeedsRun"),
    "variants": ("variants", "VariantsRun"),
    "league": ("league", "LeagueRun"),
}
BENCH = "searches"  # the document that makes a run folder a search bench


def search_of(config: Config, folder: Path, console: Any, arguments: Sequence[str]) -> Run:
    """A new search, or several where the config has variants. Raises ValueError before anything is written."""
    if config.variants:
        from metalearn.runs.variants import VariantsRun

        return VariantsRun.create(config, folder, console, arguments)
    from metalearn.runs.search import SearchRun

    return SearchRun.create(config, folder, console, arguments)


def create(config: Config | StudyConfig, folder: Path, console: Any, arguments: Sequence[str]) -> Run:
    """A new run of an experiment on inheritance or of a study. Raises ValueError before anything is written."""
    from metalearn.config.schema import Config

    if not isinstance(config, Config):
        from metalearn.runs.study import StudyRun

        return StudyRun.create(config, folder, console, arguments)
    from metalearn.runs.baldwin import BaldwinRun

    return BaldwinRun.create(config, folder, console, arguments)


def class_of(folder: Path) -> type[Run]:
    """The class of a run. Raises ValueError for a config that needs the user's consent, RunError for an unknown kind."""
    with RunStore.open(folder, write=False) as store:
        assert store.config is not None  # reading it asks for consent
        kind = "races" if store.get(BENCH) else store.typed("kind", str, "search")
    if kind not in CLASSES:
        raise ValueError(f"run '{folder.name}': expected one of {', '.join(CLASSES)}, got '{kind[:60]}'")
    module, name = CLASSES[kind]
    found: type[Run] = getattr(import_module(f"metalearn.runs.{module}"), name)
    return found
