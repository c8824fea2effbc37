"""Distances to known rules against angles worked out by hand, and the way of an ablation into store, terminal and report."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config.schema import validate
from metalearn.evidence.distances import angle_to_span, behaviour_angle, coefficient_angle, columns
from metalearn.report.insight_section import insight_section

CONFIG = validate(
    {
        "task": "digits",
        "rule": {"dw": "a*err*pre + b*pre*post", "pathway": "backprop", "coefficients": {"a": 0.05, "b": 0.0}},
        "network": {"hidden": [8]},
        "life": {"steps": 60},
        "search": {"name": "cma", "popsize": 4, "generations": 3},
        "lifetimes": 2,
        "selection": {"finalists": 2, "lifetimes": 4, "shapes": 1, "tolerance": 0.0},
        "compare": {"baselines": [], "random_search": False, "lifetimes": 4},
        "evaluator": "serial",
        "tracking": {"mode": "disabled"},
    }
)
CELL = validate(CONFIG.plain() | {"compare": {"main": [{"task": "digits", "hidden": [8], "steps": 60}]}}).compare.main[
    0
]


def rule(dw: str, pathway: str = "backprop", **coefficients: object) -> Rule:
    return Rule.from_dict({"dw": dw, "pathway": pathway, "coefficients": coefficients})


def test_the_angle_of_terms_by_hand() -> None:
    """(3, 4) in (pre post, post^2 w): 53.13 degrees to Hebb, and to Oja's (1, -1) acos(-1 / (5 sqrt 2))."""
    found, values = rule("a*pre*post + b*post**2*w"), {"a": 3.0, "b": 4.0}
    log = {"init": 0.01, "transform": "log"}
    assert coefficient_angle(found, values, rule("eta*pre*post", eta=log)) == pytest.approx(
        math.degrees(math.atan2(4, 3))
    )
    oja = rule("eta*(pre*post - post**2*w)", eta=log)
    assert coefficient_angle(found, values, oja) == pytest.approx(math.degrees(math.acos(-1 / (5 * math.sqrt(2)))))
    assert coefficient_angle(found, values, rule("eta*post*pre + k*w*post*post", eta=log, k=log)) == pytest.approx(
        0.0, abs=1e-3
    )
    assert coefficient_angle(found, values, rule("-eta*post*pre", eta=log)) > 90
    assert coefficient_angle(found, values, rule("eta*err*pre", eta=log)) is None


def test_only_a_rule_that_is_linear_in_its_coefficients_spans_a_family() -> None:
    assert columns(rule("eta*(pre*post - 2*w) - decay*w")) == {
        "eta": {"pre*post": 1.0, "w": -2.0},
        "decay": {"w": -1.0},
    }
    assert columns(rule("eta*k*pre*post")) is None and columns(rule("tanh(eta*pre)")) is None


def test_projection_against_least_squares() -> None:
    random = np.random.Generator(np.random.Philox(0))
    target, parts = random.standard_normal(50), random.standard_normal((50, 3))
    nearest = parts @ np.linalg.lstsq(parts, target, rcond=None)[0]
    cosine = nearest @ target / np.linalg.norm(nearest) / np.linalg.norm(target)
    found = angle_to_span(target, parts, np.array([False] * 3))
    assert found == pytest.approx(math.degrees(math.acos(cosine)))
    assert angle_to_span(-parts[:, 0], parts[:, :1], np.array([True])) == pytest.approx(180.0)
    assert angle_to_span(np.zeros(50), parts, np.array([False] * 3)) is None


def test_the_angle_of_changes() -> None:
    """A rule is at 0 degrees to itself whatever its rate, at 180 to its opposite, and backprop is not feedback alignment."""
    found, values, setting = rule("a*err*pre"), {"a": 0.05}, Experiment(CONFIG).setting(CELL, 1)
    log = {"init": 0.01, "transform": "log"}
    assert behaviour_angle(found, values, rule("eta*err*pre", eta=log), setting, 0) == pytest.approx(0.0, abs=0.1)
    assert behaviour_angle(found, values, rule("-eta*err*pre", eta=log), setting, 0) == pytest.approx(180.0, abs=0.1)
    other = behaviour_angle(found, values, rule("eta*err*pre", "random", eta=log), setting, 0)
    assert other is not None and 10 < other < 90
    mixed = rule("a*err*pre + b*pre*post")
    assert behaviour_angle(found, values, mixed, setting, 0) == pytest.approx(0.0, abs=0.1)
    with_trace = Rule.from_dict({"dw": "0.1*err*e", "traces": {"e": "pre + 0*e"}, "pathway": "backprop"})
    assert behaviour_angle(found, values, with_trace, setting, 0) == pytest.approx(0.0, abs=0.1)


def test_the_way_into_store_terminal_and_report(tmp_path: Path) -> None:
    from rich.console import Console

    from metalearn.runs.search import SearchRun

    SearchRun.create(CONFIG, tmp_path / "run", Console(quiet=True), ["x"]).run()
    before = CliRunner().invoke(main, ["show", str(tmp_path / "run")])
    assert before.exit_code == 0 and "smallest rule" not in before.output
    said = CliRunner().invoke(main, ["show", str(tmp_path / "run"), "--ablation", "--distances", "--generations", "2"])
    assert said.exit_code == 0 and "smallest rule" in said.output and "feedback_alignment" in said.output
    again = CliRunner().invoke(main, ["show", str(tmp_path / "run")])
    assert "smallest rule" in again.output and "angle of changes" in again.output
    page = (tmp_path / "run" / "report.html").read_text()
    assert "What each term is worth" in page and 'id="ablation-' in page and "Known rules near by" in page
    assert CliRunner().invoke(main, ["report", str(tmp_path / "run")]).exit_code == 0
    assert (tmp_path / "run" / "report.html").read_text() == page
    rows = json.loads(json.dumps(_stored(tmp_path / "run", "distances")))["rows"]
    assert rows[0]["rule"] == "backprop" and rows[0]["behaviour"] < 5


def _stored(folder: Path, key: str) -> object:
    from metalearn.store.run_store import RunStore

    with RunStore.open(folder, write=False) as store:
        return store.get(key)


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"format": 1, "dw": "a*pre*post", "coefficients": {"a": {"init": 0.1}}}))
    result = CliRunner().invoke(main, ["show", str(file), "--ablation"])
    assert result.exit_code == 2 and "expected a run" in result.stderr
    assert insight_section(None, None) == ""
