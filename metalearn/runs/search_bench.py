"""Holds searches against each other on one experiment: the same rule, lives and budget of inner steps, several seeds.

Random search and the hand-written rules (each tuned by the experiment's own search with the same budget) always take
part. The folder is a run: every finished search is stored at once, and `metalearn resume` does what is missing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from inner.components import names, suggest
from inner.learners.base import Learner
from metalearn.build import Experiment
from metalearn.config import library
from metalearn.config.options import check_options
from metalearn.config.schema import Config, validate
from metalearn.config.sections import Plain
from metalearn.evidence.search_bench_summary import print_table, summary
from metalearn.makers import make_evaluator, make_search
from metalearn.progress import Progress
from metalearn.runs.base import Run
from metalearn.runs.documents import BenchPlan, BenchResult, BudgetCurveDocument
from metalearn.runs.kinds import BENCH
from metalearn.runs.search import check, resolved
from metalearn.size.door import Sized
from metalearn.size.others import sized_bench
from metalearn.store.folder import begin
from metalearn.store.run_store import RunStore, write_text_atomically
from metalearn.tracking.tracker import Tracker
from outer.draws import mean_of
from outer.evidence.budget_curve import BudgetCurve, budget_curve
from outer.settings import networks

RULE = "rule: "  # what the name of a hand-written rule's arm begins with
MARKS = 12  # points of a curve


def specs(config: Config, wanted: Sequence[str], changes: Sequence[str]) -> dict[str, Plain]:
    """Search -> its options: the experiment's own for the search that it names, defaults for the others, then `changes`."""
    known = names("search")
    for name in wanted:
        if name not in known and "." not in name:
            raise ValueError(f"--searches: unknown name '{name}'{suggest(name, known)}; known: {', '.join(known)}")
    found: dict[str, Plain] = {}
    for name in dict.fromkeys([*wanted, "random"]):
        found[name] = dict(config.search) if name == config.search["name"] else {"name": name}
    for change in changes:
        key, equals, text = change.partition("=")
        name, dot, option = key.strip().rpartition(".")
        if not (equals and dot) or name not in found:
            raise ValueError(f"--set: expected SEARCH.OPTION=VALUE with one of {', '.join(found)}, got '{change}'")
        found[name][option] = yaml.safe_load(text)
    for spec in found.values():
        check_options("search", spec)
        make_search(spec)
    return found


def default_budget(config: Config) -> float:
    """The inner steps that the experiment's own search consumes."""
    search = make_search(config.search)
    return search.popsize * search.generations * config.lifetimes * mean_of(config.life.steps)


def plan_of(
    config: Config, wanted: Sequence[str], budget: float | None, seeds: int, changes: Sequence[str]
) -> BenchPlan:
    """The searches and rules to hold against each other. Raises ValueError in one line."""
    budget = default_budget(config) if budget is None else budget
    if not 0 < budget < float("inf"):
        raise ValueError(f"--budget: expected a number of inner steps > 0, got {budget}")
    if seeds < 2:
        raise ValueError(f"--seeds: expected at least 2 (an interval needs them), got {seeds}")
    found = specs(config, wanted, changes)
    rules = tuple(Experiment(config).baselines)
    return BenchPlan(searches=found, rules=rules, budget=float(budget), seeds=seeds, marks=MARKS)


class BenchRun(Run):
    """A comparison of searches in a run folder."""

    def __init__(self, store: RunStore, folder: Path, console: Any) -> None:
        super().__init__(store, folder, console)
        self.experiment = Experiment(validate(store.config))
        self.config = self.experiment.config
        self.plan = BenchPlan.read(store.get(BENCH), BENCH)

    @classmethod
    def create(cls, config: Config, plan: BenchPlan, folder: Path, console: Any, command: str) -> BenchRun:
        """A new folder; raises ValueError before anything is written when the experiment cannot work."""
        checked = check(config)
        settings = checked.objective.settings(0)
        if plan.budget < min(setting.steps for setting in settings) * networks(settings):
            raise ValueError(f"--budget: {plan.budget:g} inner steps are less than one candidate's lives")
        sized_bench(checked, plan).refuse().ask(console)
        plain = config.plain() | resolved(checked)
        return cls(begin(folder, plain, command, documents={BENCH: plan.plain()}), folder, console)

    def sized(self) -> Sized:
        """Of all searches and rules with all seeds."""
        return sized_bench(self.experiment, self.plan)

    def run(self) -> None:
        """Do whatever is missing: searches, their W&B runs, then table, bench.json and bench.svg."""
        self.console.print(f"run {self.folder}", highlight=False)
        with closing(self.store), make_evaluator(self.config) as evaluator:
            arms = self._arms()
            tasks = [(arm, seed) for arm in arms for seed in range(self.plan.seeds)]
            missing = [task for task in tasks if self.store.get(_key(*task)) is None]
            base = self.experiment.objective
            chosen = self.config.selection
            fresh = base.distribution.settings("select", base.seed, ("bench",), chosen.lifetimes, chosen.shapes)
            jobs = []
            for arm, seed in missing:
                learner, spec = arms[arm]
                shifted = self.experiment.seeded(self.config.seed + seed)
                search = make_search(spec)
                judge = self.experiment.objective_of(learner)
                jobs.append(
                    (
                        shifted.objective_of(learner),
                        search,
                        self.plan.budget,
                        self.plan.marks,
                        judge,
                        fresh,
                        self.experiment.racing,
                    )
                )
            for task in tasks:  # those whose mirror a kill has cut off
                if task not in missing:
                    self._mirror(*task)
            with Progress(self.console, "searches", len(tasks), len(tasks) - len(missing)) as bar:
                ended = len(tasks) - len(missing)

                def done(j: int, result: BudgetCurve) -> None:
                    nonlocal ended
                    ended += 1
                    self.store.put(_key(*missing[j]), dataclasses.asdict(result))
                    bar.update(ended, f"{missing[j][0]}, seed {missing[j][1]}: {result.quality[-1]:.3f}")
                    self._mirror(*missing[j])

                evaluator.map(budget_curve, jobs, done)
            self.store.put("status", "finished")
        document = read(self.folder)
        _write(document, self.folder)
        print_table(document, self.console)
        files = f"picture {self.folder / 'bench.svg'}\njson    {self.folder / 'bench.json'}"
        self.console.print(files, highlight=False)

    def _arms(self) -> dict[str, tuple[Learner, Plain]]:
        """Name -> rule and search: every search over the experiment's rule, the experiment's search over every other rule."""
        own = self.experiment.learner
        found = {name: (own, spec) for name, spec in self.plan.searches.items()}
        return found | {RULE + name: (library.learner(name), dict(self.config.search)) for name in self.plan.rules}

    def _mirror(self, arm: str, seed: int) -> None:
        """One W&B run of the group, once; a row per generation, the final quality in its summary."""
        tracking, key = self.config.tracking, f"mirrored/{arm}/{seed}"
        if tracking.mode == "disabled" or self.store.get(key):
            return
        result, name = curve_of(self.store, arm, seed), f"{arm.removeprefix(RULE)}-{seed}"
        stored = {**self.store.config, "arm": arm, "seed": self.config.seed + seed, "budget": self.plan.budget}
        with Tracker.start(
            self.folder, name, stored, tracking.mode, tracking.project, None, group=self.folder.name
        ) as tracker:
            for row in result.rows:
                tracker.row(int(row["generation"]), {k: v for k, v in row.items() if k != "generation"})
            tracker.finish(None, [], {"quality": result.quality[-1], "inner_steps": result.inner_steps})
        self.store.put(key, True)

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print the table of a whole comparison. Raises ValueError for half of one."""
        print_table(read(folder), console)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write bench.json and bench.svg of a whole comparison anew; returns the picture's path."""
        _write(read(folder), folder)
        return folder / "bench.svg"


def read(folder: Path) -> BenchResult:
    """The result of a whole comparison. Raises ValueError for half of one, which says nothing yet."""
    with RunStore.open(folder, write=False) as store:
        plan = BenchPlan.read(store.get(BENCH), BENCH)
        arms = [*plan.searches, *(RULE + name for name in plan.rules)]
        tasks = {_key(arm, seed) for arm in arms for seed in range(plan.seeds)}
        ended = len(tasks & set(store.keys()))
        if ended < len(tasks):
            raise ValueError(
                f"run '{folder.name}': expected {len(tasks)} searches, got {ended}; go on with: metalearn resume {folder}"
            )
        curves = {arm: [curve_of(store, arm, seed) for seed in range(plan.seeds)] for arm in arms}
        config = validate(store.config)
        return summary(curves, plan, config, store.typed("command", str, ""), store.environment)


def curve_of(store: RunStore, arm: str, seed: int) -> BudgetCurveDocument:
    """The stored curve of one search with one seed."""
    return BudgetCurveDocument.read(store.get(_key(arm, seed)), _key(arm, seed))


def _write(document: BenchResult, folder: Path) -> None:
    from metalearn.pictures.search_bench import draw

    write_text_atomically(folder / "bench.json", json.dumps(document.plain(), indent=2) + "\n")
    write_text_atomically(folder / "bench.svg", draw(document) + "\n")


def _key(arm: str, seed: int) -> str:
    return f"course/{arm}/{seed}"
