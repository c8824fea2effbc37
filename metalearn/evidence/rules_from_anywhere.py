"""Holds rules from anywhere against each other: run folders, rule.json files, and rules of the library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inner.rules.rule import Rule
from metalearn.build import Experiment, make_evaluator
from metalearn.config import library
from metalearn.config.library import trusting_user
from metalearn.config.load import load
from metalearn.config.schema import Config, validate
from metalearn.evidence.comparison import compare
from metalearn.evidence.documents import Comparison, Controls
from metalearn.progress import Progress
from metalearn.rule.file import read, rule_of, values_of
from metalearn.store.run_store import RunStore

Contestant = tuple[str, Rule, dict[str, Any], int, Config | None]


def contestant(spec: str) -> Contestant:
    """(name, rule, values, lifetimes spent, config of its run) of a run folder, a rule.json or a library name."""
    path = Path(spec) if Path(spec).exists() else Path("runs") / spec
    if not path.exists():
        if spec in library.named():
            rule = library.rule(spec)
            return spec, rule, rule.defaults, 0, None
        from inner.components import suggest

        runs = [p.name for p in Path("runs").glob("*") if (p / "run.sqlite").exists()]
        known = [*runs, *library.named()]
        raise ValueError(f"compare: no run, file or library rule named '{spec}'{suggest(spec, known)}")
    document = read(path)
    config, spent = None, 0
    if path.is_dir():
        with RunStore.open(path, write=False) as store:
            config = validate(store.config)
            spent = int(sum(g.scores.size for g in store.generations()))
    name = path.name if path.is_dir() else str(document.get("run") or path.stem)
    return name, rule_of(document), values_of(document), spent, config


def compare_anything(
    rules: Sequence[str], config_name: str | None, lifetimes: int | None, seed: int | None, console: Any
) -> Comparison:
    """The comparison of the given rules; a single run brings the tuned baselines of its own comparison along."""
    if not rules:
        raise ValueError("compare: expected at least one run, rule.json or library rule")
    found = [contestant(spec) for spec in rules]
    config = _config_of(found, config_name, lifetimes, seed)
    arms: dict[str, tuple[Rule, dict[str, Any], int]] = {}
    for name, rule, values, spent, _ in found:
        unique, number = name, 1
        while unique in arms:
            number += 1
            unique = f"{name}-{number}"
        arms[unique] = (rule, values, spent)
    if len(found) == 1:
        arms |= _baselines_of(rules[0])
    with trusting_user(config.plain()), make_evaluator(config) as evaluator, Progress(console, "comparing", 1) as bar:
        return compare(arms, Experiment(config), evaluator, bar.at)


def _config_of(found: Sequence[Contestant], config_name: str | None, lifetimes: int | None, seed: int | None) -> Config:
    """The config asked for, else that of the first run, else the default; with other lifetimes or another seed."""
    config = load(config_name) if config_name else next((c for *_, c in found if c is not None), None)
    config = config or load("digits")
    changes: dict[str, Any] = {}
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
    found = contestant(rules[0])
    config = _config_of([found], config_name, lifetimes, seed)
    with trusting_user(config.plain()), make_evaluator(config) as evaluator, Progress(console, "controls", 1) as bar:
        return run_controls(found[1], found[2], Experiment(config), config.compare.lifetimes, evaluator, bar.at)


def _baselines_of(spec: str) -> dict[str, tuple[Rule, dict[str, Any], int]]:
    """The baselines that a run has tuned already, as they stand in its comparison."""
    path = Path(spec) if Path(spec).exists() else Path("runs") / spec
    if not path.is_dir():
        return {}
    with RunStore.open(path, write=False) as store:
        stored = store.get("comparison")
    if stored is None:
        return {}
    arms = {}
    comparison = Comparison.read(stored, "comparison")
    for name, arm in comparison.arms.items():
        if name != comparison.reference:
            arms[name] = (rule_of(arm.rule), dict(arm.values), arm.lifetimes or 0)
    return arms
