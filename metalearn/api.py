"""The public Python interface: what the command line does, as functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    variants: Mapping[str, Run] = field(default_factory=dict)  # of a config with several searches; the above is the first's

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
    from metalearn.runs.kinds import search_of

    overrides = [f"{key.replace('__', '.')}={_yaml(value)}" for key, value in keys.items()]
    checked = load(config, overrides)
    if checked.genome is not None:
        raise ValueError("config: it has a 'genome' section; run it with metalearn baldwin")
    folder = folder_of(Path(runs), name, Path(config).stem)
    arguments = [config, *overrides, *(["--name", name] if name else [])]
    with trusting_user(checked.plain()):
        search_of(checked, folder, _console(quiet), arguments).run()
        if not checked.variants:
            return _finished(folder)
        each = {variant: _finished(folder / variant) for variant in checked.variants}
        first = next(iter(each.values()))
        return Run(folder, first.rule, first.comparison, each)


def _finished(folder: Path) -> Run:
    """The rule and the comparison of a finished run."""
    from metalearn.evidence.documents import Comparison
    from metalearn.rule.file import read
    from metalearn.store.run_store import RunStore

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
