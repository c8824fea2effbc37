"""The same search under several seeds: a folder with a whole run per seed, and one verdict over them; resumable."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from metalearn.build import Experiment
from metalearn.claims.register import register
from metalearn.config.schema import Config, validate
from metalearn.ledger.entry import CLAIMS, GROUP
from metalearn.ledger.forms import digest
from metalearn.ledger.looks import now
from metalearn.runs.base import Run, progress_line
from metalearn.runs.search import SearchRun, check, resolved
from metalearn.size.search import sized_seeds
from metalearn.store.folder import begin, go_on, mirror
from metalearn.store.run_store import DATABASE, RunStore
from metalearn.verdict.documents import VerdictDocument
from metalearn.verdict.of_run import verdict_keys
from metalearn.verdict.output import print_verdict, write
from metalearn.verdict.seeds import SEED_FOLDER, read_run
from metalearn.verdict.verdict import verdict_of

SEEDS = "seeds"  # document: the seeds of a sweep


class SeedsRun(Run):
    """A sweep's folder; each seed is a `SearchRun` in a folder of its own inside it."""

    @classmethod
    def create(cls, config: Config, seeds: int, folder: Path, console: Any, arguments: Sequence[str]) -> SeedsRun:
        """A new sweep; raises ValueError before anything is written when the config cannot work."""
        if seeds < 2:
            raise ValueError(f"--seeds: expected at least 2, got {seeds}")
        checked = check(config)
        sized_seeds(checked, seeds).ask(console)
        plain = config.plain() | {"device": checked.device} | resolved(checked)
        command = "metalearn sweep " + " ".join(shlex.quote(argument) for argument in arguments)
        documents = {
            SEEDS: list(range(config.seed, config.seed + seeds)),
            GROUP: f"{folder.name} {digest([now(), str(folder.resolve())])[:6]}",
        }
        return cls(begin(folder, plain, command, "seeds", documents), folder, console)

    def run(self) -> None:
        """Whatever is missing of: claims, the run of each seed, the verdict."""
        with closing(self.store):
            config = validate(self.store.config)
            register(self.store, self.folder, Experiment(config), self.console)
            for seed in self.store.get(SEEDS):
                self._seed(config, seed)
            document = verdict_in(self.folder)
            print_verdict(document, self.console)
            if self.store.get("status") != "finished":
                tracker = mirror(self.store, self.folder, self.folder.name, config.tracking, self.store.get(GROUP))
                code = 1
                try:
                    tracker.finish(None, [], verdict_keys(document))
                    code = 0
                finally:
                    tracker.close(code)
                self.store.put("status", "finished")
        self.console.print(f"verdict {self.report(self.folder)}", highlight=False)

    def _seed(self, config: Config, seed: int) -> None:
        """The run of one seed, from where it stopped."""
        folder = self.folder / f"{SEED_FOLDER}{seed}"
        if not (folder / DATABASE).exists():
            own = config.model_copy(update={"seed": seed})
            documents = {GROUP: self.store.get(GROUP), CLAIMS: self.store.get(CLAIMS) or []}
            store = begin(folder, own.plain(), self.store.get("command"), documents=documents)
        else:
            store = go_on(folder)
            if store.get("status") == "finished":
                store.close()
                return
        SearchRun(store, folder, self.console).run()

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print the verdict, or how far the seeds are."""
        if missing := unfinished(folder):
            console.print(progress_line(folder, f"seeds {', '.join(map(str, missing))} "), highlight=False, markup=False)
            return
        print_verdict(verdict_in(folder), console)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write the verdict of the seeds anew; returns the path of its page."""
        return write(verdict_in(folder), folder, f"Verdict: {folder.name}")[1]


def unfinished(folder: Path) -> list[int]:
    """The seeds of a sweep that have no comparison yet."""
    with RunStore.open(folder, write=False) as store:
        seeds = list(store.get(SEEDS) or ())
    found = []
    for seed in seeds:
        own = folder / f"{SEED_FOLDER}{seed}"
        if not (own / DATABASE).exists():
            found.append(seed)
            continue
        with RunStore.open(own, write=False) as store:
            found += [seed] if store.get("comparison") is None else []
    return found


def verdict_in(folder: Path) -> VerdictDocument:
    """The verdict over all seeds of a sweep. Raises ValueError while one is missing."""
    if missing := unfinished(folder):
        raise ValueError(
            f"sweep '{folder.name}': seeds {', '.join(map(str, missing))} are not finished: metalearn resume {folder}"
        )
    with RunStore.open(folder, write=False) as store:
        return verdict_of([read_run(folder / f"{SEED_FOLDER}{seed}") for seed in store.get(SEEDS)])
