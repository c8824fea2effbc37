"""The ledger knows a form by its terms, a cell by its family, and every comparison before it is lived."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tiny import TINY

from inner.components import names
from inner.rules.rule import Rule
from metalearn.cli import main
from metalearn.config import library
from metalearn.config.schema import validate
from metalearn.ledger import file
from metalearn.ledger.documents import Before, Form, Look, LookedCell, Registered
from metalearn.ledger.entry import looks_in
from metalearn.ledger.forms import form_of
from metalearn.ledger.looks import before, searched_families
from metalearn.ledger.summary import sentence, summary
from metalearn.makers import make_task
from metalearn.store.run_store import RunError, RunStore


def text(dw: str, pathway: str = "backprop", **values: float) -> str:
    rule = Rule.from_dict({"dw": dw, "pathway": pathway})
    return form_of(library.learner({"name": "local_rule", "rule": rule.to_dict()}), values).text


def test_a_form_is_the_terms_without_their_numbers() -> None:
    assert text("a*err*pre + b*post*(pre - 0.9*recon)", a=1.0, b=2.0) == (
        "dw = c*err*pre + c*post*pre + c*post*recon; pathway backprop"
    )
    same = text("z*post*pre - k*recon*post + rate*pre*err", z=0.1, k=5.0, rate=3.0)
    assert same == text("a*err*pre + b*post*(pre - 0.9*recon)", a=1.0, b=2.0)
    assert text("2*a*err*pre", a=-1.0) == text("eta*pre*err", eta=0.5)


def test_terms_of_coefficient_zero_are_no_part_of_a_form() -> None:
    whole = text("a*err*pre + b*post", a=1.0, b=1e-9)
    assert text("a*err*pre + b*post", a=1.0, b=0.0) == text("a*err*pre", a=2.0) != whole
    assert text("a*err*pre/(1 + k*pre**2)", a=1.0, k=0.0) == text("a*err*pre", a=2.0)


def test_what_no_coefficient_absorbs_belongs_to_a_form() -> None:
    assert text("(a*err*pre + b*post)/(1 + k*pre**2)", a=1.0, b=1.0, k=0.1) == (
        "dw = c*err*pre/(1 + c*pre**2) + c*post/(1 + c*pre**2); pathway backprop"
    )
    forms = [text(dw, a=1.0) for dw in ("a*pre", "a*pre**2", "a*pre**3", "a*tanh(pre)")]
    forms += [text("a*tanh(b*pre)", a=1.0, b=1.0), text("pre")]
    assert len(set(forms)) == len(forms)
    assert text("a*err*pre", "random", a=1.0) != text("a*err*pre", "backprop", a=1.0)
    bounded = Rule.from_dict({"dw": "a*err*pre", "pathway": "backprop", "homeostasis": {"max_norm": 2.0}})
    found = form_of(library.learner({"name": "local_rule", "rule": bounded.to_dict()}), {"a": 1.0}).text
    assert found.startswith("dw = c*err*pre; then w <- ") and "2" in found


@pytest.mark.parametrize("name", library.named())
def test_every_named_rule_has_a_form(name: str) -> None:
    learner = library.learner(name)
    found = form_of(learner, {c.name: c.init for c in learner.coefficients})
    assert found.text and found == form_of(learner, {c.name: c.init for c in learner.coefficients})


def test_options_of_a_task_do_not_make_another_family() -> None:
    assert make_task({"name": "mnist", "size": 8}).family == make_task({"name": "mnist", "size": 14}).family == "mnist"
    families = {name: make_task({"name": name}).family for name in names("task")}
    assert all(families.values()) and families["wine"] != families["digits"]


def test_every_task_of_a_list_is_searched() -> None:
    given = yaml.safe_load(TINY) | {"task": [{"name": "digits", "test": 40, "scale": [0.5, 2.0]}, {"name": "wine", "weight": 2}]}
    assert searched_families(validate(given)) == {"digits", "wine"}


def look(families: tuple[str, ...], form: str, key: str, time: str = "2026-01-01", **more: object) -> Look:
    cells = tuple(LookedCell(family=f, task=f, network="1 x 4", searched=f == "digits") for f in families)
    given = {"id": key, "time": time, "run": key, "forms": (Form(text=form, hash=form),), "cells": cells}
    return Look.model_validate(given | more)


def test_counts_are_of_experiments_and_forms() -> None:
    entries = [
        look(("wine", "digits"), "A", "1", "2026-01-02"),
        look(("wine",), "B", "2", "2026-01-01"),
        look(("wine",), "A", "3", group="sweep"),
        look(("wine",), "A", "4", group="sweep", claims=("x",)),
    ]
    assert before(entries, ["wine", "digits", "emnist"]) == {
        "wine": Before(looks=3, forms=2, unclaimed=3),
        "digits": Before(looks=1, forms=1, unclaimed=1),
        "emnist": Before(),
    }
    assert before(entries, ["wine"], "sweep")["wine"] == Before(looks=2, forms=2, unclaimed=2)
    found = summary(entries)
    assert (found.looks, found.forms, found.families) == (3, 2, 2)
    row = next(row for row in found.rows if row.form.hash == "A" and row.family == "wine")
    assert (row.looks, row.first, row.last) == (2, "2026-01-01", "2026-01-02")
    (searched,) = (row for row in found.rows if row.family == "digits")
    assert searched.flags == ("searched: not final", "no claim") and row.flags == ()


def test_a_sentence_counts_this_look_too() -> None:
    known = {"wine": {"looks": 2, "forms": 1}, "emnist": {"looks": 0, "forms": 0}}
    said = sentence(look(("wine", "emnist"), "A", "1", before=known))
    assert "2 final cells have been looked at 3 times by 2 forms" in said and "searched" not in said
    assert "because searched: digits" in sentence(look(("digits",), "A", "1"))


def test_claims_that_are_opened_again_are_flagged() -> None:
    claim = Registered(id="x", time="t", run="r", name="n", text="w", claim={}, cells=("a",), left_out={"a": "searched"})
    once = [claim, look(("wine",), "A", "1", claims=("x",))]
    assert summary(once).claims[0].opened == 1 and "opened again" not in summary(once).claims[0].flags
    assert summary(once).claims[0].flags == ("1 cell searched: not final",)
    twice = summary([*once, look(("wine",), "B", "2", claims=("x",))]).claims[0]
    assert twice.opened == 2 and "opened again" in twice.flags


def test_a_file_only_grows_and_repeats_nothing(tmp_path: Path) -> None:
    path, first, second = tmp_path / "ledger.jsonl", look(("wine",), "A", "1"), look(("wine",), "B", "2")
    assert file.read(path) == [] and file.append(path, [first]) == [first]
    begun = path.read_bytes()
    assert file.append(path, [first, second]) == [second] and path.read_bytes().startswith(begun)
    assert file.read(path) == [first, second] == file.read_all([path, path])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    third = look(("wine",), "C", "3")
    file.append(path, [third])
    assert file.read(path)[-1] == third


def test_a_line_that_a_kill_cut_short_is_no_entry(tmp_path: Path) -> None:
    path, first, second = tmp_path / "ledger.jsonl", look(("wine",), "A", "1"), look(("wine",), "B", "2")
    file.append(path, [first])
    begun = path.read_bytes()
    file.append(path, [second])
    whole = path.read_bytes()
    for cut in (len(begun) + 1, len(whole) - 2):
        path.write_bytes(whole[:cut])
        assert file.read(path) == [first]
        file.append(path, [second])
        assert path.read_bytes() == whole


@pytest.mark.parametrize("line", ["{", "[]", '{"kind": "rumour"}', '{"kind": "look", "id": 3}', "\udcff"])
def test_a_damaged_line_is_named_in_one_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "ledger.jsonl"
    file.append(path, [look(("wine",), "A", "1")])
    with path.open("ab") as stream:
        stream.write(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(RunError, match="line 2") as error:
        file.read(path)
    assert "\n" not in str(error.value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.yaml").write_text(TINY.replace("  main:", "  transfer: [{task: wine, hidden: [4], steps: 5}]\n  main:"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, [*arguments])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def test_every_comparison_enters_itself_before_it_is_lived(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said("search", "tiny.yaml")
    ledger = folder / "runs" / "ledger.jsonl"
    (entry,) = file.read(ledger)
    with RunStore.open(folder / "runs" / "tiny", write=False) as store:
        assert looks_in(store) == [entry]
    assert isinstance(entry, Look) and entry.families == ("digits", "wine") and entry.against == ("backprop",)
    assert [cell.searched for cell in entry.cells] == [True, False]
    page = (folder / "runs" / "tiny" / "report.html").read_text()
    assert "looked at once by 1 form of rule" in page and "because searched: digits" in page
    said("search", "tiny.yaml", "seed=1")
    assert "looked at 2 times by" in (folder / "runs" / "tiny-2" / "report.html").read_text()
    assert "looked at 2 times by" in said("show", "tiny-2").replace("\n", " ")

    from metalearn.evidence import from_anywhere

    def killed(*_: object) -> None:
        raise ValueError("killed")

    monkeypatch.setattr(from_anywhere, "compare", killed)
    said("compare", "tiny", "hebb", code=2)
    found = file.read(ledger)[-1]
    assert isinstance(found, Look) and found.run == "tiny hebb" and len(found.forms) == 2


def test_the_same_comparison_is_one_look_however_often_it_is_asked_for(folder: Path) -> None:
    ledger = folder / "runs" / "ledger.jsonl"
    for _ in range(2):
        said("compare", "backprop", "oja", "--config", "tiny.yaml")
    assert len(file.read(ledger)) == 1
    said("compare", "backprop", "oja", "--config", "tiny.yaml", "--seed", "1")
    said("compare", "oja", "backprop", "--config", "tiny.yaml")
    assert len({entry.id for entry in file.read(ledger)}) == 3


def test_a_run_is_added_to_the_projects_ledger_once(folder: Path) -> None:
    said("search", "tiny.yaml")
    assert "1 new of 1" in said("ledger", "add", "tiny") and "0 new of 1" in said("ledger", "add", "runs/tiny")
    assert len(file.read(folder / "ledger.jsonl")) == 1
    tables = json.loads(said("ledger", "--json"))
    assert tables["looks"] == 1 and [row["family"] for row in tables["rows"]] == ["digits", "wine"]
    shown = said("ledger", "show", "--file", "ledger.jsonl")
    assert "wine" in shown and "searched" in shown


@pytest.mark.parametrize(
    "arguments, word",
    [(["shw"], "did you mean 'show'"), (["add"], "at least one run"), (["add", "nothing"], "no run"), (["show", "x"], "no run")],
)
def test_mistakes_are_one_line(folder: Path, arguments: list[str], word: str) -> None:
    errors = said("ledger", *arguments, code=2)
    assert word in errors and errors.count("\n") == 1
    missing = said("ledger", "--file", "missing.jsonl", code=2)
    assert "no file missing.jsonl" in missing


def test_a_ledger_that_cannot_be_written_is_said_and_ends_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, entries: object) -> None:
        raise RunError(f"disk full: cannot write {path}")

    monkeypatch.setattr(file, "append", full)
    assert "warning: not in the ledger: disk full" in said("compare", "hebb", "oja", "--config", "tiny.yaml")


def test_the_projects_ledger_knows_what_has_been_looked_at() -> None:
    entries = file.read(Path(__file__).resolve().parents[2] / "ledger.jsonl")
    known = before(entries, ["wine", "breast_cancer", "mnist", "fashion_mnist"])
    assert all(family.looks for family in known.values())
