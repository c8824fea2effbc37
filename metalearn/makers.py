"""Makes a task, search, study or evaluator from its name and options in a config; `build.py` wires them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from inner.components import build, suggest
from inner.life.devices import resolve
from inner.tasks.base import Task
from metalearn.config.inheritance import StudyConfig
from metalearn.config.options import check_options
from metalearn.config.schema import Config
from outer.evaluators.base import Evaluator
from outer.mixture import Mixture
from outer.searches.base import Search
from outer.studies.base import Study


def make_task(spec: Mapping[str, Any]) -> Task:
    """A task by name and options; of a range the middle."""
    return Mixture(spec).first


def make_search(spec: Mapping[str, Any]) -> Search:
    """A search by name and options."""
    return cast(Search, build("search", dict(spec)))


def make_study(config: StudyConfig) -> Study:
    """The study of a config. Raises ValueError for an unknown name or option."""
    check_options("study", config.study)
    return cast(Study, build("study", dict(config.study)))


def make_evaluator(config: Config) -> Evaluator:
    """The evaluator of a config; `auto` takes processes where there are cores for them."""
    spec = dict(config.evaluator)
    if spec["name"] == "auto":
        from outer.evaluators.processes import cores

        check_options("evaluator", spec | {"name": "processes"})
        if unknown := sorted(set(spec) - {"name", "workers"}):
            raise ValueError(
                f"evaluator.{unknown[0]}: 'auto' has no such option{suggest(unknown[0], ['workers'])}; options: workers"
            )
        workers = spec.get("workers", 0)
        if workers < 0:
            raise ValueError(f"evaluator.workers: expected 0 (one per core) or more, got {workers}")
        workers = workers or (cores() if resolve(config.device) == "cpu" else 1)
        spec = {"name": "processes", "workers": workers} if workers > 1 else {"name": "serial"}
    check_options("evaluator", spec)
    return cast(Evaluator, build("evaluator", spec))
