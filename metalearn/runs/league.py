"""A league in a run folder: tune every learner alike, live the same fresh lives, count memory; resumable, cached, mirrored."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from metalearn.config.league import LeagueConfig, validate_league
from metalearn.config.options import check_options, check_tasks
from metalearn.evidence.baselines import remembered
from metalearn.evidence.league import League, lived, memory_of, plan_of, selected
from metalearn.evidence.league_documents import LeagueLives, LeaguePlan, LeagueResult, Memory, Tuning
from metalearn.evidence.league_table import standings
from metalearn.makers import make_evaluator
from metalearn.progress import Progress
from metalearn.report.league_report import markdown, print_league, write
from metalearn.runs.base import Run, progress_line
from metalearn.size.door import Sized, check_layers
from metalearn.size.league import sized_league
from metalearn.store.folder import begin, mirror
from metalearn.store.run_store import RunStore, write_text_atomically
from outer.evaluators.base import Evaluator
from outer.evidence.tuning import Tuned, tune

PLAN, RESULT = "plan", "league"  # documents
NATURAL = "of its own"  # the birth "" in keys


def check(config: LeagueConfig) -> LeaguePlan:
    """Build everything that a league needs, so that a mistake shows before anything is written. Raises ValueError."""
    own = League(config, LeaguePlan(entrants={}, cells=(), batch=config.batch))
    check_tasks(own.experiment.tasks)
    check_options("search", config.search)
    check_layers(max(*config.depths, *config.memory))
    own.network((config.width,) * config.depths[0], own.births[0])
    for birth in own.births:
        own.network((config.width,), birth)
    plan = plan_of(config)
    sized_league(config, plan).refuse()
    league = League(config, plan)
    for cell in plan.cells:
        setting = league.setting(next(iter(league.learners.values())), cell, tier="final")
        setting.task.life_data("final", 1, 1, config.seed, [("check", 0)])
    make_evaluator(league.experiment.config).close()
    return plan


class LeagueRun(Run):
    """A league, learner by learner."""

    def __init__(self, store: RunStore, folder: Path, console: Any) -> None:
        super().__init__(store, folder, console)
        self.config = validate_league(store.config)
        self.plan = LeaguePlan.read(store.get(PLAN), PLAN)
        self.league = League(self.config, self.plan)

    @classmethod
    def create(cls, config: LeagueConfig, folder: Path, console: Any, arguments: Sequence[str]) -> LeagueRun:
        """A new folder; raises ValueError before anything is written when the config cannot work."""
        plan = check(config)
        sized_league(config, plan).ask(console)
        command = ("metalearn league " + " ".join(shlex.quote(argument) for argument in arguments)).strip()
        device = League(config, plan).experiment.device  # a resumed run goes on where it began
        plain = config.plain() | {"device": device}
        return cls(begin(folder, plain, command, "league", {PLAN: plan.plain()}), folder, console)

    def sized(self) -> Sized:
        """Of tuning, lives and memory of all learners."""
        return sized_league(self.config, self.plan)

    def run(self) -> None:
        """Do the stages that are missing: tuned values, fresh lives, memory, standings, report."""
        size = sized_league(self.config, self.plan).size
        about = f"about {max(1, round(size.seconds / 60))} min by prediction"
        words = f"{len(self.plan.entrants)} learners, {len(self.plan.cells)} cells, {about}"
        self.console.print(f"run {self.folder}, {words}", highlight=False)
        started, whole = time.perf_counter(), not any(key.startswith("tuned/") for key in self.store.keys())
        with closing(self.store), make_evaluator(self.league.experiment.config) as evaluator:
            tracker = mirror(self.store, self.folder, self.folder.name, self.config.tracking)
            code = 1
            try:
                self._tune(evaluator)
                self._live(evaluator)
                self._measure(evaluator)
                result = self._stand(time.perf_counter() - started if whole else None)
                if not self.store.get("mirrored"):
                    rows, summary = mirrored(result)
                    for index, row in enumerate(rows):
                        tracker.row(index, {key: value for key, value in row.items() if key != "learner"})
                    tracker.finish(None, rows, summary)
                    self.store.put("mirrored", True)
                code = 0
            finally:
                tracker.close(code)
            path = write(self.folder)
            self.store.put("status", "finished")
        print_league(result, self.console)
        self.console.print(f"report {path}", highlight=False)

    def _tune(self, evaluator: Evaluator) -> None:
        """Every learner in networks of every birth; what was tuned by the same search before is remembered."""
        wanted = [(name, birth) for name in self.plan.entrants for birth in self.league.births]
        missing = [pair for pair in wanted if self.store.get(_tuned(*pair)) is None]
        jobs = [self.league.job(*pair) for pair in missing]

        def keep(k: int, tuned: Tuned) -> None:
            select = tuned.select_score if tuned.fitness else None
            found = Tuning(values=dict(tuned.values), lifetimes=tuned.lifetimes, select=select)
            self.store.put(_tuned(*missing[k]), found.plain())

        with Progress(self.console, "tuning", len(wanted), len(wanted) - len(missing)) as bar:
            before = len(wanted) - len(missing)
            remembered(tune, jobs, evaluator, lambda name, ended, _: bar.update(before + ended, name), keep)

    def _live(self, evaluator: Evaluator) -> None:
        """The fresh lives of every learner in every cell, with the values and the birth that did best on select."""
        wanted = [(name, cell) for name in self.plan.entrants for cell in self.plan.cells]
        missing = [(name, cell) for name, cell in wanted if self.store.get(_lived(name, cell.name)) is None]
        jobs = []
        for name, cell in missing:
            birth, tuning = selected([(b, self._tuning(name, b)) for b in self.league.births])
            jobs.append((self._own, name, cell, tuning.values, birth))

        def keep(k: int, found: LeagueLives) -> str:
            name, cell = missing[k]
            self.store.put(_lived(name, cell.name), found.plain())
            return name

        self._all("living", lived, jobs, len(wanted), evaluator, keep)

    def _measure(self, evaluator: Evaluator) -> None:
        """The peak memory of a step of every learner at every depth."""
        missing = [name for name in self.plan.entrants if self.store.get(_memory(name)) is None]

        def keep(k: int, found: Memory) -> str:
            self.store.put(_memory(missing[k]), found.plain())
            return missing[k]

        jobs = [(self._own, name) for name in missing]
        self._all("memory", memory_of, jobs, len(self.plan.entrants), evaluator, keep)

    def _all(
        self,
        what: str,
        function: Callable[..., Any],
        jobs: Sequence[tuple[Any, ...]],
        count: int,
        evaluator: Evaluator,
        keep: Callable[[int, Any], str],
    ) -> None:
        """function(*job) of every job, each kept as it ends."""
        with Progress(self.console, what, count, count - len(jobs)) as bar:
            ended = count - len(jobs)

            def done(k: int, found: Any) -> None:
                nonlocal ended
                ended += 1
                bar.update(ended, keep(k, found))

            evaluator.map(function, jobs, done)

    def _stand(self, seconds: float | None) -> LeagueResult:
        """The league table, in the store and as league.json."""
        stored = LeagueResult.found(self.store.get(RESULT), RESULT)
        result = stored or self._result(seconds)
        if stored is None:
            self.store.put(RESULT, result.plain())
        write_text_atomically(self.folder / "league.json", json.dumps(result.plain(), indent=2) + "\n")
        write_text_atomically(self.folder / "league.md", markdown(result) + "\n")
        return result

    def _result(self, seconds: float | None) -> LeagueResult:
        plan, births = self.plan, self.league.births
        tuned = {name: {birth: self._tuning(name, birth) for birth in births} for name in plan.entrants}
        lives = {
            (name, cell.name): LeagueLives.read(self.store.get(_lived(name, cell.name)), _lived(name, cell.name))
            for name in plan.entrants
            for cell in plan.cells
        }
        texts = {}
        for name, learner in self.league.learners.items():
            birth = lives[name, plan.cells[0].name].birth
            text = learner.text(tuned[name][birth].values)
            texts[name] = text if len(text) <= 300 else text[:290] + " ..."
        return LeagueResult(
            command=self.store.typed("command", str, ""),
            plan=plan,
            memory_depths=self.config.memory,
            lifetimes=self.config.fresh,
            offered=self.league.offered,
            standings=standings(plan, lives, tuned, texts, self.config.seed),
            memory={name: Memory.read(self.store.get(_memory(name)), _memory(name)) for name in plan.entrants},
            seconds=seconds,
            environment=self.store.environment,
        )

    @property
    def _own(self) -> tuple[LeagueConfig, LeaguePlan]:
        """The config and the plan from which a worker makes the league."""
        return self.config, self.plan

    def _tuning(self, name: str, birth: str) -> Tuning:
        return Tuning.read(self.store.get(_tuned(name, birth)), _tuned(name, birth))

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print the league table; of an unfinished league how far it is."""
        with RunStore.open(folder, write=False) as store:
            result = LeagueResult.found(store.get(RESULT), RESULT)
            if result is None:
                plan, keys = LeaguePlan.read(store.get(PLAN), PLAN), store.keys()
                done = sum(key.startswith("tuned/") for key in keys)
                births = len(League(validate_league(store.config), plan).births)
                line = f"{done} of {len(plan.entrants) * births} tuned, "
                console.print(progress_line(folder, line), highlight=False, markup=False, soft_wrap=True)
                return
        print_league(result, console)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write report.html anew, however far the league has come; returns its path."""
        return write(folder)


def mirrored(result: LeagueResult) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row per learner for W&B, the best first, and the summary."""
    rows = []
    for place, (name, standing) in enumerate(result.standings.items()):
        scores = {f"final/{cell}": found.score.mean for cell, found in standing.places.items()}
        row = {"place": place + 1, "learner": name, "mean": standing.mean.mean, "rank": standing.rank.mean}
        rows.append(row | scores | {"lifetimes": standing.lifetimes})
    summary = {f"mean/{name}": standing.mean.mean for name, standing in result.standings.items()}
    return rows, summary | {"leader": result.leader}


def _tuned(name: str, birth: str) -> str:
    return f"tuned/{name}/{birth or NATURAL}"


def _lived(name: str, cell: str) -> str:
    return f"lived/{name}/{cell}"


def _memory(name: str) -> str:
    return f"memory/{name}"
