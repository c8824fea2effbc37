"""The public Python interface does what the command line does, quietly, and costs nothing to import."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny import TINY

import metalearn
from metalearn.store.run_store import RunStore


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("api")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def run(place: Path) -> metalearn.Run:
    return metalearn.search("tiny.yaml", name="first", seed=3, search__generations=2)


def test_import_is_light() -> None:
    code = (
        "import sys, metalearn\n"
        "heavy = {'torch', 'cma', 'wandb', 'matplotlib', 'sklearn', 'sympy', 'numpy', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\nassert set(metalearn.__all__) == {'Run', 'compare', 'load_rule', 'search'}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there() -> None:
    for name in metalearn.__all__:
        assert callable(getattr(metalearn, name))
    with pytest.raises(AttributeError, match="no attribute 'serch'"):
        _ = metalearn.serch


def test_search(run: metalearn.Run, place: Path) -> None:
    assert run.folder == Path("runs/first")
    with RunStore.open(run.folder, write=False) as store:
        assert store.config["seed"] == 3 and store.config["search"]["generations"] == store.count == 2
        assert store.get("comparison") == run.comparison.plain() and store.get("status") == "finished"
        assert store.get("selection")["values"] == run.rule["values"]
        assert store.get("command") == "metalearn search tiny.yaml seed=3 search.generations=2 --name first"
    assert run.rule == json.loads((run.folder / "rule.json").read_text(encoding="utf-8"))
    assert run.formula == run.rule["pruned"]
    assert list(run.comparison.arms) == ["evolved", "backprop"]


def test_search_is_quiet_unless_asked(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    metalearn.search("tiny.yaml", search__generations=1, compare__baselines=[])
    assert capfd.readouterr() == ("", "")
    again = metalearn.search("tiny.yaml", search__generations=1, compare__baselines=[], quiet=False)
    assert "95 % CI" in capfd.readouterr().out
    assert again.folder == Path("runs/tiny-2")  # a taken name is not touched


def test_the_same_search_gives_the_same_rule(run: metalearn.Run, place: Path) -> None:
    again = metalearn.search("tiny.yaml", runs=place / "other", name="first", seed=3, search__generations=2)
    assert again.rule == run.rule
    assert again.comparison.cells == run.comparison.cells
    other = metalearn.search("tiny.yaml", runs=place / "other", seed=4, search__generations=2)
    assert other.rule.values != run.rule.values


def test_values_of_any_type_override(place: Path) -> None:
    found = metalearn.search(
        "tiny.yaml",
        search={"name": "es", "popsize": 4, "generations": 1},
        life__scale=[0.5, 2.0],
        network__bias=True,
        rule__dw="eta*err*pre",
        compare__baselines=[],
    )
    with RunStore.open(found.folder, write=False) as store:
        config = store.config
    assert config["search"] == {"name": "es", "popsize": 4, "generations": 1}
    assert config["life"]["scale"] == [0.5, 2.0] and config["network"]["bias"] is True
    assert config["rule"]["dw"] == found.rule["dw"] == "eta*err*pre"


def test_mistakes_are_one_line_and_write_nothing(run: metalearn.Run, place: Path) -> None:
    before = set(place.rglob("*"))
    with pytest.raises(ValueError, match="did you mean 'lifetimes'"):
        metalearn.search("tiny.yaml", lifetmes=3)
    with pytest.raises(ValueError, match="did you mean 'popsize'"):
        metalearn.search("tiny.yaml", search__popsiz=3)
    with pytest.raises(ValueError, match="run 'first' exists"):
        metalearn.search("tiny.yaml", name="first")
    with pytest.raises(ValueError, match="plain folder name"):
        metalearn.search("tiny.yaml", name="../first")
    with pytest.raises(ValueError, match="did you mean 'backprop'"):
        metalearn.compare(["bakprop"])
    with pytest.raises(ValueError, match="no file"):
        metalearn.load_rule(place / "nowhere")
    assert set(place.rglob("*")) == before


def test_compare(run: metalearn.Run, capfd: pytest.CaptureFixture[str]) -> None:
    document = metalearn.compare([run.folder, run.folder / "rule.json", "oja"], lifetimes=2, seed=1)
    assert capfd.readouterr() == ("", "")
    assert document.reference == "first" and list(document.arms) == ["first", "first-2", "oja"]
    cell = document.cells[0]
    assert cell.lifetimes == 2 and cell.arms["first"].scores == cell.arms["first-2"].scores
    other = metalearn.compare([run.folder, "oja"], lifetimes=2, seed=2).cells[0]
    assert other.arms["oja"].scores != cell.arms["oja"].scores  # another seed, other lives
    alone = metalearn.compare([run.folder])  # brings its baselines along, on the same lives as the run's own comparison
    assert list(alone.arms) == ["first", "backprop"]
    assert alone.cells[0].arms["backprop"] == run.comparison.cells[0].arms["backprop"]


def test_load_rule_trains_a_module(run: metalearn.Run) -> None:
    loaded = metalearn.load_rule(run.folder)
    assert loaded.values == run.rule["values"] and loaded.pathway == "backprop"
    generator = torch.Generator().manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    x, labels = torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])
    before = [parameter.clone() for parameter in module.parameters()]
    output = loaded.trainer(module).step(x, labels)
    assert output.shape == (6, 3) and torch.allclose(output.sum(1), torch.ones(6))
    weights = [(a, b) for a, b in zip(before, module.parameters()) if a.dim() == 2]
    assert all(not torch.equal(a, b) for a, b in weights)
