"""Honest comparison: every arm lives the same fresh lives of the final tier, and differences are paired, life by life."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from inner.rules.rule import Rule
from inner.rules.sharing import flat, spread
from metalearn.build import Experiment
from metalearn.config.schema import CellConfig
from outer.evaluators.base import Evaluator
from outer.evidence.fresh_lives import FreshLives, bootstrap_interval, live_fresh
from outer.settings import Setting

Arms = Mapping[str, tuple[Rule, Mapping[str, Any], int]]  # name -> rule, coefficient values, lifetimes spent on tuning
REFERENCE = "evolved"
POINTS = 12  # of a learning curve


def check_fit(experiment: Experiment, rule: Rule) -> None:
    """Raise ValueError where a rule with a value per layer, unit or synapse would meet networks of several shapes."""
    if not spread(rule.coefficients):
        return
    counts = experiment.objective_of(rule).genome.counts
    for group, cell in experiment.cells:
        setting = experiment.setting(cell, 1, read=False)
        if group == "main":  # a transfer cell of another shape is skipped
            values = {c.name: np.zeros(n) if c.share != "rule" else 0.0 for c, n in zip(rule.coefficients, counts)}
            flat(rule.coefficients, values, setting.shapes)


def compare(
    arms: Arms,
    experiment: Experiment,
    evaluator: Evaluator,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """The comparison document: per cell the scores of every arm, and the reference's paired lead over each."""
    started, config = time.perf_counter(), experiment.config
    settings: list[tuple[str, CellConfig, Setting]] = []
    skipped = []
    for group, cell in experiment.cells:
        try:
            setting = experiment.setting(cell, config.compare.lifetimes)
            for rule, values, _ in arms.values():
                if spread(rule.coefficients):  # refuses values that belong to another network
                    flat(rule.coefficients, values, setting.shapes)
            settings.append((group, cell, setting))
        except ValueError as error:
            if group == "main":
                raise
            skipped.append({"cell": ", ".join(cell.titles), "why": str(error)})
    jobs = [
        (rule, dict(values), setting, config.seed, POINTS, None, config.engine, experiment.device)
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
    task, network = cell.titles
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
