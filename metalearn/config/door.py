"""Checks of a config without torch: names of components and of the library, formulas, coefficients.

What is wrong here is refused in less than half a second. Options of components are checked where these are built.
"""

from __future__ import annotations

import gc
import importlib

from inner.components import check_name
from metalearn.config import library
from metalearn.config.schema import Config
from metalearn.config.sections import Plain


def check(config: Config) -> None:
    """Raise ValueError, in one line, for the first name or formula that is not valid."""
    compare = config.compare
    _check_tasks(config)
    for cell in (*compare.main, *compare.transfer):
        check_name("task", _name("task", cell.task))
    check_name("network", config.network.name)
    check_name("search", _name("search", config.search))
    if (evaluator := _name("evaluator", config.evaluator)) != "auto":
        check_name("evaluator", evaluator)
    check_name("fitness", config.fitness.name)
    _check_learner(config)
    for name in () if compare.baselines == "all" else compare.baselines:
        library.check_listed(name)


def _check_tasks(config: Config) -> None:
    if isinstance(config.task, dict):
        check_name("task", _name("task", config.task))
        return
    for k, task in enumerate(config.task):
        try:
            check_name("task", _name("task", task))
        except ValueError as error:
            raise ValueError(f"task[{k}].name: {str(error).removeprefix('task: ')}") from None


def _check_learner(config: Config) -> None:
    """Loading SymPy makes many small values that live on: without the collector it takes a fifth less time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        importlib.import_module("inner.rules.rule")
    finally:
        if collecting:
            gc.enable()
    spec = config.learner_spec
    check_name("learner", _name("learner", spec))
    if spec["name"] == library.LOCAL_RULE and isinstance(spec.get("rule"), str | dict):
        library.rule(spec["rule"])


def _name(kind: str, spec: Plain) -> str:
    name = spec.get("name")
    if not isinstance(name, str):
        raise ValueError(f"{kind}: expected a name or {{name: ..., option: ...}}, got no name")
    return name
