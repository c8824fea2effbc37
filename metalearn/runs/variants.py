"""Several searches of one experiment: a folder with a whole run per variant, one set of tuned baselines and one page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from metalearn.claims.register import register
from metalearn.config.schema import Config, validate
from metalearn.config.variants import variants_of
from metalearn.evidence.documents import Comparison
from metalearn.ledger.entry import GROUP
from metalearn.ledger.forms import digest
from metalearn.ledger.looks import now
from metalearn.report.headline import headline
from metalearn.report.variants_report import write
from metalearn.runs.base import Run, progress_line
from metalearn.runs.search import SearchRun, check, resolved
from metalearn.store.folder import begin, go_on
from metalearn.store.run_store import DATABASE, RunStore

VARIANTS = "variants"  # document: the config of every variant, with nothing to look up


class VariantsRun(Run):
    """A folder of variants; each is a `SearchRun` in a folder of its own inside it, and can be named as one."""

    @classmethod
    def create(cls, config: Config, folder: Path, console: Any, arguments: Sequence[str]) -> VariantsRun:
        """New runs; raises ValueError before anything is written when the config of one cannot work."""
        own = variants_of(config)
        plains = {}
        for name, variant in own.items():
            checked = check(variant)
            plains[name] = variant.plain() | {"device": checked.device} | resolved(checked)
        command = ("metalearn search " + " ".join(shlex.quote(argument) for argument in arguments)).strip()
        documents = {GROUP: f"{folder.name} {digest([now(), str(folder.resolve())])[:6]}", VARIANTS: plains}
        return cls(begin(folder, config.plain(), command, "variants", documents), folder, console)

    def run(self) -> None:
        """Whatever is missing: claims of all variants before any final cell is opened, then one run after the other."""
        with closing(self.store):
            names = names_in(self.folder)
            runs: dict[str, SearchRun] = {}
            try:
                for name in names:
                    runs[name] = self._opened(name)
                for run in runs.values():
                    register(run.store, run.folder, run.experiment, self.console)
                for run in runs.values():
                    if run.store.get("status") != "finished":
                        run.run()
            finally:
                for run in runs.values():
                    run.store.close()
            self.store.put("status", "finished")
        path = self.report(self.folder)
        for name in names:
            self.console.print(f"\n{name}  {said(self.folder / name)}", highlight=False, markup=False, soft_wrap=True)
        self.console.print(f"report {path}", highlight=False)

    def _opened(self, name: str) -> SearchRun:
        """The run of a variant, begun if it was not."""
        folder, config = self.folder / name, self.store.get(VARIANTS)[name]
        if (folder / DATABASE).exists():
            store = go_on(folder)
        else:
            store = begin(folder, config, self.store.get("command"), documents={GROUP: self.store.get(GROUP)})
        return SearchRun(store, folder, self.console)

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print every variant, however far it has come."""
        with RunStore.open(folder, write=False) as store:
            if store.get("status") != "finished":
                console.print(progress_line(folder, ""), highlight=False, markup=False, soft_wrap=True)
        for name in names_in(folder):
            console.rule(name) if console.is_terminal else console.print(f"\n{name}", highlight=False, markup=False)
            SearchRun.show(folder / name, console)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write the reports of all variants, and the page that shows them side by side; returns its path."""
        for name in names_in(folder):
            SearchRun.report(folder / name)
        return write(folder, names_in(folder))


def names_in(folder: Path) -> list[str]:
    """The names of the variants in a folder."""
    with RunStore.open(folder, write=False) as store:
        return list(validate(store.config).variants)


def said(folder: Path) -> str:
    """What the comparison of a run shows, in plain sentences."""
    with RunStore.open(folder, write=False) as store:
        return headline(Comparison.found(store.get("comparison"), "comparison"), store.count)
