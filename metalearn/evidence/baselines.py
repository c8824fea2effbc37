"""Tunes the baselines of a comparison with the run's own search and budget, and remembers the answers by content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from inner.cache import cache_folder
from inner.components import build
from inner.life.devices import resolve
from inner.rules.rule import Rule
from metalearn.config import library
from metalearn.config.schema import Config
from metalearn.rule.file import values_of
from metalearn.store.environment import describe
from outer.evaluators.base import Evaluator
from outer.evidence.tuning import Tuned, tune
from outer.fitness.base import fitness_of
from outer.objective import Objective
from outer.racing import Racing
from outer.searches.base import Search
from outer.settings import Distribution

RANDOM = "random_search"
MUCH = 3e11  # samples seen by synapses in a search: about half a minute of one core
CACHE_VERSION = 1  # raised whenever the meaning of a cached answer changes


def objective(config: Config, rule: Rule) -> Objective:
    """The objective of a run for one rule."""
    network = config.network
    distribution = Distribution(
        task=config.task,
        depth=network.depth,
        width=network.width,
        steps=config.life.steps,
        batch=config.life.batch,
        scale=config.life.scale,
        network={
            "name": network.name,
            "activation": network.activation,
            "output": network.output,
            "bias": network.bias,
            "gain": network.gain,
        },
        hidden=network.hidden,
    )
    fitness = config.fitness
    return Objective(
        rule,
        distribution,
        config.seed,
        config.lifetimes,
        config.shapes,
        fitness_of(fitness.measure, threshold=fitness.threshold),
        fitness.complexity,
        config.engine,
        resolve(config.device),
        _much(config, distribution),
    )


def _much(config: Config, distribution: Distribution) -> bool:
    """Whether the search runs so long in networks of one shape that compiling for this shape pays."""
    shape = distribution.shape()
    if shape is None:
        return False
    search = cast(Search, build("search", config.search))
    lives = search.popsize * search.generations * config.lifetimes
    synapses = sum(below * above for below, above in zip(shape, shape[1:]))
    return lives * config.life.steps[1] * config.life.batch * synapses >= MUCH


def racing(config: Config) -> Racing | None:
    """How a generation is raced, or None."""
    return None if config.racing is None else Racing(config.racing.at, config.racing.keep)


def named(config: Config) -> list[str]:
    """The names of the library that the config holds its rule against."""
    return list(library.entries()) if config.compare.baselines == "all" else list(config.compare.baselines)


def arms(config: Config, rule: Rule) -> dict[str, tuple[Rule, Search]]:
    """The baselines: rules of the library under the run's search, and random search over the run's own rule."""
    spec = dict(config.search)
    programs = spec["name"] == "program"
    if programs:  # their form is fixed: numbers get CMA-ES with the same budget
        own = cast(Search, build("search", spec))
        spec = {"name": "cma", "popsize": own.popsize, "generations": own.generations}
    search = cast(Search, build("search", spec))
    found = {name: (library.rule(name), search) for name in named(config)}
    if (
        config.compare.random_search
        and config.search["name"] != "random"
        and not programs
        and any(not c.fixed for c in rule.coefficients)
    ):
        spec = {"name": "random", "popsize": search.popsize, "generations": search.generations}
        found[RANDOM] = (rule, cast(Search, build("search", spec)))
    return found


def address(config: Config, rule: Rule, search: Search) -> str:
    """A hash of everything that a tuned baseline depends on."""
    plain = config.plain()
    environment = describe()
    exact = ("python", "torch", "numpy", "cma", "cpu", "machine", "platform", "threads", "compiler")
    content = {
        "cache": CACHE_VERSION,
        "rule": rule.to_dict(),
        "search": {"name": type(search).__module__, **dataclasses.asdict(cast(Any, search))},
        "config": {
            k: plain[k]
            for k in ("task", "network", "life", "lifetimes", "shapes", "seed", "fitness", "racing", "selection")
        },
        "environment": {key: environment[key] for key in exact},
        "engine": plain["engine"],
        "device": resolve(config.device),
        "source": _source_hash(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _source_hash() -> str:
    """A hash of the code that a life and a search run: a changed source never answers from an old cache."""
    import inner
    import outer

    digest = hashlib.sha256()
    for package in (inner, outer):
        root = Path(cast(str, package.__file__)).parent
        for path in sorted(p for kind in ("*.py", "*.c", "*.h") for p in root.rglob(kind)):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _recall(path: Path, rule: Rule) -> Tuned | None:
    """A remembered answer; a damaged or foreign file is no answer."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        values = values_of({**rule.to_dict(), "values": {c.name: content["values"][c.name] for c in rule.coefficients}})
        return Tuned(
            values, int(content["lifetimes"]), float(content["select_score"]), tuple(map(float, content["fitness"]))
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(path: Path, tuned: Tuned) -> None:
    from metalearn.store.run_store import write_text_atomically

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, json.dumps(dataclasses.asdict(tuned)))
    except (OSError, ValueError):
        pass  # a cache that cannot be written costs time, nothing else


def tune_all(
    config: Config, rule: Rule, evaluator: Evaluator, progress: Callable[[str, int, int], None] | None = None
) -> dict[str, tuple[Rule, dict[str, Any], int]]:
    """Every baseline with its tuned values and the lifetimes spent; `progress(name, ended, all)` as each one ends."""
    wanted = arms(config, rule)
    folder = cache_folder() / "baselines"
    paths = {name: folder / f"{address(config, r, search)}.json" for name, (r, search) in wanted.items()}
    found = {name: tuned for name, path in paths.items() if (tuned := _recall(path, wanted[name][0])) is not None}
    missing = [name for name in wanted if name not in found]
    missing.sort(key=lambda name: -len(wanted[name][0].coefficients))  # the longest job first
    chosen = config.selection
    judged = (chosen.finalists, chosen.lifetimes, chosen.shapes)
    jobs = [(objective(config, wanted[name][0]), wanted[name][1], *judged, racing(config)) for name in missing]
    ended = len(found)

    def done(j: int, tuned: Tuned) -> None:
        nonlocal ended
        ended += 1
        found[missing[j]] = tuned
        _remember(paths[missing[j]], tuned)
        if progress is not None:
            progress(missing[j], ended, len(wanted))

    evaluator.map(tune, jobs, done)
    return {name: (wanted[name][0], found[name].values, found[name].lifetimes) for name in wanted}
