"""Hostile and unlucky runs, one named test each: caches of others, W&B's environment, data with nan, sizes, names, signals."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from fuzz.harness import broken, tree
from kills.contents import stored

from inner.cache import private_folder
from inner.components import load as load_component
from inner.components import names, options_of
from metalearn.build import Experiment
from metalearn.cli import STOPS, guarded, main
from metalearn.config.load import load
from metalearn.evidence import baselines
from metalearn.tracking.mirror import Mirror, writable


def refusal(place: Path, *arguments: str, **environment: str) -> str:
    """The one line of a command that must be refused and leave nothing behind."""
    before = tree(place)
    with pytest.MonkeyPatch.context() as patch:
        for key, value in environment.items():
            patch.setenv(key, value)
        assert broken(list(arguments), named=True) == ("", 2)
        line = CliRunner().invoke(main, arguments).stderr
    assert tree(place) == before
    return line


@pytest.fixture
def remembered(place: Path) -> Path:
    """A tuned baseline in the cache."""
    return next((place / "cache" / "baselines").glob("*.json"))


def recalled(path: Path) -> bool:
    experiment = Experiment(load("tiny.yaml"))
    return baselines._recall(path, experiment.to_tune()[0].learner) is not None


@pytest.mark.parametrize("mode", [0o666, 0o620])
def test_a_baseline_that_others_could_have_written_is_not_believed(remembered: Path, mode: int) -> None:
    assert recalled(remembered) and remembered.stat().st_mode & 0o777 == 0o600
    remembered.chmod(mode)
    assert not recalled(remembered)
    remembered.chmod(0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_baseline_of_another_user_is_not_believed(remembered: Path) -> None:
    os.chown(remembered, 12345, 12345)
    assert not recalled(remembered)
    os.chown(remembered, 0, 0)
    assert recalled(remembered)


def test_a_baseline_behind_a_link_is_not_believed(remembered: Path, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(remembered)
    assert not recalled(tmp_path / "link.json")


def test_a_cache_that_others_can_write_to_is_not_used_and_that_is_said(
    remembered: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered.parent.chmod(0o777)
    experiment = Experiment(load("tiny.yaml"))

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    evaluator: Any = SimpleNamespace(map=end)  # what it has to tune is all
    with caplog.at_level(logging.WARNING), pytest.raises(KeyboardInterrupt):
        baselines.tune_all(experiment, evaluator)
    assert "not this user's alone; all are tuned anew" in caplog.text
    remembered.parent.chmod(0o700)
    assert private_folder("baselines") == remembered.parent


@pytest.mark.parametrize("command", ["search", "baldwin"])
def test_a_wrong_wandb_mode_leaves_no_run_folder(place: Path, command: str) -> None:
    words = (
        command,
        "tiny.yaml",
        "--name",
        "mode",
        "search=ga",
        *(["genome={weights: direct}"] if command == "baldwin" else []),
    )
    assert "WANDB_MODE: expected one of" in refusal(place, *words, WANDB_MODE="nonsense")


def test_an_unwritable_wandb_dir_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {}
    run = SimpleNamespace(define_metric=lambda *_, **__: None)
    fake = SimpleNamespace(
        Settings=type("Settings", (), {"model_fields": {}}),
        init=lambda **options: taken.update(options) or run,
        errors=SimpleNamespace(Error=RuntimeError),
    )
    monkeypatch.setitem(sys.modules, "wandb", fake)  # type: ignore[arg-type]
    monkeypatch.setenv("WANDB_DIR", "/dev/null/x")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))  # or it would stay for the tests that come after
    told: list[dict[str, Any]] = []
    mirror = Mirror(-1)
    monkeypatch.setattr(mirror, "answer", lambda **message: told.append(message))
    mirror.start("id", "name", "project", "offline", str(tmp_path), {})
    assert told == [{"warning": f"W&B: WANDB_DIR /dev/null/x cannot be written; its files lie in {tmp_path}"}]
    assert taken["dir"] == str(tmp_path) == os.environ["WANDB_DIR"] and writable(tmp_path)


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_every_signal_that_ends_a_run_says_how_to_go_on(
    number: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = {each: signal.getsignal(each) for each in STOPS}
    try:
        with pytest.raises(SystemExit) as ended:
            guarded(tmp_path, lambda: os.kill(os.getpid(), number))
    finally:
        for each, handler in old.items():
            signal.signal(each, handler)
    assert ended.value.code == 128 + number
    assert f"Go on with: metalearn resume {tmp_path}" in capsys.readouterr().err


def test_a_clock_that_goes_backwards_changes_no_bit(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count(2e9, -3600.0)
    monkeypatch.setattr(time, "time", lambda: next(now))
    result = CliRunner().invoke(main, ["search", "tiny.yaml", "--name", "backwards"])
    assert result.exit_code == 0, result.output
    one, other = (stored(place / "runs" / name) for name in ("done", "backwards"))
    shutil.rmtree(place / "runs" / "backwards")
    assert one == other and any(name.startswith("generation") for name in one)


NAN = """
from dataclasses import dataclass, replace
from inner.tasks import digits
@dataclass(frozen=True)
class Task(digits.Task):
    def life_data(self, tier, steps, batch, seed, labels):
        found = super().life_data(tier, steps, batch, seed, labels)
        spoilt = found.x.clone()
        spoilt[:, ::2] = float("nan")
        return replace(found, x=spoilt)
"""


def test_nan_in_the_data_is_not_blamed_on_the_coefficients(place: Path) -> None:
    (place / "with_nan").mkdir(exist_ok=True)
    (place / "with_nan" / "__init__.py").touch()
    (place / "with_nan" / "task.py").write_text(NAN, encoding="utf-8")
    assert "task 'task': expected finite data, got nan or inf in its x" in refusal(
        place, "search", "tiny.yaml", "task={name: with_nan.task, test: 40}", "--name", "nan"
    )


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("network.gain=1.0e+300", "network.gain: expected a number of at most 1e+15"),
        ("life.scale=1.0e+300", "life.scale: expected 0.0001 <= low <= high <= 1e+15"),
        ("life.scale=1.0e-300", "life.scale: expected 0.0001 <= low <= high <= 1e+15"),
        ("life.steps=1.0e+30", "life.steps"),
        ("lifetimes=1.0e+30", "lifetimes"),
        ("seed=1" + "0" * 400, "seed"),
        ("search.popsize=1.0e+30", "search.popsize"),
        ("network.width=-1", "network.width"),
        ("evaluator={name: processes, _pool: 1}", "evaluator._pool: 'processes' has no such option"),
        ("evaluator._pool=1", "evaluator._pool"),
        ("rule.coefficients=..", "rule.coefficients"),
        ("rule.dw=" + "tanh(" * 58 + "pre" + ")" * 58 + "*unknown(a)", "unknown function"),
    ],
)
def test_a_number_or_field_that_cannot_be_is_one_line_without_a_warning(
    place: Path, override: str, expected: str
) -> None:
    assert expected in refusal(place, "search", "tiny.yaml", override, "--name", "cannot")


INPUTS = [name for name in names("task") if "inputs" in options_of(load_component("task", name))]


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "1.0e+30", "x", "null", "true"])
@pytest.mark.parametrize("name", INPUTS)
def test_no_inputs_are_one_line(place: Path, name: str, count: str) -> None:
    assert "inputs" in refusal(
        place, "search", "tiny.yaml", f"task={{name: {name}, inputs: {count}}}", "--name", "inputs"
    )


LONG = "a" * 300


@pytest.mark.parametrize(
    "words",
    [
        ["search", LONG],
        ["search", "tiny.yaml", "--name", LONG],
        ["search", "tiny.yaml", "--runs", LONG, "--name", "x"],
        ["search", "tiny.yaml", f"task={LONG}"],
        ["search", "tiny.yaml", f"{LONG}=1"],
        ["search", "tiny.yaml", f"rule={LONG}"],
        ["search", "tiny.yaml", f"rule.pathway={LONG}"],
        ["search", "tiny.yaml", f"evaluator={'x.' * 150}y"],
        ["search", "tiny.yaml", f"compare.baselines=[{LONG}]"],
        ["show", LONG],
        ["show", f"{LONG}/{LONG}"],
        ["report", LONG],
        ["resume", LONG],
        ["export", LONG],
        ["export", "runs/done", "-o", LONG],
        ["compare", LONG],
        ["compare", "backprop", "--config", LONG],
        ["list", LONG],
        [LONG],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_names_and_paths_of_300_characters_are_one_line(place: Path, words: list[str]) -> None:
    assert len(refusal(place, *words)) < 1200
