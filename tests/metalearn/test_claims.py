"""Claims are in the ledger before a search begins; a sweep keeps its seeds, resumes, and says one verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tiny import TINY

from metalearn.cli import main
from metalearn.config.load import load
from metalearn.ledger import file
from metalearn.ledger.documents import Look, Registered
from metalearn.ledger.entry import claims_in, looks_in
from metalearn.runs import search as search_module
from metalearn.runs.seeds import SeedsRun, unfinished
from metalearn.store.run_store import RunStore
from metalearn.verdict.documents import VerdictDocument

CELLS = [
    {"task": {"name": "wine", "test": 20}, "hidden": [4, 4, 4, 4], "steps": 5},
    {"task": {"name": "breast_cancer", "test": 20}, "hidden": [4], "steps": 5},
]
CLAIMS = [
    {"name": "level", "statement": "not_below", "share": 0.5},
    {"name": "deep", "statement": "better", "cells": "depth >= 4", "against": ["backprop"]},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    content = yaml.safe_load(TINY) | {"claims": CLAIMS}
    content["compare"]["transfer"] = CELLS
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def said(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(path: Path) -> VerdictDocument:
    return VerdictDocument.read(json.loads((path / "verdict.json").read_text()), "verdict")


def test_claims_are_registered_before_the_search(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise ValueError("stopped")

    monkeypatch.setattr(search_module, "evolve", stopped)
    assert invoke("search", "tiny.yaml").exit_code == 2
    entries = file.read(folder / "runs" / "ledger.jsonl")
    assert [(entry.kind, entry.name) for entry in entries if isinstance(entry, Registered)] == [("claim", "level"), ("claim", "deep")]
    assert len(entries) == 2
    first = entries[0]
    assert isinstance(first, Registered) and list(first.left_out.values()) == ["family 'digits' is searched"]
    assert first.text == "evolved is not below the best opponent in >= 50 % of all cells"
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    said("resume", "tiny")
    entries = file.read(folder / "runs" / "ledger.jsonl")
    assert entries[:2] == [first, entries[1]] and len(entries) == 3  # the look came after, the claims stand once
    look = entries[2]
    assert isinstance(look, Look) and look.claims == tuple(e.id for e in entries[:2]) and look.time >= first.time


def test_a_run_says_its_verdicts(folder: Path) -> None:
    printed = said("search", "tiny.yaml")
    assert "level: " in printed and "deep: " in printed and "left out, family 'digits' is searched" in printed
    page = (folder / "runs" / "tiny" / "report.html").read_text()
    assert "<h2>Claims</h2>" in page and "evolved is better than backprop" in page
    assert "level: " in said("show", "tiny")
    from metalearn.verdict.of_run import summary_keys

    with RunStore.open(folder / "runs" / "tiny", write=False) as store:
        keys = summary_keys(store, folder / "runs" / "tiny")
    assert keys["ledger/looks before"] == 0 and keys["claim/level"] in ("holds", "fails")
    assert {"claim/deep", "verdict/all cells/lead", "verdict/depth >= 4/better"} <= set(keys)


def test_families_that_were_seen_without_a_claim_are_left_out_later(folder: Path) -> None:
    said("search", "tiny.yaml", "claims=[]", "--name", "curious")
    said("search", "tiny.yaml", "--name", "claiming")
    with RunStore.open(folder / "runs" / "claiming", write=False) as store:
        claims, (look,) = claims_in(store), looks_in(store)
    assert "looked at once before, without a claim" in claims[0].left_out["wine (test 20), 4 x 4, 5 steps"]
    assert look.before["wine"].looks == 1 and len(claims[0].left_out) == 3
    assert "none of its 3 cells is final" in said("verdict", "claiming")
    said("search", "tiny.yaml", "--name", "again")
    tables = json.loads(said("ledger", "--json"))
    level = next(claim for claim in tables["claims"] if claim["name"] == "level" and claim["opened"] == 2)
    assert "opened again" in level["flags"]


def test_a_sweep_keeps_its_seeds_and_says_one_verdict(folder: Path) -> None:
    printed = said("sweep", "tiny.yaml", "--seeds", "3", "--name", "many")
    sweep = folder / "runs" / "many"
    assert "level: " in printed and sorted(p.name for p in sweep.glob("seed-*")) == ["seed-0", "seed-1", "seed-2"]
    found = document(sweep)
    assert [row.seed for row in found.seeds] == [0, 1, 2] and len(found.cells) == 3 and found.best == "backprop"
    ranked = sorted(found.seeds, key=lambda row: row.select or 0)
    assert found.median == ranked[1].run
    assert (sweep / "verdict.md").read_text().startswith("# Verdict: many") and (sweep / "verdict.svg").exists()
    alone = said("search", "tiny.yaml", "seed=1", "--name", "alone")
    one, other = (json.loads((folder / "runs" / name / "rule.json").read_text()) for name in ("alone", "many/seed-1"))
    assert alone and one["values"] == other["values"]
    entries = file.read(folder / "runs" / "ledger.jsonl")
    ours = [entry for entry in entries if entry.group]
    assert [entry.kind for entry in ours] == ["claim"] * 2 + ["look"] * 3 and len({entry.experiment for entry in ours}) == 1
    looks = [entry for entry in ours if isinstance(entry, Look)]
    assert all(not known.looks for look in looks for known in look.before.values())  # its own seeds are no earlier looks
    assert "5 new of 5" in said("ledger", "add", "many")
    assert document(sweep) == found and "report" in said("report", "many")
    both = said("verdict", "many/seed-0", "many/seed-2", "--json", "--to", "two")
    assert len(json.loads(both)["seeds"]) == 2 and document(folder / "two").lifetimes == 3


def test_a_sweep_goes_on_where_it_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, seed = SeedsRun._seed, []

    def stops(self: SeedsRun, config: Any, number: int) -> None:
        if number == 1 and not seed:
            seed.append(number)
            raise ValueError("stopped")
        whole(self, config, number)

    monkeypatch.setattr(SeedsRun, "_seed", stops)
    assert invoke("sweep", "tiny.yaml", "--seeds", "2", "--name", "cut").exit_code == 2
    cut = folder / "runs" / "cut"
    assert unfinished(cut) == [1] and "seeds 1 in progress: metalearn resume" in said("show", "cut").replace("\n", " ")
    refused = invoke("report", "cut")
    assert refused.exit_code == 2 and "metalearn resume" in refused.stderr
    before = (cut / "seed-0" / "run.sqlite").read_bytes()
    said("resume", "cut")
    assert (cut / "seed-0" / "run.sqlite").read_bytes() == before  # a finished seed is left alone
    said("sweep", "tiny.yaml", "--seeds", "2", "--name", "whole")
    one, other = document(cut), document(folder / "runs" / "whole")
    assert one.cells == other.cells and one.seeds == other.seeds and one.stability == other.stability


def test_a_seed_without_its_report_is_not_finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from metalearn.runs import search

    def stops(*_: object) -> None:
        raise ValueError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(search, "write_report_of", stops)
        assert invoke("sweep", "tiny.yaml", "--seeds", "2", "--name", "cut").exit_code == 2
    assert not (folder / "runs" / "cut" / "seed-0" / "report.html").exists()
    said("resume", "cut")
    assert all((folder / "runs" / "cut" / f"seed-{k}" / "report.html").exists() for k in range(2))


def test_cells_come_from_a_file_of_their_own(folder: Path) -> None:
    (folder / "cells.yaml").write_text(yaml.safe_dump({"transfer": CELLS}))
    content = yaml.safe_load((folder / "tiny.yaml").read_text())
    content["compare"] = {**content["compare"], "cells": "cells.yaml", "transfer": CELLS[:1]}
    (folder / "far").mkdir()
    (folder / "far" / "short.yaml").write_text(yaml.safe_dump(content))
    found = load("far/short.yaml").compare
    assert [cell.task["name"] for cell in found.transfer] == ["wine", "wine", "breast_cancer"] and found.cells is None
    assert len(found.main) == 1
    moved = load("tiny.yaml", ["compare.cells=cells.yaml"]).compare
    assert len(moved.transfer) == 4
    (folder / "cells.yaml").write_text("final: []")
    with pytest.raises(ValueError, match="compare.cells: unknown key 'final'"):
        load("far/short.yaml")
    with pytest.raises(ValueError, match="no file 'nowhere'"):
        load("tiny.yaml", ["compare.cells=nowhere"])


@pytest.mark.parametrize(
    "claim, word",
    [
        ({"name": "a", "statement": "bettr"}, "did you mean 'better'"),
        ({"name": "a", "statement": "better", "of": "evolvd"}, "did you mean 'evolved'"),
        ({"name": "a", "statement": "better", "against": ["backprob"]}, "did you mean 'backprop'"),
        ({"name": "a", "statement": "better", "cells": "depth >= 9"}, "no cell of the comparison"),
        ({"name": "a", "statement": "better", "cells": "width => 9"}, "claims.0.cells"),
        ({"name": "level", "statement": "better", "share": 1.5}, "claims.0.share"),
        ({"name": "a/b", "statement": "better"}, "claims.0.name"),
        ({"name": "a", "statement": "better", "who": "me"}, "unknown key 'claims.0.who'"),
    ],
)
def test_mistakes_in_claims_are_one_line_and_write_nothing(folder: Path, claim: dict[str, Any], word: str) -> None:
    result = invoke("search", "tiny.yaml", f"claims={json.dumps([claim])}")
    assert result.exit_code == 2 and word in result.stderr and result.stderr.count("\n") == 1
    assert not (folder / "runs").exists()


def test_claims_are_in_points_of_accuracy(folder: Path) -> None:
    other = json.dumps([{"task": "sines", "hidden": [4], "steps": 5}])
    result = invoke("search", "tiny.yaml", f"compare.transfer={other}", "claims=[{name: a, statement: better}]")
    assert result.exit_code == 2 and "accuracy" in result.stderr
    twice = "claims=[{name: a, statement: better}, {name: a, statement: not_below}]"
    assert "'a' twice" in invoke("search", "tiny.yaml", twice).stderr


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["verdict", "nothing"], "no run at"),
        (["sweep", "tiny.yaml", "--name", "a", "--over", "seed=1,2"], "--over"),
        (["sweep", "tiny.yaml", "--name", "a", "--seeds", "1"], "--seeds"),
        (["sweep", "tiny.yaml", "--name", "a/b"], "plain folder name"),
    ],
)
def test_mistakes_are_one_line(folder: Path, arguments: list[str], word: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2 and word in result.stderr and result.stderr.count("\n") == 1
