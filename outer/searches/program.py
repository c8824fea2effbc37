"""Program search: evolves the form of the rule, by Cartesian genetic programming or beam search, and then its numbers.

Every generation re-evaluates the parents beside their children, on the same lives, and keeps the best of both
((mu + lambda); children win ties, so that neutral changes spread). Every `refine_every` generations a short CMA-ES moves
the gain and constants of the best program. Vectors that are no programs are taken as numbers, moved by Gaussian steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from inner.components import suggest
from inner.random import stream
from outer.objective import Evaluation
from outer.programs import beam, cgp
from outer.programs.program import Language, Program
from outer.searches import base, cma

ENGINES = ("cgp", "beam")
TRIES = 400  # draws in search of a function that was not evaluated before, per child


@dataclass(frozen=True)
class Search(base.Search):
    """(mu + lambda) over programs of the given language."""

    popsize: int = 32
    generations: int = 60
    engine: str = "cgp"
    inputs: tuple[str, ...] = ("pre", "post", "err", "w")
    operations: tuple[str, ...] = ("add", "sub", "mul")
    nodes: int = 12
    constants: int = 1
    parents: int = 4  # mu, or the width of the beam
    sigma: float = 0.3  # of steps in z of the gain and constants
    parsimony: float = 0.001  # fitness given up per operation when parents are chosen
    gains: int = 0  # at which each new function is tried, its best counts; 0: the gain evolves like the constants
    refine_every: int = 10  # generations between refinements of numbers; 0: never
    refine: int = 3  # generations of CMA-ES in each

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations, least=4)
        if self.gains < 0 or self.gains % 2 or 2 * self.gains > self.popsize:
            raise ValueError(
                f"search.gains: expected 0 or an even number of at most half of search.popsize, {self.popsize}, got {self.gains}"
            )
        for name in ("inputs", "operations"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"search.{name}: expected a list of names, got '{getattr(self, name)}'")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.engine not in ENGINES:
            near = suggest(self.engine, ENGINES)
            raise ValueError(f"search.engine: unknown '{self.engine}'{near}; known: {', '.join(ENGINES)}")
        if (
            self.parents < 1
            or not self.sigma > 0
            or not self.parsimony >= 0
            or self.refine_every < 0
            or self.refine < 1
        ):
            raise ValueError(
                "search: expected parents >= 1, sigma > 0, parsimony >= 0, refine_every >= 0 and refine >= 1, got "
                f"{self.parents}, {self.sigma}, {self.parsimony}, {self.refine_every} and {self.refine}"
            )
        self.language()

    def language(self) -> Language:
        """The language of the programs."""
        return Language(self.inputs, self.operations, self.constants, self.nodes)

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start at the program, or the numbers, `origin` [D]."""
        return Running(self, np.array(origin, dtype=np.float64), seed)


class Running(base.Running):
    """Parents, the functions that were tried, and perhaps a CMA-ES at work on numbers."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.seed, self.generation = options, seed, 0
        self.language = options.language()
        self.programs = self.language.holds(origin)
        self.parents = [origin]  # best first
        self.evaluated = False
        self.visitors: list[np.ndarray] = []  # waiting to be compared with the parents
        self.tried: dict[bytes, int] = {}  # functions, and the fewest operations that each was written with
        self.queue: list[Program] = []  # of the beam's level
        self.level: list[tuple[float, np.ndarray]] = []  # scores of the level, relative to the best parent's
        self.refiner: base.Running | None = None
        self.asked: np.ndarray | None = None

    def ask(self) -> np.ndarray:
        """Children and parents [P, D]; in a refinement, the best program with other numbers."""
        if self.asked is None:
            self.asked = self._refinements() if self._refining() else self._brood()
        return self.asked.copy()

    def _refining(self) -> bool:
        every, length = self.options.refine_every, self.options.refine
        return self.programs and every > 0 and self.generation % (every + length) >= every

    def _refinements(self) -> np.ndarray:
        """The best program under numbers that CMA-ES asks for."""
        first = 1 + 3 * self.language.nodes + 1
        if self.refiner is None:
            seed = int(stream(self.seed, "refine", self.generation).integers(2**31))
            popsize = max(4, self.options.popsize // max(self.options.gains, 1))
            options = cma.Search(popsize, self.options.refine, self.options.sigma)
            self.refiner = options.start(self.parents[0][first:], seed)
        numbers = self.refiner.ask()
        candidates = np.repeat(self.parents[0][None], len(numbers), 0)
        candidates[:, first:] = numbers
        return candidates

    def _brood(self) -> np.ndarray:
        """New children, each perhaps at several gains, then visitors and parents."""
        old = self.visitors + (self.parents if self.evaluated or self.programs else [])
        old = old[: self.options.popsize // 2][::-1]
        random = stream(self.seed, "program", self.generation)
        wanted = self.options.popsize - len(old)
        if not self.programs:
            picked = [self.parents[i % len(self.parents)] for i in range(wanted)]
            moved = np.stack(picked) + self.options.sigma * random.standard_normal((wanted, picked[0].size))
            return np.concatenate([moved, *(o[None] for o in old)])
        draw = self._from_beam() if self.options.engine == "beam" else self._from_parents(random)
        children: list[np.ndarray] = []
        gains = self.options.gains
        known: set[bytes] = set()
        for child in draw:
            if len(children) + max(gains, 1) > wanted:
                if self.options.engine == "beam":
                    self.queue.insert(0, child)
                break
            key = self._function(child)
            if key is not None and key not in known and child.complexity < self.tried.get(key, self.language.size):
                known.add(key)
                children += [c.vector() for c in (cgp.at_gains(child, gains) if gains else [child])]
        return np.stack(children + old)

    def _function(self, program: Program) -> bytes | None:
        """The key of functions that are evaluated once; multiples share it where the gain is fitted to each."""
        return cgp.fingerprint(program, gain=not self.options.gains)

    def _program(self, vector: np.ndarray) -> Program:
        return Program.of(self.language, vector)

    def _from_parents(self, random: np.random.Generator) -> Iterator[Program]:
        """Mutants of the parents in turn; a neutral one takes its parent's place.

        At first single inputs and single operations, in random order, then random programs: forms grow from simple ones.
        """
        lines = [self._program(parent) for parent in self.parents]
        keys = [self._function(line) for line in lines]
        if not self.evaluated:
            inputs = beam.seeds(self.language, lines[0].numbers)
            simple = [child for one in inputs for child in beam.extended(one)]
            yield from inputs
            yield from (simple[i] for i in random.permutation(len(simple)))
        for turn in range(TRIES * self.options.popsize):
            if not self.evaluated:
                yield cgp.drawn(self.language, random)
                continue
            i = turn % len(lines)
            child = cgp.mutated(lines[i], random, self.options.sigma)
            if self._function(child) == keys[i]:
                lines[i] = child
            yield child

    def _from_beam(self) -> Iterator[Program]:
        """The rest of the level; a new level when it is used up."""
        if not self.queue:
            parents = [self._program(parent) for parent in self.parents]
            if not self.evaluated:
                self.queue = beam.seeds(self.language, parents[0].numbers)
                parents += self.queue
            self.queue = self.queue + [child for parent in parents for child in beam.extended(parent)]
        while self.queue:
            yield self.queue.pop(0)

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Choose the parents of the next generation, or let CMA-ES learn."""
        good = np.isfinite(evaluation.fitness)
        fitness = np.where(good, evaluation.fitness, evaluation.fitness[good].min(initial=0.0) - 1.0)
        self.asked = None
        if self._refining():
            self._refined(candidates, replace(evaluation, fitness=fitness))
        else:
            self._select(candidates, fitness)
        self.generation += 1

    def _refined(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        assert self.refiner is not None
        self.refiner.tell(candidates, evaluation)
        if (self.generation + 1) % (self.options.refine_every + self.options.refine) == 0:
            best = self.parents[0].copy()
            best[1 + 3 * self.language.nodes + 1 :] = self.refiner.recommendation()
            self.visitors, self.refiner = [best], None

    def _select(self, candidates: np.ndarray, fitness: np.ndarray) -> None:
        """The best by fitness less parsimony, equal ones in the order of asking (children come first); the front of worth
        against complexity goes before the rest, so that simple programs stay to grow from."""
        worth, key_of = fitness, self._key
        if self.programs:
            sizes = np.array([self._program(x).complexity for x in candidates])
            worth = fitness - self.options.parsimony * sizes
            for x, size in zip(candidates, sizes.tolist()):
                if (key := key_of(x)) is not None:
                    self.tried[key] = min(size, self.tried.get(key, size))
        if self.programs and self.options.engine == "beam":
            rows = self._level(candidates, worth)
        else:
            rows = [candidates[i] for i in np.argsort(-worth, kind="stable")]
        chosen: dict[bytes, np.ndarray] = {}
        for x in rows:
            chosen.setdefault(key_of(x) or x.tobytes(), x.copy())
        rows = list(chosen.values())
        if self.programs:  # rows stand by worth: one belongs to the front when it is simpler than all before it
            ops = [self._program(x).complexity for x in rows]
            ahead = [k for k, size in enumerate(ops) if size < min(ops[:k], default=size + 1)]
            rows = [rows[k] for k in ahead] + [x for k, x in enumerate(rows) if k not in ahead]
        self.parents = rows[: self.options.parents]
        self.visitors, self.evaluated = [], True

    def _level(self, candidates: np.ndarray, worth: np.ndarray) -> list[np.ndarray]:
        """The beam: kept while its level lasts; scores of different generations are relative to its best member's."""
        same = (candidates == self.parents[0]).all(1)
        self.level += [(float(w), x.copy()) for w, x in zip(worth - worth[same].max(initial=worth.min()), candidates)]
        self.level.sort(key=lambda pair: -pair[0])
        if self.queue:
            return self.parents
        rows, self.level = [x for _, x in self.level], []
        return rows

    @property
    def _key(self) -> Callable[[np.ndarray], bytes | None]:
        return (lambda x: self._function(self._program(x))) if self.programs else (lambda x: x.tobytes())

    def recommendation(self) -> np.ndarray:
        """The best parent [D]."""
        return self.parents[0].copy()

    def metrics(self) -> dict[str, float]:
        """Complexity of the best program, and functions tried."""
        if not self.programs:
            return {}
        return {"complexity": float(self._program(self.parents[0]).complexity), "functions": float(len(self.tried))}
