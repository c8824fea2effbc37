"""Compares learners from anywhere: run folders, rule.json files, and rules and learners of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inner.components import Plain, suggest
from metalearn.build import Experiment
from metalearn.config import library
from metalearn.config.library import trusting_user
from metalearn.config.load import load
from metalearn.config.schema import Config, validate
from metalearn.evidence.arms import Arm
from metalearn.evidence.comparison import compare
from metalearn.evidence.documents import Comparison
from metalearn.evidence.findings import Controls
from metalearn.ledger.entry import enter_comparison
from metalearn.makers import make_evaluator
from metalearn.progress import Progress
from metalearn.rule.file import birth_of, learner_of, read, values_of
from metalearn.size.others import sized_comparison
from metalearn.store.run_store import DATABASE, RunStore


@dataclass(frozen=True)
class Found:
    """A learner by the name that it was asked for, and the config of its run, where it has one."""

    name: str
    arm: Arm
    config: Config | None = None


def find(spec: str) -> Found:
    """The learner of a run folder, a rule.json or a library name; of the library with its initial values."""
    path = Path(spec) if Path(spec).exists() else Path("runs") / spec
    if not path.exists():
        known = [*library.named(), *library.learners()]
        if spec in known:
            learner = library.learner(spec)
            return Found(spec, Arm(learner, {c.name: c.init for c in learner.coefficients}))
        runs = [p.name for p in Path("runs").glob("*") if (p / "run.sqlite").exists()]
        near = suggest(spec, [*runs, *known])
        raise ValueError(f"compare: no run, file, library rule or learner named '{spec}'{near}")
    document = read(path)
    learner, values, birth = learner_of(document), values_of(document), birth_of(document)
    if not path.is_dir():
        return Found(str(document.get("run") or path.stem), Arm(learner, values, birth=birth))
    with RunStore.open(path, write=False) as store:
        spent = int(sum(g.scores.size for g in store.generations()))
        return Found(name_of(path), Arm(learner, values, spent, birth), validate(store.config))


def name_of(folder: Path) -> str:
    """The name of a run; of one inside the folder of another, with that one's."""
    parent = folder.resolve().parent
    return f"{parent.name}/{folder.name}" if (parent / DATABASE).exists() else folder.name


def expanded(spec: str) -> list[str]:
    """The runs of the variants of a folder that holds several; anything else alone."""
    path = Path(spec) if Path(spec).exists() else Path("runs") / spec
    if not (path / DATABASE).exists():
        return [spec]
    with RunStore.open(path, write=False) as store:
        several = store.typed("kind", str, "search") == "variants"
        return [str(path / name) for name in validate(store.config).variants] if several else [spec]


def compare_anything(
    rules: Sequence[str], config_name: str | None, lifetimes: int | None, seed: int | None, console: Any
) -> Comparison:
    """The comparison of the given rules; a single run brings the tuned baselines of its own comparison along."""
    if not rules:
        raise ValueError("compare: expected at least one run, rule.json or library rule")
    alone = len(rules) == 1
    rules = [each for spec in rules for each in expanded(spec)]
    found = [find(spec) for spec in rules]
    config = _config_of(found, config_name, lifetimes, seed)
    arms: dict[str, Arm] = {}
    for each in found:
        unique, number = each.name, 1
        while unique in arms:
            number += 1
            unique = f"{each.name}-{number}"
        arms[unique] = each.arm
    held = list(arms)
    if alone:
        arms |= _baselines_of(rules[0])
    with trusting_user(config.plain()), make_evaluator(config) as evaluator, Progress(console, "comparing", 1) as bar:
        experiment = Experiment(config)
        sized_comparison(experiment, [arm.learner for arm in arms.values()]).refuse().ask(console)
        enter_comparison(_beside(rules), experiment, arms, held, " ".join(rules), console)
        return compare(arms, experiment, evaluator, bar.at)


def _beside(rules: Sequence[str]) -> Path:
    """A folder whose ledger a comparison goes into: the first run that takes part, else a run of the working folder."""
    runs = [path for spec in rules for path in (Path(spec), Path("runs") / spec) if (path / DATABASE).exists()]
    return runs[0] if runs else Path("runs") / "comparison"


def _config_of(found: Sequence[Found], config_name: str | None, lifetimes: int | None, seed: int | None) -> Config:
    """The config asked for, else that of the first run, else the default; with other lifetimes or another seed."""
    config = (
        load(config_name) if config_name else next((each.config for each in found if each.config is not None), None)
    )
    config = config or load("digits")
    changes: Plain = {}
    if lifetimes is not None:
        if lifetimes < 2:
            raise ValueError(f"--lifetimes: expected at least 2, got {lifetimes}")
        changes["compare"] = config.compare.model_copy(update={"lifetimes": lifetimes})
    if seed is not None:
        if seed < 0:
            raise ValueError(f"--seed: expected 0 or more, got {seed}")
        changes["seed"] = seed
    return config.model_copy(update=changes)


def controls_of_anything(
    rules: Sequence[str], config_name: str | None, lifetimes: int | None, seed: int | None, console: Any
) -> Controls:
    """The controls of one rule (`metalearn/evidence/controls.py`): is it a rule or a stored solution?"""
    from metalearn.evidence.controls import run_controls

    if len(rules) != 1:
        raise ValueError(f"compare --controls: expected one run, rule.json or library rule, got {len(rules)}")
    found = find(rules[0])
    config = _config_of([found], config_name, lifetimes, seed)
    with trusting_user(config.plain()), make_evaluator(config) as evaluator, Progress(console, "controls", 1) as bar:
        experiment = Experiment(config).with_birth(found.arm.birth)
        return run_controls(
            found.arm.learner, found.arm.values, experiment, config.compare.lifetimes, evaluator, bar.at
        )


def _baselines_of(spec: str) -> dict[str, Arm]:
    """The baselines that a run has tuned already, as they stand in its comparison."""
    path = Path(spec) if Path(spec).exists() else Path("runs") / spec
    if not path.is_dir():
        return {}
    with RunStore.open(path, write=False) as store:
        comparison = Comparison.found(store.get("comparison"), "comparison")
    if comparison is None:
        return {}
    return {name: Arm.of(arm) for name, arm in comparison.arms.items() if name != comparison.reference}
