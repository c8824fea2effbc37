"""A program search end to end: the discovered formula is an ordinary rule, its front is told, and a stopped run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from metalearn.cli import main
from metalearn.config.schema import validate
from metalearn.evidence.documents import FrontRow
from metalearn.report.front_section import front_section
from metalearn.runs.search import SearchRun
from metalearn.store.run_store import RunStore

CONFIG = """
task: {name: linear, inputs: 6, outputs: 3, test: 40}
rule: {name: evolved, pathway: random, dw: "eta*pre*post", coefficients: {eta: 0.02}}
network: {depth: [0, 1], width: [4, 6]}
life: {steps: [20, 30]}
search: {name: SEARCH, popsize: 8, generations: 6}
lifetimes: 2
shapes: 2
selection: {finalists: 5, lifetimes: 3, shapes: 1}
compare:
  baselines: [backprop]
  lifetimes: 3
  main: [{task: {name: digits, test: 40}, hidden: [5], steps: 20}]
evaluator: serial
tracking: {mode: disabled}
"""
SEARCHES = {
    "program": {
        "name": "program",
        "inputs": ["pre", "post", "err", "target"],
        "nodes": 6,
        "refine_every": 2,
        "refine": 2,
    },
    "gradient": {"name": "gradient", "popsize": 2, "hypernetwork": 3},
}


def content(search: str) -> dict:
    plain = yaml.safe_load(CONFIG)
    plain["search"] |= SEARCHES[search]
    return plain


class Stopped(KeyboardInterrupt):
    """What a user's Ctrl-C does in the middle of a search."""


@pytest.mark.parametrize("search", SEARCHES)
def test_a_stopped_run_is_the_uninterrupted_run(search: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(content(search)), encoding="utf-8")
    runner = CliRunner()
    done = runner.invoke(
        main, ["search", str(file), "--runs", str(tmp_path), "--name", "whole"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    append, count = RunStore.append, 0

    def stop_after_three(self: RunStore, generation: object) -> None:
        nonlocal count
        append(self, generation)  # type: ignore[arg-type]
        count += 1
        if count == 3:
            raise Stopped

    from rich.console import Console

    experiment = SearchRun.create(validate(content(search)), tmp_path / "cut", Console(quiet=True), ["x"])
    monkeypatch.setattr(RunStore, "append", stop_after_three)
    with pytest.raises(Stopped):
        experiment.run()
    monkeypatch.setattr(RunStore, "append", append)
    assert runner.invoke(main, ["resume", str(tmp_path / "cut")], catch_exceptions=False).exit_code == 0
    found = []
    for name in ("whole", "cut"):
        with RunStore.open(tmp_path / name, write=False) as store:
            comparison = store.get("comparison")
            comparison.pop("seconds", None)
            found.append((store.generations(), store.get("selection"), comparison))
    assert all(a.same_bits(b) for a, b in zip(found[0][0], found[1][0], strict=True)) and len(found[0][0]) == 6
    assert (found[0][0][0].gradient is None) == (search == "program")
    assert found[0][1:] == found[1][1:]
    rule = json.loads((tmp_path / "whole" / "rule.json").read_text())
    other = json.loads((tmp_path / "cut" / "rule.json").read_text())
    assert {**rule, "run": ""} == {**other, "run": ""}
    page = (tmp_path / "whole" / "report.html").read_text()
    if search == "program":
        lines = found[0][1]["front"]
        assert lines and [r["complexity"] for r in lines] == sorted(r["complexity"] for r in lines)
        assert found[0][1]["rule"]["dw"] == rule["dw"] and rule["formula"] in done.output
        assert all(r["formula"] in " ".join(done.output.split()) for r in lines)
        assert "Score against complexity" in page
        assert runner.invoke(main, ["export", str(tmp_path / "whole"), "--to", "python"]).exit_code == 0
        assert runner.invoke(main, ["compare", str(tmp_path / "whole")]).exit_code == 0
    else:
        assert "Score against complexity" not in page


def test_front_of_hostile_text_is_escaped() -> None:
    page = front_section(
        [FrontRow(complexity=1, score=0.5, formula="<script>"), FrontRow(complexity=3, score=0.6, formula="pre")]
    )
    assert "<script>" not in page and "&lt;script&gt;" in page and page.count("<svg") == 1
    assert front_section([]) == ""


def test_a_program_search_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    """Mistakes show before anything is written, in one line."""
    file = tmp_path / "small.yaml"
    for override in ("search.inputs=[pre,posst]", "rule.dw=drive*pre", "search.operations=[ad]", "search.nodes=0"):
        file.write_text(yaml.safe_dump(content("program")), encoding="utf-8")
        done = CliRunner().invoke(main, ["search", str(file), override, "--runs", str(tmp_path / "runs")])
        assert done.exit_code == 2 and len(done.output.strip().splitlines()) == 1, done.output
        assert not (tmp_path / "runs").exists()
