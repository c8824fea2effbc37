"""A learner in place of a rule: config, overrides, library, search, comparison, births, files and commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from rich.console import Console
from tiny import TINY

import metalearn
from inner.components import names
from inner.learners.local_rule import Learner as LocalRule
from inner.networks import lateral
from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config import library
from metalearn.config.load import apply
from metalearn.config.schema import validate
from metalearn.evidence.arms import Arm
from metalearn.evidence.documents import ArmDocument, Comparison, Selection
from metalearn.evidence.from_anywhere import find
from metalearn.evidence.selection import print_births
from metalearn.rule.file import learner_of, read, rule_of, values_of
from metalearn.rule.reference import reference_of
from metalearn.store.run_store import RunStore
from outer.evaluators.serial import Evaluator
from outer.evidence.tuning import tune
from outer.selection import select

WP = "weight_perturbation"
RULED: dict[str, Any] = {"task": "digits", "rule": {"dw": "eta*err*pre", "coefficients": {"eta": 0.1}}}
LEARNED: dict[str, Any] = {"task": "digits", "learner": {"name": WP, "directions": "signs"}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("learners")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METALEARN_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """A finished search over weight perturbation, its baselines tuned from the better of two births."""
    changes = [
        f"learner={WP}",
        "compare.baselines=[backprop, weight_perturbation_signs]",
        "compare.births=[gaussian, orthogonal]",
        "tracking.mode=offline",
    ]
    result = invoke("search", "tiny.yaml", *changes, "--name", "wp")
    assert result.exit_code == 0, result.output
    return place / "runs" / "wp"


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


def changed(content: dict[str, Any], *overrides: str) -> dict[str, Any]:
    content = json.loads(json.dumps(content))
    for override in overrides:
        apply(content, override)
    return content


@pytest.mark.parametrize(
    ("content", "overrides", "spec"),
    [
        (RULED, [], {"name": "local_rule", "rule": RULED["rule"]}),
        (RULED, [f"learner={WP}"], {"name": WP}),
        (RULED, [f"learner.name={WP}", "learner.values.eta=0.1"], {"name": WP, "values": {"eta": 0.1}}),
        (RULED, ["learner.rule.dw=eta*pre"], {"name": "local_rule", "rule": RULED["rule"] | {"dw": "eta*pre"}}),
        (RULED, ["learner.name=local_rule"], {"name": "local_rule", "rule": RULED["rule"]}),
        (LEARNED, [], {"name": WP, "directions": "signs"}),
        (LEARNED, ["rule=oja"], {"name": "local_rule", "rule": "oja"}),
        (LEARNED, ["rule.dw=a*pre"], {"name": "local_rule", "rule": {"dw": "a*pre", "coefficients": {}}}),
        (LEARNED, [f"learner.name={WP}"], {"name": WP}),
        (LEARNED, ["learner.directions=gaussian"], {"name": WP, "directions": "gaussian"}),
    ],
)
def test_an_override_drops_the_other_with_its_options(
    content: dict[str, Any], overrides: list[str], spec: dict[str, Any]
) -> None:
    config = validate(changed(content, *overrides))
    assert config.learner_spec == spec
    assert validate(config.plain()) == config and ("learner" in config.plain()) != ("rule" in config.plain())
    assert Experiment(config).learner.name == spec["name"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"task": "digits"}, "config: expected either 'rule' or 'learner', neither is given"),
        (RULED | LEARNED, "config: expected either 'rule' or 'learner', both are given"),
        ({"task": "digits", "learner": "weight_perturbatio"}, "unknown name 'weight_perturbatio' (did you mean"),
        ({"task": "digits", "learner": {"name": WP, "direction": 1}}, "(did you mean 'directions'?)"),
        ({"task": "digits", "learner": {"name": WP, "network": {}}}, "learner.network: 'weight_perturbation' has no"),
        ({"task": "digits", "learner": {"name": WP, "values": {"et": 1}}}, "no coefficient 'et' (did you mean 'eta'?)"),
        ({"task": "digits", "learner": "local_rule"}, "learner.rule: expected a rule"),
    ],
)
def test_mistakes_are_one_line(content: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        _ = Experiment(validate(content)).learner
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_library_knows_rules_and_learners(place: Path) -> None:
    assert library.learner("oja") == LocalRule(library.rule("oja"))
    assert library.learner("weight_perturbation_signs") == library.learner({"name": WP, "directions": "signs"})
    with pytest.raises(ValueError, match="no rule or learner named 'ojas' .did you mean 'oja'"):
        library.learner("ojas")
    with pytest.MonkeyPatch.context() as patch:  # every component is there, named in a file or not
        patch.setattr(library, "_read", lambda stem: {})
        assert library.learner(WP).name == WP and list(library.learners()) == [
            n for n in names("learner") if n != "local_rule"
        ]
    (place / "learners.yaml").write_text("mine: {name: weight_perturbation, values: {eta: 0.25}}\n")
    assert {c.name: c.init for c in library.learner("mine").coefficients}["eta"] == 0.25
    listed = invoke("list", "learners").output
    (place / "learners.yaml").unlink()
    assert "mine" in listed and "weight_perturbation_signs" in listed and "local_rule" in listed


def test_a_search_over_a_learner_runs_start_to_end(run: Path) -> None:
    document = read(run)
    assert document["learner"]["name"] == WP and "dw" not in document
    assert document["formula"].startswith("weight perturbation: eta ")
    assert set(values_of(document)) == {"eta", "sigma"} and learner_of(document) == library.learner(WP)
    with pytest.raises(ValueError, match="learner 'weight_perturbation' has no formula"):
        rule_of(document)
    with RunStore.open(run, write=False) as store:
        comparison = Comparison.read(store.get("comparison"), "comparison")
        assert store.config["learner"]["name"] == WP and "rule" not in store.config
        assert {"eta", "sigma"} == {k.removeprefix("theta/") for k in store.metrics()[0] if k.startswith("theta/")}
    assert list(comparison.arms) == ["evolved", "backprop", "weight_perturbation_signs"]
    evolved = comparison.arms["evolved"]
    assert evolved.learner is not None and evolved.learner["name"] == WP and evolved.rule == {}
    assert list(run.glob("wandb/offline-run-*"))
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "The learner weight perturbation, tuned on digits" in page and document["formula"] in page


def test_baselines_come_from_the_better_birth(run: Path) -> None:
    with RunStore.open(run, write=False) as store:
        comparison = Comparison.read(store.get("comparison"), "comparison")
        config = validate(store.config)
        assert comparison.arms["backprop"].lifetimes == 2 * 4 * 3 * 2  # both births are paid for
    experiment = Experiment(config)
    select = ("select", config.seed, (0,), config.selection.lifetimes, config.selection.shapes)
    scores = {}
    for baseline in experiment.to_tune():
        if baseline.name == "backprop":
            own = experiment.objective_of(baseline.learner, baseline.birth)
            assert own.distribution.settings(*select)[0].network.birth == baseline.birth  # type: ignore[attr-defined]
            chosen = config.selection
            tuned = tune(own, baseline.search, chosen.finalists, chosen.lifetimes, chosen.shapes)
            scores[baseline.birth] = (tuned.select_score, tuned.values)
    best = max(scores, key=lambda birth: scores[birth][0])
    arm = comparison.arms["backprop"]
    assert arm.birth == best and arm.values == scores[best][1]
    assert f"backprop, {best}" in invoke("show", run).output
    setting = experiment.setting(experiment.cells[0][1], 2)
    for birth in ("orthogonal", "gaussian"):
        own = Arm(library.learner("backprop"), arm.values, birth=birth).setting(experiment, setting)
        assert own.network.birth == birth and own.labels == setting.labels  # type: ignore[attr-defined]


def test_select_decides_the_birth_of_the_winner_too(run: Path) -> None:
    with RunStore.open(run, write=False) as store:
        config, generations = validate(store.config), store.generations()
        selection = Selection.read(store.get("selection"), "selection")
        evolved = Comparison.read(store.get("comparison"), "comparison").arms["evolved"]
    experiment, chosen = Experiment(config), config.selection
    winners = {}
    with Evaluator() as evaluator:
        for birth in config.compare.births:
            own = experiment.objective_of(experiment.learner, birth)
            winners[birth] = select(own, evaluator, generations, chosen.finalists, chosen.lifetimes, chosen.shapes)
    scores = {birth: float(winner.values.max()) for birth, winner in winners.items()}
    best = max(scores, key=lambda birth: scores[birth])
    assert selection.births == scores and len(set(scores.values())) == 2
    assert selection.birth == evolved.birth == best and selection.score == evolved.select == scores[best]
    assert selection.whole == experiment.objective.genome.values(winners[best].vector)
    document = json.loads((run / "rule.json").read_text(encoding="utf-8"))
    assert document["birth"] == document["network"]["birth"] == best
    assert find(str(run)).arm.birth == find(str(run / "rule.json")).arm.birth == best
    assert reference_of(str(run)).birth == best
    console = Console(record=True, width=100)
    print_births(selection, console)
    assert f"born     {best} (best on the select tier: gaussian" in console.export_text()


def test_controls_and_ablation_live_in_the_winner_s_networks(run: Path) -> None:
    experiment = Experiment(validate(yaml.safe_load(TINY))).with_birth("orthogonal")
    setting = experiment.objective.settings(0)[0]
    assert setting.network.birth == "orthogonal"  # type: ignore[attr-defined]
    cell = experiment.setting(experiment.cells[0][1], 2).network
    assert cell.birth == "orthogonal"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="have none, expected 'orthogonal'"):
        experiment.born(replace(setting, network=lateral.Network()), "orthogonal")


def test_births_are_those_of_the_network(place: Path) -> None:
    for override, said in (
        ("compare.births=[orthogonl]", "unknown name 'orthogonl'"),
        ("compare={births: [gaussian], baselines: []}", "network 'lateral' has no births"),
    ):
        lateral = ["network={name: lateral, hidden: []}", "task=pca", "rule=oja"] if "lateral" in said else []
        result = invoke("search", "tiny.yaml", *lateral, override)
        assert result.exit_code == 2 and said in result.stderr, result.output


def test_every_command_knows_a_learner(run: Path) -> None:
    assert "learner = weight perturbation: eta" in invoke("show", run).output
    assert "knows   = global loss, local, two phases" in invoke("show", run).output
    assert json.loads(invoke("export", run).output)["learner"]["name"] == WP
    for form in ("latex", "python", "torch"):
        result = invoke("export", run, "--to", form)
        said = f"error: learner 'weight_perturbation' has no formula: nothing to export as {form}; use --to json\n"
        assert result.exit_code == 2 and result.stderr == said
    for option in ("--distances", "--kernel"):
        result = invoke("show", run, option)
        assert result.exit_code == 2 and "learner 'weight_perturbation' has no formula" in result.stderr
    with pytest.raises(ValueError, match="has no formula: nothing to train a module with"):
        metalearn.load_rule(run)
    result = invoke("compare", run, "weight_perturbation", "oja", "--lifetimes", "2", "--json")
    found = Comparison.read(json.loads(result.stdout), "x")
    assert list(found.arms) == ["wp", "weight_perturbation", "oja"]
    again = Comparison.read(json.loads(invoke("compare", run, "--json").stdout), "x")
    with RunStore.open(run, write=False) as store:
        stored = Comparison.read(store.get("comparison"), "comparison")
    scores = [c.cells[0].arms[name].scores for c, name in ((again, "wp"), (stored, "evolved"))]
    assert scores[0] == scores[1]
    for arm in ("backprop", "weight_perturbation_signs"):  # with the births that they were tuned with
        assert again.cells[0].arms[arm].scores == stored.cells[0].arms[arm].scores
    assert invoke("resume", run).exit_code == 0
    assert invoke("estimate", "tiny.yaml", f"learner={WP}", "compare.baselines=[]").exit_code == 0


def test_an_arm_comes_back_from_its_document() -> None:
    for name in ("oja", WP):
        arm = Arm(library.learner(name), {c.name: c.init for c in library.learner(name).coefficients}, 7, "orthogonal")
        assert Arm.of(ArmDocument.read(json.loads(json.dumps(arm.document().plain())), "x")) == arm


def test_a_learner_of_the_users_own_in_a_file_needs_consent(tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"format": 1, "learner": {"name": "venv.__main__"}, "values": {}}))
    with pytest.raises(ValueError, match="--trust venv.__main__"):
        read(file)
    for spec in ({"name": WP, "values": 3}, {"name": 3}, "x", None, {"name": WP, "directions": []}):
        file.write_text(json.dumps({"format": 1, "learner": spec}))
        with pytest.raises(ValueError, match="no rule.json"):
            read(file)


def test_programs_and_inheritance_need_a_formula(place: Path) -> None:
    result = invoke("search", "tiny.yaml", f"learner={WP}", "search=program")
    assert result.exit_code == 2 and "got 'weight_perturbation', which has none" in result.stderr, result.stderr
    result = invoke("baldwin", "tiny.yaml", f"learner={WP}", "genome.weights=direct")
    assert result.exit_code == 2 and "learner 'weight_perturbation' has no formula" in result.stderr, result.stderr
