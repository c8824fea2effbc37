"""An experiment on inheritance: every arm and seed lives the same lives; resumable, with measures, pictures and a table."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from metalearn.build import Experiment
from metalearn.config.options import check_options, check_tasks
from metalearn.config.schema import Config, validate
from metalearn.config.variants import refuse_variants
from metalearn.makers import make_evaluator
from metalearn.progress import Progress
from metalearn.runs.base import Run
from metalearn.runs.documents import JumpDocument, Outcome, PopulationCurve
from metalearn.runs.inheritance import inheritance_objective
from metalearn.runs.outcome import outcome
from metalearn.size.door import Sized, check_layers
from metalearn.size.others import sized_baldwin
from metalearn.store.environment import describe
from metalearn.store.folder import begin, mirror
from metalearn.store.run_store import RunStore
from metalearn.tracking.tracker import Tracker
from outer.evaluators.base import Evaluator
from outer.evidence.change_points import jumps
from outer.evolution import evolve
from outer.objective import Evaluation
from outer.searches.base import Search

STORED = 10**9 - 10**6  # bytes of one array in SQLite


def keeps_curves(generation: int, last: int) -> bool:
    """True for generations whose learning curves are kept: 0, 1, 2, 5, 10, 20, 50, ... and the last."""
    digits = str(generation)
    return generation == last or (digits[0] in "0125" and not digits[1:].strip("0"))


def keeps_individuals(search: Search) -> bool:
    """True where genomes that are told (with learning written back) live on in the population; found by trying it."""
    running = search.start(np.zeros(2), 0)
    asked = running.ask()
    far = asked + 1e6
    fitness = np.arange(len(asked), dtype=float)
    running.tell(far, Evaluation(fitness, fitness[:, None], np.ones((len(asked), 1), dtype=bool)))
    return bool((np.abs(running.ask()) > 5e5).any())


def check(config: Config) -> None:
    """Build what a run will need, so that a mistake shows before anything is written. Raises ValueError."""
    refuse_variants(config, "baldwin")
    if config.plateau is not None:
        raise ValueError("plateau: experiments on inheritance run all their generations; leave plateau out")
    if config.fitness.reference is not None or config.fitness.over != "mean":
        raise ValueError("fitness: experiments on inheritance have a fitness of their own; leave over and reference out")
    experiment = Experiment(config)
    check_tasks(experiment.tasks)
    check_options("search", config.search)
    check_layers(config.network.depth[1])
    search, found = experiment.search, inheritance_objective(experiment, config.seed)
    setting = found.settings(0)[0]
    setting.task.life_data("final", 1, 1, config.seed, [("check", 0)])
    found.engine_in(setting)
    make_evaluator(config).close()
    arms = config.inheritance.arms
    if len(set(arms)) != len(arms):
        raise ValueError(f"inheritance.arms: expected each kind once, got {', '.join(arms)}")
    sized_baldwin(experiment).refuse()
    if "lamarckian" in arms:
        if found.genome.genes.weights == "random":
            raise ValueError("inheritance.arms: lamarckian needs genome.weights direct or grown, got random")
        if not keeps_individuals(search):
            raise ValueError(
                f"search: '{config.search['name']}' samples a distribution and has no individuals to write back into; "
                "lamarckian needs a search that keeps a population, such as microbial or ga"
            )
        stored = 8 * search.popsize * found.genome.size
        if stored > STORED:
            raise ValueError(
                f"search.popsize: a lamarckian run stores {search.popsize} genomes of {found.genome.size:,} genes per "
                f"generation, expected at most {STORED / 1e9:g} GB, got {stored / 1e9:.2f}"
            )


class BaldwinRun(Run):
    """A run folder with one store per arm and seed."""

    def __init__(self, store: RunStore, folder: Path, console: Any) -> None:
        super().__init__(store, folder, console)
        self.experiment = Experiment(validate(store.config))
        self.config = self.experiment.config

    @classmethod
    def create(cls, config: Config, folder: Path, console: Any, arguments: Sequence[str]) -> BaldwinRun:
        """A new run; raises ValueError before anything is written when the config cannot work."""
        check(config)
        plain = config.plain()
        plain["rule"] = Experiment(config).rule.to_dict()
        sized_baldwin(Experiment(config)).ask(console)
        plain.pop("learner", None)
        command = "metalearn baldwin " + " ".join(shlex.quote(argument) for argument in arguments)
        return cls(begin(folder, plain, command, "baldwin"), folder, console)

    def sized(self) -> Sized:
        """Of all arms and seeds."""
        return sized_baldwin(self.experiment)

    def run(self) -> None:
        """Do whatever is missing: generations of each arm and seed, outcomes, pictures, table."""
        self.console.print(f"run {self.folder}", highlight=False)
        given = self.config.inheritance
        with closing(self.store), make_evaluator(self.config) as evaluator:
            for seed in range(self.config.seed, self.config.seed + given.seeds):
                for arm in given.arms:
                    self._arm(arm, seed, evaluator)
            self.store.put("status", "finished")
        path = self.report(self.folder)
        self.show(self.folder, self.console)
        self.console.print(f"report {path}", highlight=False)

    def _arm(self, arm: str, seed: int, evaluator: Evaluator) -> None:
        """One arm at one seed, from where its own store stops."""
        folder = self.folder / arm_name(arm, seed)
        known = (folder / "run.sqlite").exists()
        if known:
            store = RunStore.open(folder, write=True)
        else:
            store = RunStore.create(folder, self.store.config, describe(), {"kind": "lineage"})
        with store:
            if store.get("outcome") is not None:
                return
            name = f"{self.folder.name}-{folder.name}"
            tracker = mirror(store, folder, name, self.config.tracking, group=self.folder.name)
            code = 1
            try:
                self._evolve(arm, seed, store, evaluator, tracker)
                final = {f"final/{k}": v for k, v in Outcome.read(store.get("outcome"), "outcome").means.items()}
                places = [JumpDocument.read(jump, "jumps").generation for jump in store.typed("jumps", list, [])]
                tracker.finish(None, [], final | {"jumps/count": len(places), "jumps/generations": places})
                code = 0
            finally:
                tracker.close(code)

    def _evolve(self, arm: str, seed: int, store: RunStore, evaluator: Evaluator, tracker: Tracker) -> None:
        search, own = self.experiment.search, inheritance_objective(self.experiment, seed, arm)
        given, done = self.config.inheritance, store.count
        with Progress(self.console, f"{arm}, seed {seed}", search.generations, done) as bar:
            for generation in evolve(own, search, evaluator, store.each()):
                now, curve = generation.metrics, dict[str, float]()
                found = generation.curves
                if keeps_curves(generation.index, search.generations - 1) and found is not None:
                    curves = PopulationCurve(
                        steps=tuple(found.steps.tolist()),
                        population=tuple(found.population.tolist()),
                        best=tuple(found.best.tolist()),
                    )
                    store.put(f"curve/{generation.index:06d}", curves.plain())
                    curve = {f"curve/step {k}": score for k, score in zip(curves.steps, curves.population)}
                store.append(generation)
                tracker.row(generation.index, now | curve)
                bar.update(
                    generation.index + 1, f"birth {now['birth']:.3f}, adult {now['adult']:.3f}, bits {now['bits']:.2f}"
                )
        recommended = store.generations(store.count - 1)[0].recommendation
        store.put("jumps", [asdict(jump) for jump in jumps(np.array([m["best"] for m in store.metrics()]))])
        store.put("outcome", outcome(own, search, recommended, evaluator, given.lifetimes).plain())

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print the table of outcomes."""
        from metalearn.report.baldwin_report import print_outcomes

        print_outcomes(folder, console)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write pictures and report.html; returns the page's path."""
        from metalearn.report.baldwin_report import write

        return write(folder)


class ArmRun(Run):
    """One arm at one seed: a store inside the folder of a `BaldwinRun`, which alone goes on with it."""

    @classmethod
    def open(cls, folder: Path, console: Any) -> ArmRun:
        """Refuse: raises ValueError naming the whole run."""
        raise ValueError(f"'{folder.name}' is one arm of a run; go on with the whole: metalearn resume {folder.parent}")

    def run(self) -> None:
        """Do nothing: `open` has refused."""

    @staticmethod
    def show(folder: Path, console: Any) -> None:
        """Print how far the arm is."""
        with RunStore.open(folder, write=False) as store:
            state = "finished" if store.get("outcome") else f"in progress: metalearn resume {folder.parent}"
            line = f"run {folder}: {store.count} generations of one arm, {state}; the whole: metalearn show {folder.parent}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    @staticmethod
    def report(folder: Path) -> Path:
        """Write a report of the arm's search alone; returns its path."""
        from metalearn.report.from_store import write_report_of

        with RunStore.open(folder, write=False) as store:
            return write_report_of(store, folder)


def arm_name(arm: str, seed: int) -> str:
    """The folder of an arm at a seed."""
    return f"{arm}-s{seed}"
