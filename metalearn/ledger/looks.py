"""Makes the entry of a comparison before it is lived: forms, final cells, and what was known of their families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from inner.components import Plain
from metalearn.build import Experiment
from metalearn.config.schema import CellConfig, Config
from metalearn.evidence.arms import Arm
from metalearn.ledger.documents import Before, Entry, Form, Look, LookedCell
from metalearn.ledger.forms import digest, form_of
from metalearn.makers import make_task

APART = ("seed", "tracking", "evaluator", "device", "engine")  # keys that do not change what is claimed of a config


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def config_digest(config: Config, without: Iterable[str] = ()) -> str:
    """A digest of a config, of all but some keys."""
    left_out = set(without)
    return digest({key: value for key, value in config.plain().items() if key not in left_out})


def searched_families(config: Config) -> frozenset[str]:
    """The families that search and select draw from."""
    tasks = Experiment(config).tasks
    drawn = [(k, options) for k in range(len(tasks.entries)) for options in (tasks.middle(k), *tasks.ends(k))]
    return frozenset(tasks.made(k, options).family for k, options in drawn)


def cells_of(experiment: Experiment) -> tuple[LookedCell, ...]:
    """The cells of a comparison."""
    searched = searched_families(experiment.config)
    return tuple(_cell(group, cell, searched) for group, cell in experiment.cells)


def _cell(group: str, cell: CellConfig, searched: frozenset[str]) -> LookedCell:
    (task, network), family = cell.titles, make_task(cell.task).family
    return LookedCell(
        family=family,
        task=task,
        network=network,
        hidden=cell.hidden,
        steps=cell.steps,
        batch=cell.batch,
        group=group,
        searched=family in searched,
    )


def before(entries: Iterable[Entry], families: Iterable[str], experiment: str = "") -> dict[str, Before]:
    """Per family the looks of other experiments and their forms, in the entries of a ledger."""
    looks = [e for e in entries if isinstance(e, Look) and not (experiment and e.experiment == experiment)]
    found = {}
    for family in dict.fromkeys(families):
        there = [look for look in looks if family in look.families]
        found[family] = Before(
            looks=len({look.experiment for look in there}),
            forms=len({form.hash for look in there for form in look.forms}),
            unclaimed=len({look.experiment for look in there if not look.claims}),
        )
    return found


def look_of(
    experiment: Experiment,
    arms: Mapping[str, Arm],
    held: Sequence[str],
    run: str,
    entries: Iterable[Entry],
    group: str = "",
    claims: Sequence[str] = (),
) -> Look:
    """The entry of a comparison that is about to be lived; `held`: the arms whose forms are looked at, the reference first."""
    cells, time, config = cells_of(experiment), now(), experiment.config
    forms: list[Form] = [form_of(arms[name].learner, arms[name].values) for name in held]
    content: Plain = {
        "run": run,
        "group": group,
        "time": time,
        "config": config_digest(config),
        "seed": config.seed,
        "lifetimes": config.compare.lifetimes,
        "forms": [form.plain() for form in dict.fromkeys(forms)],
        "against": [name for name in arms if name not in held],
        "claims": list(claims),
        "cells": [cell.plain() for cell in cells],
    }
    known = before(entries, (cell.family for cell in cells), group)
    return Look.read(content | {"id": digest(content), "before": {k: v.plain() for k, v in known.items()}}, "look")
