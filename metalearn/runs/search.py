"""One run from first generation to report: search, select, tune the baselines, compare. Every stage is resumable."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np

from inner.learners.base import Learner
from inner.learners.local_rule import Learner as LocalRule
from inner.life_data import LifeData
from metalearn.build import Experiment
from metalearn.claims.register import check_claims, register
from metalearn.config import library
from metalearn.config.options import LARGEST, check_options, check_tasks, whole_network
from metalearn.config.schema import Config, validate
from metalearn.config.sections import Plain
from metalearn.evidence.arms import Arm, check_fit
from metalearn.evidence.baselines import tune_all
from metalearn.evidence.comparison import REFERENCE, check_cells, compare
from metalearn.evidence.documents import Comparison, Selection
from metalearn.evidence.per_cell import tune_per_cell, wanted_of
from metalearn.evidence.selection import choose, print_births, print_front
from metalearn.ledger.entry import GROUP, open_cells
from metalearn.makers import make_evaluator
from metalearn.progress import Progress
from metalearn.report.from_store import write_report_of
from metalearn.report.printed import show as print_rule
from metalearn.rule.file import RuleDocument, rule_of, text_of
from metalearn.rule.reference import plain_of
from metalearn.runs.base import Run
from metalearn.runs.engine_line import engine_line
from metalearn.size.door import Sized, check_layers
from metalearn.size.search import sized_search
from metalearn.store.folder import begin, mirror
from metalearn.store.run_store import RunStore, write_text_atomically
from metalearn.tracking.tracker import Tracker
from metalearn.verdict.of_run import judged, summary_keys
from metalearn.verdict.output import print_claims
from outer.evaluators.base import Evaluator
from outer.evolution import evolve
from outer.generation import Generation
from outer.genome.base import Genome

SMALLEST = 0.0001  # of a drawn scale, which has four digits behind the point
TOP = 10  # rows of the W&B table


def check(config: Config) -> Experiment:
    """Build everything that a run will need, so that a mistake shows before anything is written. Raises ValueError."""
    found = Experiment(config)
    for name in ("scale", "power"):
        ends = getattr(config.life, name)
        if ends is not None and not SMALLEST <= ends[0] <= ends[1] <= LARGEST:
            wanted = f"{SMALLEST} <= low <= high <= {LARGEST:g}"
            raise ValueError(f"config: life.{name}: expected {wanted}, got {list(ends)}")
    check_layers(config.network.depth[1])
    check_tasks(found.tasks)
    check_options("search", config.search)
    distribution = found.searched.distribution
    for name, (low, high) in (
        ("network.depth", distribution.depth),
        ("network.width", distribution.width),
        ("life.steps", distribution.steps),
    ):
        if not (0 if name.endswith("depth") else 1) <= low <= high:
            raise ValueError(f"config: {name}: expected low <= high and positive numbers, got {low} and {high}")
    sized_search(found).refuse()
    check_cells(found, found.learner)
    check_claims(found)
    for k in range(len(found.tasks.entries)):
        setting = distribution.setting(k, "search", config.seed, ("check",), 0, (("search", "check", 0),))
        if why := found.learner.on(setting.network).accepts(setting.spec):
            raise ValueError(f"learner '{found.learner.name}': {why}")
        if (reference := found.reference) is not None:
            check_fit(reference.learner, reference.values, reference.placed(setting)[2])
        data = setting.task.experience("search", 1, 1, config.seed, setting.labels)
        if isinstance(data, LifeData):
            data.check_finite(type(setting.task).__module__.rpartition(".")[2])
    make_evaluator(config).close()
    for name in [*found.baselines, *config.compare.per_cell]:
        check_cells(found, library.learner(name))
    engine_line(found, found.learner)
    for group, cell in found.cells:  # data that a transfer cell lacks only skip it
        found.setting(cell, 1, read=group == "main")
    return found


def resolved(experiment: Experiment) -> Plain:
    """The learner of a config with library names resolved: a run does not change when the library does."""
    found: Plain = {"learner": experiment.learner.plain()}
    if experiment.config.learner is None:
        found = {"rule": experiment.rule.to_dict()}
    if experiment.reference is not None:
        found["fitness"] = experiment.config.plain()["fitness"] | {"reference": plain_of(experiment.reference)}
    return found


class SearchRun(Run):
    """A search from first generation to report."""

    def __init__(self, store: RunStore, folder: Path, console: Any) -> None:
        super().__init__(store, folder, console)
        self.experiment = Experiment(validate(store.config))
        self.config = self.experiment.config
        self.learner = self.experiment.learner

    @classmethod
    def create(cls, config: Config, folder: Path, console: Any, arguments: Sequence[str]) -> SearchRun:
        """A new run; raises ValueError before anything is written when the config cannot work."""
        checked = check(config)
        sized_search(checked).ask(console)
        plain = config.plain()
        plain["device"] = checked.device  # a resumed run goes on where it began
        plain |= resolved(checked)
        command = ("metalearn search " + " ".join(shlex.quote(argument) for argument in arguments)).strip()
        return cls(begin(folder, plain, command), folder, console)

    def sized(self) -> Sized:
        """Of search, selection, baselines and comparison."""
        return sized_search(self.experiment)

    def run(self) -> None:
        """Whatever is missing of: generations, selection, baselines, comparison, report."""
        self.console.print(f"run {self.folder}, {engine_line(self.experiment, self.learner)}", highlight=False)
        register(self.store, self.folder, self.experiment, self.console)
        with closing(self.store), make_evaluator(self.config) as evaluator:
            group = self.store.get(GROUP)  # of a run inside the folder of another
            name = self.folder.name if group is None else f"{self.folder.resolve().parent.name}-{self.folder.name}"
            tracker = mirror(self.store, self.folder, name, self.config.tracking, group)
            code = 1
            try:
                generations = self._search(evaluator, tracker)
                document = self._select(evaluator, generations)
                self._compare(evaluator, document, generations)
                tracker.finish(self.folder / "rule.json", self._top(generations), self._summary(document))
                code = 0
            finally:
                tracker.close(code)
            path = write_report_of(self.store, self.folder, generations)
            self.store.put("status", "finished")  # last: a sweep leaves a finished seed as it is
        self.console.print(f"report {path}", highlight=False)

    def _search(self, evaluator: Evaluator, tracker: Tracker) -> list[Generation]:
        search, own = self.experiment.search, self.experiment.searched
        history = self.store.generations()
        if own.genome.size == 0 or self.store.get("selection") is not None:
            return history
        with Progress(self.console, "search", search.generations, len(history)) as bar:
            for generation in evolve(own, search, evaluator, history, self.experiment.racing, self.experiment.plateau):
                self.store.append(generation)
                tracker.generation(generation)
                history.append(generation)
                now = generation.metrics
                bar.update(len(history), f"best {now['best']:.3f}, mean {now['mean']:.3f}")
        return history

    def _select(self, evaluator: Evaluator, generations: list[Generation]) -> RuleDocument:
        stored = self.store.get("selection")
        if stored is None:
            selection = choose(self.experiment, evaluator, generations)
            self.store.put("selection", selection.plain())
        else:
            selection = Selection.read(stored, "selection")
        if selection.rule is not None:  # a program search has found a rule of its own
            self.learner = LocalRule(rule_of(selection.rule))
        document = rule_document(self.learner, selection, self.experiment, self.folder.name, generations)
        write_text_atomically(self.folder / "rule.json", json.dumps(document, indent=2) + "\n")
        rule = self.learner.formula
        equals = "" if rule is None else "dw = "
        self.console.print(f"\nevolved  {equals}{document['whole']}", highlight=False, soft_wrap=True)
        then = f"\nthen     {rule.homeostasis.text}" if rule is not None and rule.homeostasis else ""
        self.console.print(f"pruned   {equals}{document['formula']}{then}\n", highlight=False, soft_wrap=True)
        print_births(selection, self.console)
        print_front(selection.front, self.console)
        return document

    def _compare(self, evaluator: Evaluator, document: RuleDocument, generations: Sequence[Generation]) -> None:
        stored = self.store.get("comparison")
        if stored is not None:
            comparison = Comparison.read(stored, "comparison")
        else:
            search, plateau = self.experiment.search, self.experiment.plateau
            spent = int(sum(g.scores.size for g in generations)) + plateau.spent(len(generations), search.generations)
            offered = self.experiment.offered(search) if generations else 0
            birth, score = document.get("birth", ""), document.get("fitness")
            arms = {REFERENCE: Arm(self.learner, document["values"], spent, birth, score, offered)}
            count = len(self.experiment.to_tune())
            if count:
                with Progress(self.console, "tuning baselines", count) as bar:
                    found = tune_all(self.experiment, evaluator, lambda name, ended, all: bar.update(ended, name))
                arms |= found
            count = len(wanted_of(self.experiment))
            if count:
                with Progress(self.console, "tuning per cell", count) as bar:
                    arms |= tune_per_cell(self.experiment, evaluator, lambda name, ended, all: bar.update(ended, name))
            open_cells(self.store, self.folder, self.experiment, arms, [REFERENCE], self.console)
            with Progress(self.console, "comparing", 1) as bar:
                comparison = compare(arms, self.experiment, evaluator, bar.at)
            self.store.put("comparison", comparison.plain())
        from metalearn.report.tables import print_comparison

        print_comparison(comparison, self.console)
        if verdict := judged(self.store, self.folder):
            print_claims(verdict, self.console)

    def _top(self, generations: Sequence[Generation]) -> list[Mapping[str, object]]:
        return top_rows(generations, self.experiment.searched.genome)

    def _summary(self, document: RuleDocument) -> Mapping[str, object]:
        comparison = Comparison.read(self.store.get("comparison") or {}, "comparison")
        summary: dict[str, object] = {"formula": document["pruned"], "select_score": document["fitness"]}
        for name, arm in comparison.arms.items():
            summary |= {f"lifetimes/spent/{name}": arm.lifetimes, f"lifetimes/offered/{name}": arm.offered}
        for cell in comparison.cells:
            for name, result in cell.arms.items():
                summary[f"final/{cell.name}/{name}"] = result.mean
        return summary | dict(summary_keys(self.store, self.folder))

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print the rule, its comparison, and what is known of its terms."""
        print_rule(folder, console)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write report.html from what the run holds; returns its path."""
        with RunStore.open(folder, write=False) as store:
            return write_report_of(store, folder)


def rule_document(
    learner: Learner, selection: Selection, experiment: Experiment, run: str, generations: Sequence[Generation]
) -> RuleDocument:
    """The content of rule.json: the rule, or another learner, with its values, and its origin."""
    born = {"birth": selection.birth} if selection.birth else {}
    values, network = selection.values, whole_network(experiment.config) | born
    subject = {"learner": learner.plain()} if learner.formula is None else learner.formula.to_dict()
    origin: RuleDocument = {
        "formula": text_of(learner, values),
        "pruned": text_of(learner, values),
        "whole": text_of(learner, selection.whole or values),
        "values": values,
        "activation": network.get("activation", ""),
        "network": network,
        "task": experiment.tasks.title,
        "run": run,
        "fitness": selection.score,
        "generations": len(generations),
    }
    return cast(RuleDocument, {"format": 1, **subject, **origin, **born})


def top_rows(generations: Sequence[Generation], genome: Genome) -> list[Mapping[str, object]]:
    """The best candidates of the whole search, for the W&B table."""
    by_index = {g.index: g for g in generations if g.digest is None}
    pairs = sorted(
        ((float(f), i, p) for i, g in by_index.items() for p, f in enumerate(g.fitness)), key=lambda t: (-t[0], t[1:])
    )
    rows: list[Mapping[str, object]] = []
    for rank, (fitness, index, p) in enumerate(pairs[:TOP]):
        vector = np.asarray(by_index[index].candidates[p])
        rows.append({"rank": rank + 1, "fitness": fitness, "generation": index, **genome.summary(vector)})
    return rows
