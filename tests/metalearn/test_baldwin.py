"""`metalearn baldwin` end to end: arms on the same lives, resumed bit for bit, measured, drawn; and its mistakes."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from inner.components import build
from metalearn.cli import main
from metalearn.config.files import known
from metalearn.config.inheritance import StudyConfig
from metalearn.config.load import load_any
from metalearn.makers import make_study as make
from metalearn.runs.baldwin import check, keeps_curves, keeps_individuals
from metalearn.store.run_store import RunStore
from outer.evidence.change_points import jumps
from outer.generation import Generation

ARMS = ("darwinian", "baldwinian", "lamarckian")
TINY: dict[str, Any] = {
    "task": {"name": "linear", "inputs": 6, "outputs": 3, "test": 40},
    "rule": {"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.1, "transform": "log"}}},
    "network": {"hidden": [5]},
    "life": {"steps": 12},
    "search": {"name": "microbial", "popsize": 6, "generations": 9},
    "lifetimes": 2,
    "shapes": 1,
    "genome": {"weights": "direct"},
    "inheritance": {"seeds": 2, "lifetimes": 6},
    "evaluator": "serial",
    "tracking": {"mode": "disabled"},
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.yaml").write_text("# A test.\n" + yaml.safe_dump(TINY), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def contents(run: Path) -> dict[str, tuple[list[Generation], dict[str, Any]]]:
    found = {}
    for arm in sorted(p.name for p in run.iterdir() if (p / "run.sqlite").exists()):
        with RunStore.open(run / arm, write=False) as store:
            keys = [k for k in store.keys() if k not in ("environment", "tracking")]
            found[arm] = store.generations(), {k: store.get(k) for k in keys}
    return found


def test_a_run_its_measures_and_its_pictures(place: Path) -> None:
    result = invoke("baldwin", "tiny.yaml", "--name", "x")
    assert result.exit_code == 0, result.output
    run, found = place / "runs" / "x", contents(place / "runs" / "x")
    assert sorted(found) == sorted(f"{arm}-s{seed}" for arm in ARMS for seed in (0, 1))
    for generations, documents in found.values():
        assert len(generations) == 9
        assert {int(k.split("/")[1]) for k in documents if k.startswith("curve/")} == {0, 1, 2, 5, 8}
        for g in generations:
            wanted = {"birth", "adult", "gain", "bits", "genome_bits", "diversity", "steps_to_threshold", "asked"}
            assert wanted <= set(g.metrics) and all(np.isfinite(v) for v in g.metrics.values())
            assert g.metrics["gain"] == g.metrics["adult"] - g.metrics["birth"]
        assert len(documents["outcome"]["evolved"]["curve"]) == 6
    first = {arm: found[f"{arm}-s0"][0][0].metrics for arm in ARMS}
    for name in ("asked", "birth", "adult", "bits"):
        assert len({m[name] for m in first.values()}) == 1, (
            "the first generation is the same population in the same lives"
        )
    assert found["darwinian-s0"][0][0].metrics["asked"] != found["darwinian-s1"][0][0].metrics["asked"]
    assert len({json.dumps(found[f"{arm}-s0"][1]["outcome"]["naive"]) for arm in ARMS}) == 1
    for name in ("life", "measures", "best", "curves"):
        assert (run / f"{name}.svg").read_text(encoding="utf-8").startswith("<svg")
    assert (run / "life.png").read_bytes()[:4] == b"\x89PNG"
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4 and "lamarckian" in page and "sup-F" in page
    assert all(arm in result.output for arm in (*ARMS, "unselected"))
    shown = invoke("show", "x")
    assert shown.exit_code == 0 and "lamarckian" in shown.output and "unselected" in shown.output
    before = page
    assert invoke("report", "x").exit_code == 0
    assert (run / "report.html").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("weights", ["direct", "grown"])
def test_interrupted_anywhere_and_resumed_is_the_whole_run(
    place: Path, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metalearn.report.baldwin_report.write", lambda folder: folder)  # pictures take their time
    options = [f"genome.weights={weights}", "inheritance.seeds=1", "search.generations=4", "inheritance.lifetimes=2"]
    assert invoke("baldwin", "tiny.yaml", *options, "--name", "whole").exit_code == 0
    stored = RunStore.append
    for stop in (2, 6, 11) if weights == "direct" else (11,):  # within each of the arms

        def append(self: RunStore, generation: Generation) -> None:
            stored(self, generation)
            count[0] += 1
            if count[0] == stop:
                raise KeyboardInterrupt

        count = [0]
        monkeypatch.setattr(RunStore, "append", append)
        assert invoke("baldwin", "tiny.yaml", *options, "--name", f"cut{stop}").exit_code != 0
        monkeypatch.setattr(RunStore, "append", stored)
        result = invoke("resume", f"cut{stop}")
        assert result.exit_code == 0, result.output
        whole, cut = contents(place / "runs" / "whole"), contents(place / "runs" / f"cut{stop}")
        assert whole.keys() == cut.keys()
        for arm in whole:
            assert all(a.same_bits(b) for a, b in zip(whole[arm][0], cut[arm][0], strict=True))
            timeless = [[{**g.metrics, "seconds": 0} for g in each[arm][0]] for each in (whole, cut)]
            assert timeless[0] == timeless[1] and whole[arm][1] == cut[arm][1]


def test_the_command_line_chooses_arms_and_seeds(place: Path) -> None:
    options = ["search.generations=2", "inheritance.lifetimes=2"]
    result = invoke("baldwin", "tiny.yaml", *options, "--inheritance", "lamarckian,darwinian", "--seeds", "1")
    assert result.exit_code == 0, result.output
    assert sorted(contents(place / "runs" / "tiny")) == ["darwinian-s0", "lamarckian-s0"]
    assert invoke("search", "tiny.yaml", *options, "inheritance.seeds=1").exit_code == 0  # the same experiment
    assert sorted(contents(place / "runs" / "tiny-2")) == sorted(f"{arm}-s0" for arm in ARMS)
    shutil.rmtree(place / "runs" / "tiny-2" / "baldwinian-s0")
    assert invoke("report", "tiny-2").exit_code == 0, "a report of what there is"
    assert "in progress" not in invoke("show", "tiny-2").output
    with RunStore.open(Path("runs/tiny-2"), write=True) as store:
        store.put("status", "")
    assert invoke("show", "tiny-2").output.startswith("run runs/tiny-2: in progress: metalearn resume runs/tiny-2\n")
    result = invoke("resume", "runs/tiny-2/darwinian-s0")
    assert result.exit_code == 2 and "metalearn resume runs/tiny-2" in result.stderr


@pytest.mark.parametrize(
    "overrides, expected",
    [
        (
            ["genome.weights=drect"],
            "config: genome.weights: input should be 'random', 'direct' or 'grown', got 'drect'",
        ),
        (["genome.weight=direct"], "config: unknown key 'genome.weight' (did you mean 'weights'?)"),
        (["inheritance.arms=[lamarkian]"], "config: inheritance.arms.0"),
        (["inheritance.arms=[darwinian,darwinian]"], "inheritance.arms: expected each kind once"),
        (["genome.weights=random"], "inheritance.arms: lamarckian needs genome.weights direct or grown, got random"),
        (["search=cma"], "search: 'cma' samples a distribution and has no individuals to write back into"),
        (["network.hidden=null", "network.width=[4,9]"], "config: network.width: inherited weights need one network"),
        (["life.steps=[4,9]"], "config: life.steps: expected one number, got [4, 9]"),
        (["genome=null"], "config: metalearn baldwin needs a 'genome' section"),
        (["genome={rule: fixed}", "inheritance.arms=[darwinian]"], "config: genome: every segment is fixed"),
        (["inheritance.cost=-1"], "config: inheritance.cost"),
        (["search.deme=0"], "search.deme: expected 1 to popsize - 1 = 5, got 0"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(place: Path, overrides: list[str], expected: str) -> None:
    result = invoke("baldwin", "tiny.yaml", *overrides)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"error: {expected}") and len(result.stderr.splitlines()) == 1, result.stderr
    assert not (place / "runs").exists()


def test_a_population_that_sqlite_cannot_hold(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metalearn.runs.baldwin.STORED", 1000)
    result = invoke("baldwin", "tiny.yaml")
    assert result.exit_code == 2 and result.stderr.startswith(
        "error: search.popsize: a lamarckian run stores 6 genomes"
    )
    assert not (place / "runs").exists()
    assert check(load_any("tiny.yaml", ["inheritance.arms=[darwinian,baldwinian]"])) is None


def test_an_arm_is_shown_as_a_part_of_its_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metalearn.report.baldwin_report.write", lambda folder: folder)
    options = ["search.generations=2", "inheritance.lifetimes=2", "--inheritance", "darwinian", "--seeds", "1"]
    assert invoke("baldwin", "tiny.yaml", *options, "--name", "x").exit_code == 0
    result = invoke("show", "runs/x/darwinian-s0")
    assert result.output == (
        "run runs/x/darwinian-s0: 2 generations of one arm, finished; the whole: metalearn show runs/x\n"
    )


@pytest.mark.parametrize("command", ["sweep", "estimate", "bench-searches"])
def test_commands_for_rules_alone_refuse_a_genome(place: Path, command: str) -> None:
    result = invoke(command, "tiny.yaml")
    assert result.exit_code == 2 and result.stderr.startswith(f"error: {command}: for searches over rules"), (
        result.output
    )
    assert not (place / "runs").exists()


class Recorder:
    """In place of the W&B mirror."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, float]] = {}
        self.run_id = None

    def row(self, index: int, metrics: dict[str, float]) -> None:
        self.rows[index] = metrics

    def finish(self, rule: None, top: list[Any], summary: dict[str, Any]) -> None:
        self.summary = summary

    def close(self, code: int) -> None:
        assert code == 0


def test_what_is_mirrored(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every measure of every generation, curves of selected ones, outcome and jumps at the end; one group per run."""
    made: dict[str, Recorder] = {}

    def mirror(store: RunStore, folder: Path, name: str, tracking: Any, group: str) -> Recorder:
        assert group == "x" and name == f"x-{folder.name}"
        made[folder.name] = Recorder()
        return made[folder.name]

    monkeypatch.setattr("metalearn.runs.baldwin.mirror", mirror)
    monkeypatch.setattr("metalearn.report.baldwin_report.write", lambda folder: folder)
    assert invoke("baldwin", "tiny.yaml", "search.generations=20", "--seeds", "1", "--name", "x").exit_code == 0
    for arm, (generations, documents) in contents(place / "runs" / "x").items():
        rows = made[arm].rows
        assert list(rows) == [g.index for g in generations]
        for g in generations:
            curve = documents.get(f"curve/{g.index:06d}")
            shown = {f"curve/step {k}": y for k, y in zip(curve["steps"], curve["population"])} if curve else {}
            assert rows[g.index] == g.metrics | shown
        found = [asdict(jump) for jump in jumps(np.array([g.metrics["best"] for g in generations]))]
        assert documents["jumps"] == found
        summary = made[arm].summary
        assert summary["jumps/generations"] == [j["generation"] for j in found]
        assert summary["final/evolved/birth"] == documents["outcome"]["means"]["evolved/birth"]


@pytest.mark.parametrize("name", [name for name in known() if not name.startswith("league")])  # test_league.py has those
def test_shipped_configs_can_be_run(name: str) -> None:
    found = load_any(name)
    if isinstance(found, StudyConfig):
        assert make(found).parts()
    elif found.genome is not None:
        check(found)


def test_which_searches_can_be_lamarckian() -> None:
    wanted = {"microbial": True, "ga": True, "hillclimb": True, "cma": False, "es": False, "random": False}
    assert {name: keeps_individuals(build("search", name)) for name in wanted} == wanted


def test_generations_whose_curves_are_kept() -> None:
    assert [g for g in range(301) if keeps_curves(g, 300)] == [0, 1, 2, 5, 10, 20, 50, 100, 200, 300]
