"""Makes what a config describes: the only place where a config becomes networks, objectives and searches.

Everything else takes an `Experiment`, whose values are made once each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from inner.components import Plain
from inner.learners.base import Learner
from inner.life.devices import resolve
from inner.networks.base import Network
from inner.rules.rule import Rule
from inner.tasks.base import Task
from metalearn.config import library
from metalearn.config.options import network_options
from metalearn.config.schema import CellConfig, Config
from metalearn.makers import make_search, make_task
from metalearn.rule.reference import reference_of
from outer.aggregate import Aggregate
from outer.draws import middle, middle_of, spread
from outer.fitness.base import fitness_of
from outer.learner_objective import LearnerObjective
from outer.mixture import Mixture
from outer.objective import Objective
from outer.plateau import NEVER, Plateau
from outer.programs.objective import ProgramObjective
from outer.racing import Racing
from outer.reference import Reference
from outer.searches.base import Search
from outer.searches.program import Search as ProgramSearch
from outer.settings import Distribution, Setting, network_fields, network_of

RANDOM = "random_search"
MUCH = 3e11  # samples seen by synapses in a search: about half a minute of one core


@dataclass(frozen=True)
class Baseline:
    """A learner to tune, its search, and the birth of its networks; "" for the config's own birth."""

    name: str
    learner: Learner
    search: Search
    birth: str = ""


@dataclass(frozen=True, eq=False)
class Experiment:
    """The values that a config describes; each is made when it is first asked for, and once."""

    config: Config

    @cached_property
    def learner(self) -> Learner:
        """The learner whose coefficients are searched; its network is that of a setting."""
        return library.learner(self.config.learner_spec)

    @property
    def rule(self) -> Rule:
        """The rule of the learner. Raises ValueError where it has none."""
        if self.learner.formula is None:
            raise ValueError(f"learner '{self.learner.name}' has no formula, expected a rule")
        return self.learner.formula

    @cached_property
    def device(self) -> str:
        """The device of lives: cpu or cuda."""
        return resolve(self.config.device)

    @property
    def tasks(self) -> Mixture:
        """The tasks that the config gives."""
        return self.distribution.mixture

    @cached_property
    def task(self) -> Task:
        """The task, the first of several, in the middle of its ranges."""
        return self.tasks.first

    @cached_property
    def search(self) -> Search:
        """The search."""
        return make_search(self.config.search)

    @cached_property
    def racing(self) -> Racing | None:
        """The racing of a generation, or None."""
        raced = self.config.racing
        return None if raced is None else Racing(raced.at, raced.keep)

    @cached_property
    def plateau(self) -> Plateau:
        """When a search ends before its last generation: the same for every arm."""
        given = self.config.plateau
        return NEVER if given is None else Plateau(**given.model_dump())

    def offered(self, search: Search) -> int:
        """Lifetimes that a search spends if it does not end by itself, checks for a plateau included."""
        lives = search.popsize * search.generations * self.config.lifetimes
        return lives + self.plateau.spent(search.generations, search.generations)

    @cached_property
    def distribution(self) -> Distribution:
        """The settings that lives are drawn from."""
        network, life = self.config.network, self.config.life
        power = None if life.power is None else dict(zip(("low", "high", "draw"), (*life.power, "log")))
        altered = {"power": power, "noise": life.noise, "label_noise": life.label_noise}
        return Distribution(
            task=self.config.task,
            depth=network.depth,
            width=network.width,
            steps=life.steps,
            batch=life.batch,
            scale=life.scale,
            network=self.network_options,
            hidden=network.hidden,
            common={key: value for key, value in altered.items() if value is not None},
        )

    @cached_property
    def objective(self) -> LearnerObjective:
        """The objective over the coefficients of the experiment's own learner."""
        return self.objective_of(self.learner)

    @cached_property
    def searched(self) -> Objective:
        """The objective that the search works on: of the learner's coefficients, or of whole programs."""
        return self.searched_in("")

    def searched_in(self, birth: str) -> Objective:
        """The same with networks of another birth; "" for the config's own."""
        plain = self.objective_of(self.learner, birth) if birth else self.objective
        if not isinstance(self.search, ProgramSearch):
            return plain
        programs = ProgramObjective(plain, self.search.language())
        programs.genome.start()  # a formula that the language cannot say is refused now
        return programs

    def objective_of(self, learner: Learner, birth: str = "") -> LearnerObjective:
        """The objective over the coefficients of a learner: the same lives and fitness for every learner.

        birth: of its networks, in place of the config's own.
        """
        config, distribution = self.config, self.distribution
        if birth:
            distribution = replace(distribution, network={**distribution.network, "birth": birth})
        return LearnerObjective(
            learner,
            distribution,
            config.seed,
            config.lifetimes,
            config.shapes,
            fitness_of(config.fitness.measure, threshold=config.fitness.threshold),
            config.fitness.complexity,
            config.engine,
            self.device,
            self._long_search_in_one_shape,
            aggregate=Aggregate.of(config.fitness.over),
            reference=self.reference,
        )

    @cached_property
    def reference(self) -> Reference | None:
        """The learner that scores are leads over, from one birth of networks whatever that of the candidates is."""
        spec = self.config.fitness.reference
        if spec is None:
            return None
        found, network = reference_of(spec), self.network(self.distribution.hidden or (1,))
        several = self.births != ("",) and not found.birth  # of one birth, or lives of two would not compare
        return replace(found, birth=str(getattr(network, "birth", ""))) if several else found

    @property
    def births(self) -> tuple[str, ...]:
        """Births of networks that every arm is tuned for, the better one on *select* is its own; "": the config's own."""
        return self.config.compare.births or ("",)

    def with_birth(self, birth: str) -> Experiment:
        """The same experiment in networks of a birth; "" leaves it as it is."""
        if not birth:
            return self
        network = self.config.network.model_copy(update={"birth": birth})
        return replace(self, config=self.config.model_copy(update={"network": network}))

    @cached_property
    def _long_search_in_one_shape(self) -> bool:
        """True where the search runs so long in networks of one shape that compiling for this shape pays."""
        config, shape = self.config, self.distribution.shape()
        if shape is None:
            return False
        lives = self.search.popsize * self.search.generations * config.lifetimes
        synapses = sum(below * above for below, above in zip(shape, shape[1:]))
        return lives * config.life.steps[1] * self._batch * synapses >= MUCH

    @property
    def _batch(self) -> int:
        """Samples per step, in the middle of a range."""
        held = spread(self.config.life.batch, "life.batch", whole=True)
        return int(self.config.life.batch if held is None else held.middle)

    @property
    def baselines(self) -> list[str]:
        """Names of the library that the config holds its learner against."""
        chosen = self.config.compare.baselines
        return list(library.entries()) if chosen == "all" else list(chosen)

    @cached_property
    def baseline_search(self) -> Search:
        """The search that tunes baselines: the run's own, and of programs CMA-ES with the same budget."""
        own = self.search
        if not isinstance(own, ProgramSearch):
            return own  # a search over programs needs a form that may change
        return make_search({"name": "cma", "popsize": own.popsize, "generations": own.generations})

    def to_tune(self) -> list[Baseline]:
        """Baselines: learners of the library under the run's search, and random search over the run's own learner.

        Each stands there once per birth of networks that the comparison asks for.
        """
        config, own = self.config, self.baseline_search
        programs = isinstance(self.search, ProgramSearch)
        found = [(name, library.learner(name), own) for name in self.baselines]
        free = any(not c.fixed for c in self.learner.coefficients)
        if config.compare.random_search and config.search["name"] != "random" and not programs and free:
            spec = {"name": "random", "popsize": own.popsize, "generations": own.generations}
            found.append((RANDOM, self.learner, make_search(spec)))
        return [Baseline(*one, birth) for one in found for birth in self.births]

    @cached_property
    def cells(self) -> tuple[tuple[str, CellConfig], ...]:
        """The cells of a comparison with their group; without any, the middle of what was searched."""
        compare, network = self.config.compare, self.config.network
        found = [("main", cell) for cell in compare.main] + [("transfer", cell) for cell in compare.transfer]
        if found:
            return tuple(found)
        steps = middle_of(self.config.life.steps)
        hidden = (
            network.hidden if network.hidden is not None else (middle_of(network.width),) * middle_of(network.depth)
        )
        specs = [self.tasks.middle(k) for k in range(len(self.tasks.entries))]
        return tuple(("main", CellConfig(task=s, hidden=hidden, steps=steps, batch=self._batch)) for s in specs)

    @cached_property
    def network_options(self) -> Plain:
        """The network's name and the options that the config gives it. Raises ValueError for one that it has not."""
        return network_options(self.config)

    def network(self, hidden: tuple[int, ...]) -> Network:
        """The network of the config with these hidden layers; of options that are drawn the middle, or the first choice."""
        options = self.network_options
        return network_of(middle(network_fields(options), options, "network"), hidden)

    def born(self, setting: Setting, birth: str) -> Setting:
        """The setting with networks of another birth; "" leaves it as it is."""
        if not birth:
            return setting
        if not hasattr(setting.network, "birth"):
            raise ValueError(f"birth: networks '{type(setting.network).__module__}' have none, expected '{birth}'")
        return replace(setting, network=replace(cast(Any, setting.network), birth=birth))

    def setting(self, cell: CellConfig, lifetimes: int, read: bool = True) -> Setting:
        """The setting of a cell with fresh lives; raises ValueError when its data (if `read`) are not to be had."""
        found = make_task(cell.task)
        what = "/".join(cell.titles) + f"/{cell.steps}x{cell.batch}"
        labels = tuple(("compare", what, n) for n in range(lifetimes))
        setting = Setting(found, self.network(cell.hidden), cell.steps, cell.batch, labels, "final")
        if read:
            found.experience("final", 1, 1, self.config.seed, setting.labels[:1])
        return setting

    def seeded(self, seed: int) -> Experiment:
        """The same experiment at another seed."""
        return replace(self, config=self.config.model_copy(update={"seed": seed}))

    @property
    def tuning(self) -> Experiment:
        """The experiment that baselines are tuned in: this one, or the same at `compare.tuned_at`."""
        seed = self.config.compare.tuned_at
        return self if seed in (None, self.config.seed) else self.seeded(seed)
