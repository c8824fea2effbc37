"""The public Python interface: what the command line does, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from metalearn.evidence.documents import Comparison
    from metalearn.rule.file import RuleDocument


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, the document of its rule and its comparison."""

    folder: Path
    rule: RuleDocument
    comparison: Comparison

    @property
    def formula(self) -> str:
        """The evolved rule with small terms left out."""
        return str(self.rule["pruned"])


def _console(quiet: bool) -> Any:
    from rich.console import Console

    return Console(quiet=quiet)


def search(
    config: str = "digits", name: str | None = None, runs: str | Path = "runs", quiet: bool = True, **keys: Any
) -> Run:
    """Run an experiment start to end: config is a path or a name, `keys` override it (nested keys with two underscores).

    `search("digits", seed=3, search__popsize=8)` equals `metalearn search digits seed=3 search.popsize=8`.
    Raises ValueError for a mistake in the config, before anything is written.
    """
    from metalearn.cli import folder_of
    from metalearn.config.library import trusting_user
    from metalearn.config.load import load
    from metalearn.rule.file import read
    from metalearn.runs.search import SearchRun

    overrides = [f"{key.replace('__', '.')}={_yaml(value)}" for key, value in keys.items()]
    checked = load(config, overrides)
    if checked.genome is not None:
        raise ValueError("config: it has a 'genome' section; run it with metalearn baldwin")
    folder = folder_of(Path(runs), name, Path(config).stem)
    from metalearn.evidence.documents import Comparison
    from metalearn.store.run_store import RunStore

    arguments = [config, *overrides, *(["--name", name] if name else [])]
    with trusting_user(checked.plain()):
        SearchRun.create(checked, folder, _console(quiet), arguments).run()
        with RunStore.open(folder, write=False) as store:
            return Run(folder, read(folder), Comparison.read(store.get("comparison"), "comparison"))


def _yaml(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
    )


def compare(
    rules: Sequence[str | Path],
    config: str | None = None,
    lifetimes: int | None = None,
    seed: int | None = None,
    trust: Sequence[str] = (),
) -> Comparison:
    """Hold rules (run folders, rule.json files, library names) against each other on fresh lives; the first is the reference.

    trust: modules outside the project that runs and files may name, such as a task of your own.
    """
    from inner.components import trusting
    from metalearn.evidence.from_anywhere import compare_anything

    with trusting(trust):
        return compare_anything([str(rule) for rule in rules], config, lifetimes, seed, _console(True))
