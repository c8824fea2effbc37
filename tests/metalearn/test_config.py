"""The experiment as a value: what a config may say, what it is refused for, and that the shipped ones work."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from inner.components import options_of
from inner.tasks._download import DataMissing
from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config import library
from metalearn.config.files import known
from metalearn.config.load import apply, load
from metalearn.config.schema import Config, validate
from metalearn.makers import make_evaluator
from metalearn.runs.engine_line import engine_line
from metalearn.runs.search import check

CELL = {"task": {"name": "digits", "test": 40}, "hidden": [8], "steps": 20}
TINY: dict[str, Any] = {
    "task": {"name": "digits", "test": 40},
    "rule": {"dw": "eta*(a*pre*post + b*err*pre)", "pathway": "backprop", "coefficients": {"eta": 0.05}},
    "network": {"hidden": [8]},
    "life": {"steps": 20},
    "compare": {"baselines": ["backprop"], "lifetimes": 3, "main": [CELL]},
    "evaluator": "serial",
    "tracking": {"mode": "disabled"},
}


def changed(*overrides: str) -> Config:
    content = json.loads(json.dumps(TINY))
    for override in overrides:
        apply(content, override)
    return validate(content)


def refusal(*overrides: str) -> str:
    with pytest.raises(ValueError) as caught:
        check(changed(*overrides))
    message = str(caught.value)
    assert "\n" not in message and len(message) <= 500
    return message


SEARCHES = [name for name, path in known().items() if not re.search("\n(study|learners):", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", SEARCHES)
def test_shipped_config_works_and_round_trips(name: str) -> None:
    config = load(name)
    assert validate(config.plain()) == config
    assert load(str(known()[name])) == config
    assert known()[name].read_text(encoding="utf-8").startswith("# ")  # what `metalearn list configs` shows
    try:
        assert check(config).rule.coefficients
    except DataMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", library.entries())
def test_library_rule_is_a_rule(name: str) -> None:
    assert check(changed(f"rule={name}")).rule.to_dict() == library.rule(name).to_dict()


def test_plain_is_json_and_round_trips() -> None:
    config = changed("life={steps: [10, 20], scale: 2}", "search=es", "network.hidden=null", "compare.baselines=all")
    plain = config.plain()
    assert validate(json.loads(json.dumps(plain))) == config
    assert json.loads(json.dumps(plain)) == plain
    assert changed() != config


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        changed().seed = 3  # type: ignore[misc]


def test_a_number_is_a_range() -> None:
    assert changed("network={depth: 2, width: [4, 9]}").network.depth == (2, 2)
    assert changed("network={depth: 2, width: [4, 9]}").network.width == (4, 9)
    assert changed("life.scale=0.5").life.scale == (0.5, 0.5)
    assert changed("life.steps=7").life.steps == (7, 7)


def test_a_name_is_a_component() -> None:
    for key, name in (("task", "wine"), ("search", "es"), ("evaluator", "serial")):
        assert changed(f"{key}={name}") == changed(f"{key}={{name: {name}}}")
    assert changed("search=es", "search.popsize=8").search == {"name": "es", "popsize": 8}
    assert changed("search.popsize=8", "search=es").search == {"name": "es"}
    assert changed("search.popsize=8").search == {
        "name": "cma",
        "popsize": 8,
    }  # the file leaves the search to its default
    content = json.loads(json.dumps(TINY))
    content["compare"]["main"][0]["task"] = "digits"
    assert validate(content).compare.main[0].task == {"name": "digits"}


def test_override_of_a_library_rule() -> None:
    config = changed("rule=backprop", "rule.coefficients.eta=0.5")
    assert library.rule(config.rule).defaults == {"eta": 0.5}
    assert changed("rule=backprop", "rule.pathway=random").rule["pathway"] == "random"  # type: ignore[index]
    assert library.entry("backprop")["pathway"] == "backprop"  # the library itself is not touched


def test_a_new_formula_drops_the_coefficients_that_it_lacks() -> None:
    config = changed("rule.coefficients={eta: 0.2, a: 1, b: 2}", "rule.dw=a*err*pre + eta2*w")
    assert config.rule["coefficients"] == {"a": 1}  # type: ignore[index]
    assert [c.name for c in check(config).rule.coefficients] == ["a", "eta2"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["lifetmes=3"], "unknown key 'lifetmes' (did you mean 'lifetimes'?)"),
        (["network.wdith=3"], "network.wdith: 'mlp' has no such option (did you mean 'width'?)"),
        (["compare.baselins=[]"], "unknown key 'compare.baselins' (did you mean 'baselines'?)"),
        (["compare.main=[{task: digits, hiden: [4]}]"], "'compare.main.0.hiden' (did you mean 'hidden'?)"),
        (
            ["compare.transfer=[{task: xor}, {task: xor, stesp: 4}]"],
            "'compare.transfer.1.stesp' (did you mean 'steps'?)",
        ),
        (["compare.main=[{hidden: [4]}]"], "key 'compare.main.0.task' is missing"),
        (["compare.main=[5]"], "compare.main.0: expected a mapping such as"),
        (["compare.main=[{task: .x}]"], "compare.main.0.task: expected a name"),
        (["compare.lifetimes=1"], "greater than or equal to 2, got 1"),
        (["compare.baselines=backprop"], "compare.baselines: expected a list such as"),
        (["rule=5"], "config: rule: expected a mapping such as"),
        (["rule.pathwy=none"], "did you mean 'pathway'?"),
        (["network=5"], "config: network: expected a mapping such as"),
        (["network.bias=maybe"], "network.bias: expected true or false, got"),
        (["network.gain=.nan"], "network.gain: expected a number of at most 1e+15, got nan"),
        (["fitness.threshold=.inf"], "finite number, got inf"),
        (["life.steps=1.5"], "life.steps.0: expected a whole number, got 1.5"),
        (["life.steps=[20, 10]"], "life.steps: expected low <= high and positive numbers, got 20 and 10"),
        (["life.steps=[1, 2, 3]"], "life.steps"),
        (["life.scale=[2, 1]"], "life.scale: expected 0.0001 <= low <= high <= 1e+15, got [2.0, 1.0]"),
        (["life.scale=-1"], "life.scale: expected 0.0001 <= low <= high <= 1e+15"),
        (["network={depth: -1}"], "network.depth: expected low <= high"),
        (["life.batch=0"], "greater than or equal to 1, got 0"),
        (["seed=-1"], "seed: input should be greater than or equal to 0, got -1"),
        (["seed=x"], "seed: expected a whole number"),
        (["engine=foo"], "engine: input should be 'auto', 'native' or 'eager', got 'foo'"),
        (["engine=nativ"], "got 'nativ' (did you mean 'native'?)"),
        (["tracking.mode=on"], "tracking.mode: input should be"),
        (["search={popsize: 4}", "search.name=null"], "search: expected a name"),
        (["search.popsize='8'"], "search.popsize: expected a value like 16, got '8'"),
        (["search.sigma0=true"], "search.sigma0: expected a value like 1.0, got True"),
        (["search=es", "search.popsize=5"], "expected an even number, got 5"),
        (["task=[digits, {name: digts}]"], "task[1].name: unknown name 'digts' (did you mean 'digits'?)"),
        (["task=[digits, {name: wine, test: x}]"], "task[1].test: expected a value like 20, got 'x'"),
        (["task=[digits, {name: wine, test: [9, 3]}]"], "task[1].test: expected whole numbers low <= high, got 9 and 3"),
        (["task=[digits, {weight: 2}]"], "config: task: entry 1: expected a name"),
        (["task=[]"], "config: task: expected a task or a list of tasks"),
        (["task=[digits, regression]"], "task[1]: expected a task of classes as the first, 'regression' is of values"),
        (["life.steps={low: 20, high: 10, draw: log}"], "life.steps: expected low <= high"),
        (["life.steps={low: 2, high: 10, draw: lgo}"], "life.steps: expected draw: even or log"),
        (["life.steps={low: 2, hgh: 10}"], "life.steps: expected keys low, high, draw, got 'hgh' (did you mean 'high'?)"),
        (["life.batch=[1, x]"], "life.batch: samples: expected whole numbers low <= high, got 1 and 'x'"),
        (["life.power=[3, 1]"], "life.power: expected 0.0001 <= low <= high <= 1e+15, got [3.0, 1.0]"),
        (["life.label_noise=2"], "label_noise: expected a number from 0 to 1, got 2.0"),
        (["network.birth=[gaussian, orthogonl]"], "orthogonl"),
        (["task.scale=x"], "task.scale: expected a value like 1.0, got 'x'"),
        (["evaluator={name: auto, workers: -1}"], "evaluator.workers: expected 0 (one per core) or more, got -1"),
        (["evaluator={name: auto, wrkers: 1}"], "did you mean 'workers'?"),
        (["seed.x=1"], "x"),
        (["compare.main.0.hiden=3"], "'main' in 'compare.main.0.hiden' has no keys below it"),
        (["a..b=3"], "expected key=value or key.sub=value, got 'a..b=3'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_line(overrides: list[str], expected: str) -> None:
    assert expected in refusal(*overrides)


def test_a_whole_number_may_stand_for_a_real_one() -> None:
    check(changed("search.sigma0=1", "task.scale=2"))


def test_main_cell_without_data_is_refused_and_transfer_cell_is_not(
    without_data: None,
) -> None:
    assert "'mnist' is not on this machine" in refusal("compare.main=[{task: {name: mnist, size: 8}}]")
    check(changed("compare.transfer=[{task: {name: mnist, size: 8}}]"))


def test_auto_evaluator_takes_the_workers_that_it_is_given() -> None:
    for workers, kind in ((1, "serial"), (2, "processes")):
        evaluator = make_evaluator(changed(f"evaluator={{name: auto, workers: {workers}}}"))
        assert evaluator.workers == workers and type(evaluator).__module__ == f"outer.evaluators.{kind}"
        evaluator.close()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"task: [1, 2\nrule: x", "not valid YAML"),
        (b"- 1\n- 2", "expected keys and values, got list"),
        (b"", "expected keys and values, got NoneType"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"task: digits", "expected either 'rule' or 'learner', neither is given"),
        (b"task: !!python/object/apply:os.getcwd []\nrule: backprop", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_config(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load(str(path))
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_config_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        load("digist")


def test_every_field_says_what_it_is() -> None:
    def walk(model: Any) -> None:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if hasattr(inner, "model_fields"):
                    walk(inner)

    walk(Config)


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="^device: expected cpu or auto, because torch finds no GPU here, got cuda$"):
        check(load("digits", ["device=cuda"]))
    with pytest.raises(ValueError, match="config: device: input should be 'cpu', 'cuda' or 'auto', got 'gpu'"):
        load("digits", ["device=gpu"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A GPU")
    config = load("digits", ["device=auto"])
    assert engine_line(Experiment(config), Experiment(config).learner) == "engine eager (device cuda) on A GPU"
    with make_evaluator(config) as evaluator:
        assert evaluator.workers == 1, "one process holds the GPU"
    with pytest.raises(ValueError, match="programs run on the CPU"):
        engine_line(Experiment(load("program", ["device=cuda"])), library.learner("backprop"))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, "more than 100,000 values once aliases are written out"),
        ("task: " + "[" * 3000 + "]" * 3000, "nested more than 20 deep"),
        ("task: &a [*a]", "'*a' contains itself"),
        ("task: " + "x" * 1_000_001, "larger than 1,000,000 characters"),
    ],
)
def test_a_file_that_would_cost_memory_is_refused_before_it_is_built(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    started = time.perf_counter()
    with pytest.raises(ValueError, match=re.escape(expected)) as caught:
        load(str(path))
    assert time.perf_counter() - started < 2 and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("life.steps=1.0e+30", "life.steps"),
        ("lifetimes=100000000000", "lifetimes: input should be less than or equal to 1000000000"),
        ("search.popsize=" + "9" * 40, "search.popsize: expected a number of at most 1e+15"),
        ("network.gain=1.0e+300", "network.gain: expected a number of at most 1e+15"),
        ("evaluator={name: processes, _pool: 1}", "evaluator._pool: 'processes' has no such option"),
        ("task=" + "x" * 300, "task: expected a name of at most 200 characters, got 300"),
        ("life.steps=" + "[" * 500 + "]" * 500, "nested more than 20 deep"),
        ("rule" + ".a" * 300 + "=1", "override: expected at most 20 keys"),
    ],
)
def test_what_no_machine_could_hold_is_one_line(override: str, expected: str) -> None:
    said = refusal(override)
    assert expected in said and len(said) < 400


def test_private_fields_are_no_options() -> None:
    @dataclasses.dataclass
    class Component:
        shown: int = 1
        _hidden: int = 2
        made: int = dataclasses.field(default=3, init=False)

    assert list(options_of(Component)) == ["shown"]


def test_a_name_too_long_for_the_system_is_one_line() -> None:
    for words in (["search", "x" * 300], ["show", "x" * 300], ["compare", "x" * 300], ["search", "--name", "x" * 300]):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, (words, result.stderr, result.exception)
        assert len(result.stderr) < 400


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["search", "digits", "popsize=8"], "unknown key 'popsize' (did you mean 'search.popsize'?)"),
        (["search", "digits", "width=8"], "unknown key 'width' (did you mean 'network.width'?)"),
        (["search", "digits", "name=x"], "unknown key 'name' (did you mean the option --name NAME?)"),
        (["search", "--generations", "10"], "'--generations' (keys of a config are written search.generations=VALUE)"),
        (["search", "digits", "fitness=accuracy"], "fitness: expected a mapping such as {key: value}, got 'accuracy'"),
        (["search", "digits", "network.hidden=32"], "network.hidden: expected a list such as [1, 2], got 32"),
        (["search", "default", "rule=hebb"], "changes keys of 'rule', which is the name 'hebb' here; expected a mapping"),
    ],
)
def test_a_mistake_says_what_was_probably_meant(words: list[str], expected: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and expected in result.output and result.output.count("\n") == 1, result.output


def test_another_search_by_its_name_leaves_the_options_of_the_old_one() -> None:
    config = load("digits", ["search.name=es", "search.lr=0.1"])
    assert config.search == {"name": "es", "popsize": 16, "generations": 115, "lr": 0.1}
    assert load("digits", ["search.name=cma"]).search["sigma0"] == 0.3
