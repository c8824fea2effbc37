"""Tunes the baselines of a comparison with the run's own search and budget, and remembers the answers by content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from inner.cache import cache_folder, private, private_folder
from inner.learners.base import Learner
from metalearn.build import Baseline, Experiment
from metalearn.evidence.arms import Arm
from metalearn.rule.file import checked_values
from metalearn.rule.reference import plain_of
from metalearn.store.environment import describe
from outer.evaluators.base import Evaluator
from outer.evidence.tuning import Tuned, tune

log = logging.getLogger("metalearn.baselines")
CACHE_VERSION = 2  # raised whenever the meaning of a cached answer changes


def address(experiment: Experiment, baseline: Baseline, **more: Any) -> str:
    """A hash of everything that a tuned baseline depends on, `more` included."""
    plain, search = experiment.config.plain(), baseline.search
    environment = describe()
    exact = ("python", "torch", "numpy", "cma", "cpu", "machine", "platform", "threads", "compiler")
    content = {
        "cache": CACHE_VERSION,
        "learner": baseline.learner.plain(),
        "birth": baseline.birth,
        "search": {"name": type(search).__module__, **dataclasses.asdict(cast(Any, search))},
        "config": {
            k: plain[k]
            for k in ("plateau", "task", "network", "life", "lifetimes", "shapes", "seed", "fitness", "racing", "selection")
        },
        "reference": None if experiment.reference is None else plain_of(experiment.reference),
        "environment": {key: environment[key] for key in exact},
        "engine": plain["engine"],
        "device": experiment.device,
        "source": _source_hash(),
        **more,
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


def _recall(path: Path | None, learner: Learner) -> Tuned | None:
    """A remembered answer; a damaged file is no answer, nor is one that another user could have written."""
    try:
        if path is None or not private(path):
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        given = {c.name: content["values"][c.name] for c in learner.coefficients}
        values = checked_values(learner.coefficients, given)
        return Tuned(
            values, int(content["lifetimes"]), float(content["select_score"]), tuple(map(float, content["fitness"]))
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(path: Path | None, tuned: Tuned) -> None:
    if path is None:
        return
    from metalearn.store.run_store import write_text_atomically

    try:
        write_text_atomically(path, json.dumps(dataclasses.asdict(tuned)), 0o600)
    except (OSError, ValueError):
        pass  # a cache that cannot be written costs time, nothing else


@dataclass(frozen=True)
class Job:
    """A learner to tune: the arguments of a tuning function, and the file that its answer is remembered in."""

    name: str
    learner: Learner
    arguments: tuple[Any, ...]
    path: Path | None


def remembered(
    function: Callable[..., Tuned],
    jobs: Sequence[Job],
    evaluator: Evaluator,
    progress: Callable[[str, int, int], None] | None = None,
    keep: Callable[[int, Tuned], None] | None = None,
) -> list[Tuned]:
    """function(*arguments) of every job, or its answer of before; progress(name, ended, all) as each one ends.

    keep(k, answer of job k): called for every job, for those that are remembered first.
    """
    if any(job.path is None for job in jobs):
        log.warning("baselines: the cache %s is not this user's alone; all are tuned anew", cache_folder() / "baselines")
    found = {k: tuned for k, job in enumerate(jobs) if (tuned := _recall(job.path, job.learner)) is not None}
    missing = [k for k in range(len(jobs)) if k not in found]
    missing.sort(key=lambda k: -len(jobs[k].learner.coefficients))  # the longest job first
    ended = len(found)
    if keep is not None:
        for k, tuned in found.items():
            keep(k, tuned)

    def done(j: int, tuned: Tuned) -> None:
        nonlocal ended
        ended += 1
        job = jobs[missing[j]]
        found[missing[j]] = tuned
        _remember(job.path, tuned)
        if keep is not None:
            keep(missing[j], tuned)
        if progress is not None:
            progress(job.name, ended, len(jobs))

    evaluator.map(function, [jobs[k].arguments for k in missing], done)
    return [found[k] for k in range(len(jobs))]


def path_of(experiment: Experiment, baseline: Baseline, **more: Any) -> Path | None:
    """The file that a tuned baseline is remembered in, None without a cache; more: what else its answer depends on."""
    folder = private_folder("baselines")
    return folder and folder / f"{address(experiment, baseline, **more)}.json"


def tune_all(
    experiment: Experiment, evaluator: Evaluator, progress: Callable[[str, int, int], None] | None = None
) -> dict[str, Arm]:
    """Every baseline with its tuned values, from the birth of networks that is better on the select tier.

    `progress(name, ended, all)` is called as each one ends; the lifetimes of an arm are those of all its births.
    """
    experiment = experiment.tuning
    wanted, chosen = experiment.to_tune(), experiment.config.selection
    judged = (chosen.finalists, chosen.lifetimes, chosen.shapes)
    jobs = []
    for each in wanted:
        objective = experiment.objective_of(each.learner, each.birth)
        arguments = (objective, each.search, *judged, experiment.racing, experiment.plateau)
        jobs.append(Job(each.name, each.learner, arguments, path_of(experiment, each)))
    found = remembered(tune, jobs, evaluator, progress)
    arms: dict[str, Arm] = {}
    for name in dict.fromkeys(baseline.name for baseline in wanted):
        own = [k for k, baseline in enumerate(wanted) if baseline.name == name]
        best = max(own, key=lambda k: (found[k].select_score, -k))
        spent = sum(found[k].lifetimes for k in own)
        offered = sum(experiment.offered(wanted[k].search) for k in own if found[k].fitness)
        score = found[best].select_score  # nan where there was nothing to tune
        select = score if math.isfinite(score) else None
        arms[name] = Arm(wanted[best].learner, found[best].values, spent, wanted[best].birth, select, offered)
    return arms
