"""A rule with a formula per layer, a trace and homeostasis, through everything that the command line does with a rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from metalearn.cli import main
from metalearn.rule.file import rule_of
from metalearn.rule.training import load_rule

RULE = (
    "rule={dw: {hidden: 'a*post*(pre - recon)', output: 'b*err*e + c*post_sum*w'}, traces: {e: 'f*e + pre'}, "
    "homeostasis: {max_norm: 3}, coefficients: {a: {init: 0.003, transform: log}, b: 0.03, c: 0.0, f: {init: 0.1}}}"
)
SMALL = [
    RULE,
    "network={hidden: [6]}",
    "life={steps: 30}",
    "search={name: cma, popsize: 4, generations: 2}",
    "lifetimes=2",
    "shapes=1",
    "selection={finalists: 2, lifetimes: 2, shapes: 1}",
    "compare={baselines: [oja], lifetimes: 2}",
    "evaluator=serial",
    "tracking.mode=disabled",
]


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 0, f"{arguments}: {done.output}"
    return done.output


def test_from_search_to_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = invoke("search", "digits", *SMALL, "--name", "run")
    document = json.loads(Path("runs/run/rule.json").read_text())
    assert list(document["dw"]) == ["hidden", "output"] and document["homeostasis"] == {"max_norm": 3.0}
    assert "hidden: " in document["whole"] and "; output: " in document["whole"] and document["whole"] in said
    assert "then     w <- w*min(1, 3/norm)" in said
    assert rule_of(document) == load_rule("runs/run").rule
    shown = invoke("show", "run")
    assert "dw.hidden= a*post*(pre - recon)" in shown and "then    w <- w*min(1, 3/norm)" in shown
    report = Path(invoke("report", "run").split()[-1])
    assert "hidden: a*post*(pre - recon)" in report.read_text()
    for form in ("json", "latex", "python", "torch"):
        assert invoke("export", "run", "--to", form)
    comparison = json.loads(invoke("compare", "run", "hebb_then_delta", "three_factor", "--json"))
    assert list(comparison["cells"][0]["arms"]) == ["run", "hebb_then_delta", "three_factor"]
    assert "as it is" in invoke("compare", "run", "--controls", "--lifetimes", "2")
    assert "generations" in invoke("estimate", "digits", *SMALL)
    invoke("resume", "run")
