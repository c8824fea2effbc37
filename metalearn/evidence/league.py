"""The parts of a league: who competes, where, for how many steps, and the jobs that tune, live and measure.

A pass is one minibatch through the network once, forward or back; a learner says how many a step takes (`Learner.cost`),
so that with equal passes a learner of 3 passes a step makes a third of the steps, and sees a third of the samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from inner.components import names
from inner.engines.choice import choose
from inner.learners.base import KNOWLEDGE, Learner, Spec
from inner.networks.base import Network
from metalearn.build import Baseline, Experiment
from metalearn.config import library
from metalearn.config.league import LeagueConfig, check_entrant
from metalearn.config.sections import Plain
from metalearn.evidence.baselines import Job, path_of
from metalearn.evidence.league_documents import CellPlan, Entrant, LeagueLives, LeaguePlan, Memory, Price
from metalearn.makers import make_task
from outer.evidence.fresh_lives import live_fresh
from outer.evidence.peak_memory import bytes_of_a_step
from outer.fitness.final import Fitness as Final
from outer.learner_objective import LearnerObjective
from outer.listed import Listed
from outer.settings import Setting, network_of

POINTS = 20  # tests in a life, at even ratios
FIRST = 0.002  # share of a life at which it is tested first after birth
RULE = {"dw": "eta*err*pre", "coefficients": {"eta": {"init": 0.03, "transform": "log"}}}  # on a pathway by name


def learner_by(spec: str | Mapping[str, Any]) -> tuple[str, Learner]:
    """Title and learner: a name of the library, a pathway (with the rule eta*err*pre), or a component with options."""
    if not isinstance(spec, str):
        found = library.learner(spec)
        options = {k: v for k, v in spec.items() if k != "name"}
        own = options.get("rule")
        if spec["name"] == library.LOCAL_RULE and isinstance(own, Mapping) and own.get("name"):
            return str(own["name"]), found
        said = ", ".join(f"{k} {v}" for k, v in options.items())
        return f"{spec['name']} ({said})" if said else str(spec["name"]), found
    if spec in library.named() or spec in library.learners():
        return spec, library.learner(spec)
    if "." in spec:
        return spec, library.learner({"name": spec})
    check_entrant(spec)
    return spec, library.learner({"name": library.LOCAL_RULE, "rule": {"name": spec, "pathway": spec, **RULE}})


def everyone() -> list[str]:
    """Every learner, rule and pathway by name; a pathway whose plain rule has a name of its own stands there once."""
    listed = [*library.named(), *library.learners()]
    plain = {rule.pathway for name in library.entries() if (rule := library.rule(name)).formulas.get("dw") == RULE["dw"]}
    return listed + [name for name in names("pathway") if name not in listed and name not in plain]


@dataclass(frozen=True, eq=False)
class League:
    """The values that a config describes, each made once."""

    config: LeagueConfig
    plan: LeaguePlan

    @cached_property
    def experiment(self) -> Experiment:
        """Network, search, budget and seed, as of any other experiment."""
        return Experiment(self.config.experiment())

    @cached_property
    def learners(self) -> dict[str, Learner]:
        """The entrants."""
        return {name: library.learner(entrant.learner) for name, entrant in self.plan.entrants.items()}

    @property
    def births(self) -> tuple[str, ...]:
        """Births of networks that each is tuned with; "": the network's own."""
        return self.experiment.births

    def network(self, hidden: tuple[int, ...], birth: str = "") -> Network:
        """The network with these hidden layers."""
        options: Plain = dict(self.config.network)
        return network_of(options | ({"birth": birth} if birth else {}), hidden)

    def setting(self, learner: Learner, cell: CellPlan, birth: str = "", tier: str = "search") -> Setting:
        """The cell for a learner, without lifetimes: as many steps as its passes allow."""
        network = self.network(cell.hidden, birth)
        return Setting(make_task(cell.task), network, self.price(learner, cell).steps, self.plan.batch, (), tier)

    def price(self, learner: Learner, cell: CellPlan) -> Price:
        """A step of a learner in a cell, and the steps of a life there. Raises ValueError where there are none."""
        kept = self._prices.setdefault(id(learner), (learner, {}))[1]
        if cell.name not in kept:
            task, network = make_task(cell.task), self.network(cell.hidden)
            spec = Spec(task.inputs, task.outputs, task.criterion, cell.passes, self.plan.batch, False)
            cost = learner.lives_as.on(network).cost(spec)
            if (steps := int(cell.passes / cost.passes + 1e-9)) < 1:
                raise ValueError(
                    f"passes: expected at least {cost.passes:g}, a step of '{learner.name}', got {cell.passes}"
                )
            kept[cell.name] = Price(
                passes=cost.passes, multiply_adds=cost.multiply_adds, steps=steps, floats=cost.floats, state=cost.state
            )
        return kept[cell.name]

    @cached_property
    def _prices(self) -> dict[int, tuple[Learner, dict[str, Price]]]:
        """By the identity of a learner, which is kept, and by cell: to work one out compiles formulas."""
        return {}

    def objective(self, learner: Learner, birth: str = "") -> LearnerObjective:
        """Mean final score over all cells: what tunes a learner."""
        places = tuple(self.setting(learner, cell, birth) for cell in self.plan.cells)
        listed = Listed(task=self.plan.cells[0].task, places=places)
        own = self.experiment.objective_of(learner)
        return replace(own, distribution=listed, fitness=Final(), complexity=0.0, fixed=False)

    def job(self, name: str, birth: str) -> Job:
        """The tuning of an entrant in networks of a birth; remembered by content, as baselines are."""
        learner, experiment = self.learners[name], self.experiment
        chosen, search = experiment.config.selection, experiment.search
        shapes = min(chosen.shapes, chosen.lifetimes)
        arguments = (
            self.objective(learner, birth), search, chosen.finalists, chosen.lifetimes, shapes, None, experiment.plateau
        )  # fmt: skip
        places = [(cell.task, cell.hidden, cell.passes) for cell in self.plan.cells]
        path = path_of(experiment, Baseline(name, learner, search, birth), league=places)
        return Job(name, learner, arguments, path)

    @property
    def offered(self) -> int:
        """Lifetimes of tuning that every learner is offered, all births together."""
        return self.experiment.offered(self.experiment.search) * len(self.births)


def cells_of(config: LeagueConfig) -> tuple[CellPlan, ...]:
    """Every data set at every depth for every length of life. Raises ValueError where scores would not compare."""
    found: list[CellPlan] = []
    for spec in config.tasks:
        task = make_task(spec)
        criterion, title = task.criterion, _title(spec)
        if not criterion.supervised or task.environment or task.sequences:
            raise ValueError(f"league: '{title}': expected a task of samples with targets that stand alone")
        if found and found[0].metric != criterion.metric:
            raise ValueError(
                f"league: expected tasks of one metric, got {found[0].metric} of '{found[0].task['name']}' and "
                f"{criterion.metric} of '{title}'"
            )
        level = task.chance + config.threshold * (criterion.best - task.chance)
        for depth in config.depths:
            for passes in config.passes:
                words = f"{depth} x {config.width}" if depth else "no hidden layer"
                lengths = f", {passes} passes" if len(config.passes) > 1 else ""
                found.append(
                    CellPlan(
                        name=f"{title}, {words}{lengths}", task=dict(spec), hidden=(config.width,) * depth, passes=passes,
                        metric=criterion.metric, chance=task.chance, best=criterion.best, threshold=level,
                    )
                )  # fmt: skip
    if len({cell.name for cell in found}) < len(found):
        raise ValueError("league: tasks: expected each once")
    return tuple(found)


def _title(spec: Mapping[str, Any]) -> str:
    options = ", ".join(f"{k} {v}" for k, v in spec.items() if k != "name")
    return f"{spec['name']} ({options})" if options else str(spec["name"])


def plan_of(config: LeagueConfig) -> LeaguePlan:
    """Who competes and where. Raises ValueError, in one line, for a learner that cannot; `all` leaves it out and says why."""
    cells = cells_of(config)
    plan = LeaguePlan(entrants={}, cells=cells, batch=config.batch)
    league, every = League(config, plan), config.learners == "all"
    entrants: dict[str, Entrant] = {}
    left_out: dict[str, str] = {}
    for spec in everyone() if every else config.learners:
        name, learner = learner_by(spec)
        if name in entrants:
            raise ValueError(f"league: learners: '{name}' stands there twice")
        try:
            entrants[name] = _entrant(league, name, learner)
        except ValueError as error:
            if not every:
                raise
            left_out[name] = str(error)
    if len(entrants) < 2:
        raise ValueError(f"league: learners: expected at least 2, got {len(entrants)}")
    return plan.model_copy(update={"entrants": entrants, "left_out": left_out})


def _entrant(league: League, name: str, learner: Learner) -> Entrant:
    """A learner that can live in every cell. Raises ValueError where it cannot."""
    for cell in league.plan.cells:
        for birth in league.births:
            setting = league.setting(learner, cell, birth)
            if why := learner.on(setting.network).accepts(setting.spec):
                raise ValueError(f"league: learner '{name}' in {cell.name}: {why}")
    assert league.objective(learner).genome.size >= 0  # it raises ValueError where the size depends on the cell
    engine, why = choose(league.config.engine, learner.on(setting.network), setting.spec, league.experiment.device)
    rule = learner.formula
    return Entrant(
        learner=learner.plain(),
        knows=tuple(known for known in KNOWLEDGE if known in learner.on(setting.network).knows),
        source=learner.source,
        engine=engine,
        why=why,
        pathway="" if rule is None else rule.pathway,
    )


def tests_of(steps: int) -> list[int]:
    """Steps of a life at which it is tested: at birth, and from FIRST of it on at even ratios to its end."""
    shares = FIRST ** (1 - np.arange(POINTS) / (POINTS - 1))
    return sorted({0, *(round(steps * float(share)) for share in shares)})


def lived(
    league: tuple[LeagueConfig, LeaguePlan], name: str, cell: CellPlan, values: Mapping[str, Any], birth: str
) -> LeagueLives:
    """One job: the fresh lives of an entrant in a cell, the same data and births of networks for all entrants."""
    own = League(*league)
    learner, config = own.learners[name], own.config
    whole = own.setting(learner, cell, birth, "final")
    price = own.price(learner, cell)
    labels = tuple(("league", cell.name, n) for n in range(config.fresh))
    found = live_fresh(
        learner, values, replace(whole, labels=labels), config.seed, engine=config.engine,
        device=own.experiment.device, record=tests_of(whole.steps),
    )  # fmt: skip
    return LeagueLives(
        price=price,
        birth=birth,
        scores=tuple(found.scores.tolist()),
        alive=tuple(found.alive.tolist()),
        steps=found.steps,
        curve=tuple(map(tuple, found.curve.tolist())),
    )


def memory_of(league: tuple[LeagueConfig, LeaguePlan], name: str) -> Memory:
    """One job: the peak memory of a step of an entrant at every depth, on the first data set."""
    own = League(*league)
    learner, config, task = own.learners[name], own.config, make_task(own.plan.cells[0].task)
    peaks: list[float | None] = []
    weights = []
    for depth in config.memory:
        placed = learner.on(own.network((config.width,) * depth))
        spec = Spec(task.inputs, task.outputs, task.criterion, max(config.passes), config.batch, False)
        weights.append(4.0 * placed.network.synapses(task.inputs, task.outputs))
        peaks.append(None if placed.accepts(spec) else bytes_of_a_step(placed, spec))
    return Memory(peak=tuple(peaks), weights=tuple(weights))


def selected(own: Sequence[tuple[str, Any]]) -> tuple[str, Any]:
    """Of (birth, Tuning) the one that is better on the select tier, the first where there was nothing to tune."""
    return max(own, key=lambda pair: -np.inf if pair[1].select is None else cast(float, pair[1].select))
