"""Studies on the command line: run part by part, interrupted and resumed, and their mistakes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from rich.console import Console

from inner.tasks._download import DataMissing
from metalearn.cli import main
from metalearn.config.load import load
from metalearn.runs.kinds import class_of
from metalearn.store.run_store import RunStore

STUDY = {"study": {"name": "hinton_nowlan", "runs": 2, "generations": 12, "popsize": 50, "loci": 4}}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "needle.yaml").write_text("# A test.\n" + yaml.safe_dump(STUDY), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def signals() -> Iterator[None]:
    """The handlers that a command replaces are put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("signals")
def test_a_study_runs_and_resumes(place: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke("baldwin", "needle.yaml", "--name", "whole").exit_code == 0
    put = RunStore.put

    def stop(self: RunStore, key: str, value: Any) -> None:
        if key == "part/no learning":
            os.kill(os.getpid(), number)
        put(self, key, value)

    monkeypatch.setattr(RunStore, "put", stop)
    result = invoke("baldwin", "needle.yaml", "--name", "cut")
    assert result.exit_code == 128 + number
    assert result.stderr.endswith("Go on with: metalearn resume runs/cut\n"), "as a search says it"
    monkeypatch.setattr(RunStore, "put", put)
    assert invoke("report", "cut").exit_code == 0
    assert invoke("show", "cut").output == "run runs/cut: 1 of 2 parts, in progress: metalearn resume runs/cut\n"
    assert "undecided" in invoke("show", "whole").output
    class_of(place / "runs" / "cut").open(place / "runs" / "cut", Console(quiet=True)).run()
    for key in ("part/learning", "part/no learning"):
        with RunStore.open(Path("runs/whole"), write=False) as a, RunStore.open(Path("runs/cut"), write=False) as b:
            assert a.get(key) == b.get(key) is not None
    assert (place / "runs/cut/alleles.svg").read_text() == (place / "runs/whole/alleles.svg").read_text()
    result = invoke("search", "needle.yaml", "study.runs=1")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "overrides, expected",
    [
        (["study.run=3"], "study.run: 'hinton_nowlan' has no such option (did you mean 'runs'?)"),
        (["study.runs=0"], "study.runs: expected a whole number of at least 1, got 0"),
        (["study=hinton"], "study: unknown name 'hinton' (did you mean 'hinton_nowlan'?)"),
        (["--seeds", "3"], "'needle.yaml' is a study: it has parts of its own and no arms of inheritance"),
        (["lifetimes=3"], "override: expected study.OPTION=value or seed=value, got 'lifetimes=3'"),
    ],
)
def test_a_mistake_in_a_study(place: Path, overrides: list[str], expected: str) -> None:
    result = invoke("baldwin", "needle.yaml", *overrides)
    assert (result.exit_code, result.stdout) == (2, "") and result.stderr.startswith(f"error: {expected}")
    assert not (place / "runs").exists()
    with pytest.raises(ValueError, match="metalearn baldwin"):
        load("needle.yaml")


def test_a_data_set_that_a_study_lacks_is_said_before_there_is_a_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise DataMissing("data: 'mnist' is not on this machine")

    monkeypatch.setattr("outer.studies.bottleneck._data", missing)
    result = invoke("baldwin", "papers/genomic_bottleneck")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: data: 'mnist' is not on this machine\n"
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    "override, expected",
    [
        ("study.widths=[30, 10]", "study.widths: expected a list like [[30, 10]], got [30, 10]"),
        ("study.schemes=[]", "study.schemes: expected a list like [end to end], got []"),
        ("study.batch=0", "study.batch: expected a number >= 1, got 0"),
        ("study.images=60001", "study.images: expected at most the 60000 training images, got 60001"),
    ],
)
def test_a_mistake_in_the_bottleneck(place: Path, override: str, expected: str) -> None:
    result = invoke("baldwin", "papers/genomic_bottleneck", override)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {expected}\n")
    assert not (place / "runs").exists()
