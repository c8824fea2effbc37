"""Tunes the baselines of a comparison with the run's own search and budget, and remembers the answers by content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from inner.cache import cache_folder
from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.rule.file import values_of
from metalearn.store.environment import describe
from outer.evaluators.base import Evaluator
from outer.evidence.tuning import Tuned, tune
from outer.searches.base import Search

CACHE_VERSION = 1  # raised whenever the meaning of a cached answer changes


def address(experiment: Experiment, rule: Rule, search: Search) -> str:
    """A hash of everything that a tuned baseline depends on."""
    plain = experiment.config.plain()
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
        "device": experiment.device,
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
    experiment: Experiment, evaluator: Evaluator, progress: Callable[[str, int, int], None] | None = None
) -> dict[str, tuple[Rule, dict[str, Any], int]]:
    """Every baseline with its tuned values and the lifetimes spent; `progress(name, ended, all)` as each one ends."""
    wanted = experiment.arms()
    folder = cache_folder() / "baselines"
    paths = {name: folder / f"{address(experiment, r, search)}.json" for name, (r, search) in wanted.items()}
    found = {name: tuned for name, path in paths.items() if (tuned := _recall(path, wanted[name][0])) is not None}
    missing = [name for name in wanted if name not in found]
    missing.sort(key=lambda name: -len(wanted[name][0].coefficients))  # the longest job first
    chosen = experiment.config.selection
    judged = (chosen.finalists, chosen.lifetimes, chosen.shapes)
    jobs = [(experiment.objective_of(wanted[name][0]), wanted[name][1], *judged, experiment.racing) for name in missing]
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
