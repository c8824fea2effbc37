"""Several searches of one experiment from one command: configs, one set of baselines, resume, pages and every command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from rich.console import Console
from tiny import TINY

import metalearn
from metalearn.cli import main
from metalearn.config.load import load
from metalearn.config.schema import Config, validate
from metalearn.config.variants import merged, variants_of
from metalearn.evidence import baselines
from metalearn.evidence.documents import Comparison
from metalearn.ledger.entry import GROUP
from metalearn.runs.search import SearchRun
from metalearn.runs.variants import VariantsRun
from metalearn.store.run_store import RunStore
from outer.evidence.tuning import tune

VARIANTS = "variants:\n  forward: {rule: {pathway: random}}\n  back: {rule: {pathway: backprop}, lifetimes: 3}\n"


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


def tiny(**changes: object) -> Config:
    return validate(yaml.safe_load(TINY + VARIANTS) | changes)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("variants")
    (folder / "two.yaml").write_text(TINY + VARIANTS.replace(", lifetimes: 3", ""), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("METALEARN_CACHE", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """A finished run of two variants; the file `tuned` counts its baselines."""
    tuned = []

    def counted(*arguments: object) -> object:
        tuned.append(arguments)
        return tune(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "tune", counted)
        result = invoke("search", "two.yaml", "tracking.mode=offline")
    assert result.exit_code == 0, result.output
    (place / "tuned").write_text(str(len(tuned)))
    (place / "said").write_text(result.output)
    return place / "runs" / "two"


def arrays(folder: Path) -> list[bytes]:
    with RunStore.open(folder, write=False) as store:
        return [g.candidates.tobytes() + g.scores.tobytes() for g in store.generations()]


def test_a_variant_changes_the_keys_that_it_names() -> None:
    config = tiny()
    own = variants_of(config)
    assert list(own) == ["forward", "back"] and not own["back"].variants
    assert isinstance(own["back"].rule, dict) and own["back"].rule["dw"] == config.rule["dw"]  # type: ignore[index]
    assert (own["forward"].rule["pathway"], own["forward"].lifetimes) == ("random", 2)  # type: ignore[index]
    assert (own["back"].rule["pathway"], own["back"].lifetimes) == ("backprop", 3)  # type: ignore[index]
    assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": 4}) == {"a": {"b": 3, "c": 2}, "d": 4}
    learned = variants_of(tiny(variants={"x": {"learner": "weight_perturbation"}}))["x"]
    assert learned.rule is None and learned.learner == {"name": "weight_perturbation"}
    assert "variants" not in validate(yaml.safe_load(TINY)).plain(), "configs without them are stored as before"
    assert validate(config.plain()) == config


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ({"x": {"lifetime": 3}}, r"variants.x: unknown key 'lifetime' \(did you mean 'lifetimes'"),
        ({"a/b": {}}, "expected names of letters, digits, - and _, got 'a/b'"),
        ({"x": {"variants": {}}}, "variants.x: expected keys of an experiment"),
        ({"x": {"rule": "backprop", "learner": "weight_perturbation"}}, "both are given"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(variants: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        VariantsRun.create(tiny(variants=variants), tmp_path / "x", Console(quiet=True), [])
    assert not (tmp_path / "x").exists()


def test_each_is_the_search_alone_and_baselines_are_tuned_once(run: Path, place: Path) -> None:
    assert (place / "tuned").read_text() == "1"
    for name, own in variants_of(load("two.yaml")).items():
        SearchRun.create(own, place / "alone" / name, Console(quiet=True), []).run()
        assert arrays(run / name) == arrays(place / "alone" / name)
        rules = [json.loads((folder / name / "rule.json").read_text()) for folder in (run, place / "alone")]
        assert rules[0] == rules[1] and rules[0]["pathway"] == own.rule["pathway"]  # type: ignore[index]
    assert arrays(run / "forward") != arrays(run / "back")


def test_they_belong_together(run: Path, place: Path) -> None:
    groups = set()
    for folder in (run, run / "forward", run / "back"):
        with RunStore.open(folder, write=False) as store:
            groups.add(store.get(GROUP))
            assert store.get("status") == "finished"
    assert len(groups) == 1 and None not in groups
    assert list((run / "forward").glob("wandb/offline-run-*")) and list((run / "back").glob("wandb/offline-run-*"))
    page = (run / "report.html").read_text(encoding="utf-8")
    for name in ("forward", "back"):
        rule = json.loads((run / name / "rule.json").read_text())
        assert f'href="{name}/report.html"' in page and rule["formula"].split()[0] in page
        assert f"\n{name}  On digits" in (place / "said").read_text()
    assert page.count("<h2>") == 5 and page.count("<h3>digits") == 2, "each has its table of the main cell"


def test_every_command_knows_the_whole_and_its_parts(run: Path) -> None:
    assert "pathway = random" in invoke("show", "two").output and "pathway = backprop" in invoke("show", "two").output
    alone = invoke("show", "two/back").output
    assert "pathway = backprop" in alone and "pathway = random" not in alone
    assert invoke("report", "two").output.strip().endswith("report.html")
    assert json.loads(invoke("export", "runs/two/back").output)["pathway"] == "backprop"
    refused = invoke("export", "two")
    assert refused.exit_code == 2 and "it has several: runs/two/back, runs/two/forward" in refused.stderr
    both = Comparison.read(json.loads(invoke("compare", "two", "--json").stdout), "x")
    assert list(both.arms) == ["two/forward", "two/back", "backprop"] and both.reference == "two/forward"
    one = Comparison.read(json.loads(invoke("compare", "two/back", "--json").stdout), "x")
    assert list(one.arms) == ["two/back", "backprop"]
    for command in ("sweep", "bench-searches"):
        result = invoke(command, "two.yaml")
        assert result.exit_code == 2 and "has the variants forward, back" in result.stderr
    assert invoke("resume", "two").exit_code == 0


def test_resume_goes_on_wherever_it_stopped(run: Path, place: Path) -> None:
    """Killed before the second was begun, and in the middle of its search."""
    for cut in ("begun", "middle"):
        copy = place / "runs" / f"cut-{cut}"
        VariantsRun.create(load("two.yaml"), copy, Console(quiet=True), []).store.close()
        shutil.copytree(run / "forward", copy / "forward")
        if cut == "middle":
            with VariantsRun.open(copy, Console(quiet=True)).store as store:
                own = validate(store.get("variants")["back"])
            half = SearchRun.create(own, copy / "back", Console(quiet=True), [])
            with RunStore.open(run / "back", write=False) as whole:
                half.store.append(whole.generations(0, 1)[0])
            half.store.close()
        assert "in progress" in invoke("show", copy).output
        result = invoke("resume", copy)
        assert result.exit_code == 0, result.output
        assert arrays(copy / "back") == arrays(run / "back") and (copy / "report.html").exists()


def test_the_python_interface_gives_all(place: Path) -> None:
    found = metalearn.search("two.yaml", name="python")
    assert list(found.variants) == ["forward", "back"] and found.folder == Path("runs/python")
    assert found.rule == found.variants["forward"].rule != found.variants["back"].rule
    assert invoke("search", "two.yaml", "variants={}", "--name", "one").exit_code == 0
    assert (place / "runs" / "one" / "rule.json").exists()


def test_a_sweep_repeats_one_variant(place: Path) -> None:
    result = invoke("sweep", "two.yaml", "tracking.mode=disabled", "--variant", "back", "--seeds", 2, "--name", "again")
    assert result.exit_code == 0, result.output
    with RunStore.open(place / "runs" / "again" / "seed-1", write=False) as store:
        assert store.config["rule"]["pathway"] == "backprop" and "variants" not in store.config
        assert store.get("status") == "finished"
    for words, expected in (
        (["two.yaml", "--variant", "bck", "--name", "x"], "no variant 'bck' (did you mean 'back'?); variants: forward, back"),
        (["two.yaml", "--variant", "back"], "expected --name NAME too"),
        (["two.yaml", "--name", "x"], "leave one with --variant NAME"),
    ):
        refused = invoke("sweep", *words)
        assert refused.exit_code == 2 and expected in refused.output
    assert not (place / "runs" / "x").exists()
