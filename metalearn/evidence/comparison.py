"""Honest comparison: every arm lives the same fresh lives of the final tier, and differences are paired, life by life."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from inner.components import build
from inner.life.devices import resolve
from inner.rules.rule import Rule
from inner.rules.sharing import flat, spread
from inner.tasks.base import Task
from metalearn.config.schema import CellConfig, Config
from metalearn.evidence.baselines import objective
from outer.evaluators.base import Evaluator
from outer.evidence.fresh_lives import FreshLives, bootstrap_interval, live_fresh
from outer.settings import Setting, network_of

Arms = Mapping[str, tuple[Rule, Mapping[str, Any], int]]  # name -> rule, coefficient values, lifetimes spent on tuning
REFERENCE = "evolved"
POINTS = 12  # of a learning curve


def describe(cell: CellConfig) -> tuple[str, str]:
    """The task with its options, and the network, as words."""
    options = {k: v for k, v in cell.task.items() if k != "name"}
    task = cell.task["name"] + ("" if not options else f" ({', '.join(f'{k} {v}' for k, v in options.items())})")
    widths = list(cell.hidden)
    if widths and len(set(widths)) == 1:
        return task, f"{len(widths)} x {widths[0]}"
    return task, "-".join(str(width) for width in widths) or "no hidden layer"


def setting_of(cell: CellConfig, config: Config, lifetimes: int, seed: int, read: bool = True) -> Setting:
    """The setting of a cell with fresh lives; raises ValueError when its data (if `read`) are not to be had."""
    task = cast(Task, build("task", cell.task))
    options = config.network.model_dump(include={"name", "activation", "output", "bias", "gain"})
    network = network_of(options, cell.hidden)
    what = "/".join(describe(cell)) + f"/{cell.steps}x{cell.batch}"
    setting = Setting(
        task, network, cell.steps, cell.batch, tuple(("compare", what, n) for n in range(lifetimes)), "final"
    )
    if read:
        task.life_data("final", 1, 1, seed, setting.labels[:1])
    return setting


def cells_of(config: Config) -> list[tuple[str, CellConfig]]:
    """The cells of a comparison with their group; without any, the middle of what was searched."""
    found = [("main", cell) for cell in config.compare.main] + [("transfer", cell) for cell in config.compare.transfer]
    if found:
        return found
    depth, width, steps = (
        (low + high) // 2 for low, high in (config.network.depth, config.network.width, config.life.steps)
    )
    hidden = config.network.hidden if config.network.hidden is not None else (width,) * depth
    return [("main", CellConfig(task=config.task, hidden=hidden, steps=steps, batch=config.life.batch))]


def check_fit(config: Config, rule: Rule) -> None:
    """Raise ValueError where a rule with a value per layer, unit or synapse would meet networks of several shapes."""
    if not spread(rule.coefficients):
        return
    counts = objective(config, rule).genome.counts
    for group, cell in cells_of(config):
        setting = setting_of(cell, config, 1, config.seed, read=False)
        if group == "main":  # a transfer cell of another shape is skipped
            values = {c.name: np.zeros(n) if c.share != "rule" else 0.0 for c, n in zip(rule.coefficients, counts)}
            flat(rule.coefficients, values, setting.shapes)


def compare(
    arms: Arms,
    config: Config,
    evaluator: Evaluator,
    progress: Callable[[int, int], None] | None = None,
    cells: list[tuple[str, CellConfig]] | None = None,
) -> dict[str, Any]:
    """The comparison document: per cell the scores of every arm, and the reference's paired lead over each."""
    started = time.perf_counter()
    settings: list[tuple[str, CellConfig, Setting]] = []
    skipped = []
    for group, cell in cells_of(config) if cells is None else cells:
        try:
            setting = setting_of(cell, config, config.compare.lifetimes, config.seed)
            for rule, values, _ in arms.values():
                if spread(rule.coefficients):  # refuses values that belong to another network
                    flat(rule.coefficients, values, setting.shapes)
            settings.append((group, cell, setting))
        except ValueError as error:
            if group == "main":
                raise
            skipped.append({"cell": ", ".join(describe(cell)), "why": str(error)})
    jobs = [
        (rule, dict(values), setting, config.seed, POINTS, None, config.engine, resolve(config.device))
        for _, _, setting in settings
        for rule, values, _ in arms.values()
    ]
    ended = 0

    def done(j: int, result: Any) -> None:
        nonlocal ended
        ended += 1
        if progress is not None:
            progress(ended, len(jobs))

    trials: list[FreshLives] = evaluator.map(live_fresh, jobs, done)
    documents = []
    for c, (group, cell, setting) in enumerate(settings):
        own = dict(zip(arms, trials[c * len(arms) : (c + 1) * len(arms)]))
        documents.append(_cell(group, cell, setting, own, config.seed))
    return {
        "arms": {
            name: {
                "formula": rule.with_values(dict(values)),
                "rule": rule.to_dict(),
                "latex": rule.latex(),
                "pathway": rule.pathway,
                "values": dict(values),
                "lifetimes": lifetimes,
            }
            for name, (rule, values, lifetimes) in arms.items()
        },
        "reference": next(iter(arms)),
        "cells": documents,
        "skipped": skipped,
        "seconds": time.perf_counter() - started,
    }


def _cell(group: str, cell: CellConfig, setting: Setting, trials: dict[str, FreshLives], seed: int) -> dict[str, Any]:
    task, network = describe(cell)
    name = f"{task}, {network}, {cell.steps} steps" + (f" of {cell.batch}" if cell.batch > 1 else "")
    reference = next(iter(trials))
    document: dict[str, Any] = {
        "name": name,
        "tier": setting.tier,
        "group": group,
        "task": task,
        "network": network,
        "steps": cell.steps,
        "lifetimes": len(setting.labels),
        "chance": setting.task.chance,
        "metric": {"classification": "accuracy", "regression": "-MSE", "unsupervised": "alignment"}[setting.task.kind],
        "arms": {},
        "differences": {},
    }
    for arm, result in trials.items():
        mean, low, high = bootstrap_interval(result.scores, seed, name, "score")
        points = [bootstrap_interval(result.curve[:, c], seed, name, "curve") for c in range(len(result.steps))]
        document["arms"][arm] = {
            "scores": result.scores.tolist(),
            "mean": mean,
            "low": low,
            "high": high,
            "failures": int((~result.alive).sum()),
            "curve": {
                "steps": list(result.steps),
                "mean": [p[0] for p in points],
                "low": [p[1] for p in points],
                "high": [p[2] for p in points],
            },
        }
        if arm != reference:
            mean, low, high = bootstrap_interval(
                np.asarray(trials[reference].scores - result.scores), seed, name, "difference"
            )
            verdict = "better" if low > 0 else "worse" if high < 0 else "not distinguishable"
            document["differences"][arm] = {"mean": mean, "low": low, "high": high, "verdict": verdict}
    return document
