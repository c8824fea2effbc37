"""Reads `fitness.reference`: a learner of the library or of a finished run, with the values that it lives with.

    backprop                                                the library's initial values
    runs/digits, rule.json                                  the rule of a run or file
    {rule: backprop, values: {eta: 0.1}, birth: orthogonal} a rule by name or mapping; also {learner: ...}
    {run: runs/digits, arm: backprop}                       a baseline that a run has tuned
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inner.components import Plain, suggest
from metalearn.config import library
from metalearn.rule.file import birth_of, checked_values, learner_of, read, values_of
from outer.reference import Reference

if TYPE_CHECKING:
    from inner.learners.base import Learner

KEYS = ("rule", "learner", "run", "arm", "values", "birth")


def reference_of(spec: str | Mapping[str, Any]) -> Reference:
    """The reference of a config. Raises ValueError in one line."""
    if isinstance(spec, str):
        path = _path(spec)
        return _of_file(path) if path is not None else reference_of({"learner": spec})
    for key in spec:
        if key not in KEYS:
            raise ValueError(
                f"fitness.reference: unknown key '{key}'{suggest(str(key), KEYS)}; known here: {', '.join(KEYS)}"
            )
    sources = [key for key in ("rule", "learner", "run") if key in spec]
    if len(sources) != 1:
        raise ValueError(f"fitness.reference: expected one of rule, learner and run, got {', '.join(sources) or 'none'}")
    birth, given = str(spec.get("birth", "")), spec.get("values") or {}
    if "run" in spec:
        path = _path(str(spec["run"]))
        if path is None:
            raise ValueError(f"fitness.reference.run: no run or file '{spec['run']}'")
        found = _of_arm(path, str(spec["arm"])) if "arm" in spec else _of_file(path)
        return Reference(found.learner, _values(found.learner, {**found.values, **given}), birth or found.birth)
    learner = _learner(spec)
    return Reference(learner, _values(learner, given), birth)


def plain_of(reference: Reference) -> Plain:
    """The same reference in plain JSON types, with nothing to look up."""
    rule = reference.learner.formula
    subject = {"learner": reference.learner.plain()} if rule is None else {"rule": rule.to_dict()}
    return {**subject, "values": dict(reference.values), "birth": reference.birth}


def _learner(spec: Mapping[str, Any]) -> Learner:
    """The learner under `rule` or `learner`: a name, or a mapping."""
    if "rule" in spec and not isinstance(spec["rule"], str):
        return library.learner({"name": library.LOCAL_RULE, "rule": spec["rule"]})
    return library.learner(spec["rule"] if "rule" in spec else spec["learner"])


def _values(learner: Learner, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The value of every coefficient: as given, else its initial value. Raises ValueError for an unknown name."""
    names = [coefficient.name for coefficient in learner.coefficients]
    for name in given:
        if name not in names:
            raise ValueError(
                f"fitness.reference.values: no coefficient '{name}'{suggest(str(name), names)}; "
                f"known: {', '.join(names) or 'none'}"
            )
    try:
        return checked_values(learner.coefficients, given)
    except ValueError as error:
        raise ValueError(f"fitness.reference.{error}") from None


def _path(name: str) -> Path | None:
    """A file or run folder by path, or by its name under ./runs; None where there is none."""
    return next((path for path in (Path(name), Path("runs") / name) if path.exists()), None)


def _of_file(path: Path) -> Reference:
    document = read(path)
    return Reference(learner_of(document), values_of(document), birth_of(document))


def _of_arm(folder: Path, name: str) -> Reference:
    """An arm of a run's comparison, with the birth that it was tuned for."""
    from metalearn.evidence.documents import Comparison
    from metalearn.store.run_store import RunStore

    with RunStore.open(folder, write=False) as store:
        comparison = Comparison.read(store.get("comparison") or {}, "comparison")
    if name not in comparison.arms:
        known = list(comparison.arms)
        raise ValueError(
            f"fitness.reference.arm: run '{folder.name}' has no arm '{name}'{suggest(name, known)}; "
            f"known: {', '.join(known) or 'none'}"
        )
    arm = comparison.arms[name]
    learner = learner_of({"learner": arm.learner} if arm.learner is not None else arm.rule)
    return Reference(learner, checked_values(learner.coefficients, arm.values), arm.birth)
