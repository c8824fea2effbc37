"""Coefficients with a value per layer, unit or synapse, from the config to the file: sizes, refusals, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from inner.engines import moments
from inner.learners.local_rule import Learner
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config import library
from metalearn.config.load import load
from metalearn.evidence import controls
from metalearn.rule.training import load_rule
from metalearn.runs.inheritance import inheritance_objective
from metalearn.runs.search import check
from outer.evidence.fresh_lives import live_fresh
from outer.genome.coefficients import CoefficientGenome
from outer.settings import Distribution

COEFFICIENTS = "{eta: {init: 0.05, transform: log, share: SHARE}, c: {init: 0.0, scale: 0.01}}"
SMALL = [
    "rule={dw: 'eta*err*pre + c*post*pre', pathway: random, coefficients: COEFFICIENTS}",
    "network={hidden: [6]}",
    "life={steps: 20}",
    "search={name: es, popsize: 4, generations: 2}",
    "lifetimes=2",
    "shapes=1",
    "selection={finalists: 2, lifetimes: 2, shapes: 1}",
    "compare={baselines: [], lifetimes: 2, transfer: [{task: wine, hidden: [5], steps: 10}]}",
    "evaluator=serial",
    "tracking.mode=disabled",
]
COUNTS = {"layer": 2, "neuron": 16, "pre_neuron": 70, "synapse": 64 * 6 + 6 * 10}


def small(share: str, *more: str) -> list[str]:
    return [text.replace("COEFFICIENTS", COEFFICIENTS).replace("SHARE", share) for text in SMALL] + list(more)


@pytest.mark.parametrize("share", COUNTS)
def test_search_to_file(share: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searched, pruned as a whole, compared (a transfer cell of another shape is skipped), reported, shown, loaded."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["search", "digits", *small(share), "--name", "run"])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "runs/run/rule.json").read_text())
    assert len(document["values"]["eta"]) == COUNTS[share] and isinstance(document["values"]["c"], float)
    assert document["whole"].startswith("eta*pre*err") and "eta" in document["formula"]
    comparison = json.loads(CliRunner().invoke(main, ["compare", "run", "oja", "--json"]).output)
    skipped = {cell["cell"]: cell["why"] for cell in comparison["skipped"]}
    assert list(skipped) == ([] if share == "layer" else ["wine, 1 x 5"])
    assert all("belong to another network" in why for why in skipped.values())
    shown = CliRunner().invoke(main, ["show", "run"]).output
    assert f"eta {COUNTS[share]:,} values, one per " in shown and "mean" in shown
    report = (tmp_path / "runs/run/report.html").read_text()
    assert f"{COUNTS[share]:,} values: mean" in report
    loaded = load_rule("runs/run")
    assert len(loaded.values["eta"]) == COUNTS[share]
    again = CliRunner().invoke(main, ["resume", "run"])
    assert again.exit_code == 0, again.output


REFUSED = [
    (
        "synapse",
        ["network={depth: [1, 2], width: 6}"],
        "rule.coefficients.eta: share 'synapse' needs networks of one shape",
    ),
    ("neuron", ["network={width: [6, 7]}"], "expected one network.width (or network.hidden), got 6 to 7"),
    ("layer", ["network={depth: [1, 3]}"], "expected one network.depth"),
    (
        "synapse",
        ["compare.main=[{task: digits, hidden: [9]}]"],
        "coefficients.eta: 444 values, one per synapse, belong to",
    ),
]


@pytest.mark.parametrize("share, more, part", REFUSED, ids=range(len(REFUSED)))
def test_networks_of_several_shapes_are_refused(
    share: str, more: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["search", "digits", *small(share, *more), "--name", "run"])
    assert done.exit_code == 2 and part in done.output and len(done.output.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_layer_values_allow_several_widths() -> None:
    check(load("digits", small("layer", "network={width: [6, 9]}")))


def test_genome_of_blocks() -> None:
    """Decoding by blocks is decoding number by number; encode is its inverse; names and summary say what is where."""
    coefficients = (
        Coefficient("a", 0.5, "linear", 0.1, share="neuron"),
        Coefficient("b", 0.2, "log", fixed=True, share="layer"),
        Coefficient("c", 0.1, "log"),
        Coefficient("d", 0.0, share="synapse"),
    )
    genome = CoefficientGenome(coefficients, (3, 2, 1, 4))
    assert genome.size == 8 and genome.names == ("a[0]", "a[1]", "a[2]", "c", "d[0]", "d[1]", "d[2]", "d[3]")
    vectors = np.arange(16.0).reshape(2, 8) / 8
    theta = genome.decode(vectors)
    assert theta.shape == (2, 10)
    for p in range(2):
        wanted = [*(0.1 * vectors[p, :3]), 0.2, 0.2, np.exp(vectors[p, 3]), *(0.02 * np.sinh(vectors[p, 4:]))]
        np.testing.assert_allclose(theta[p], wanted)
    values = genome.values(vectors[1])
    assert list(values) == ["a", "b", "c", "d"] and len(values["d"]) == 4 and isinstance(values["c"], float)
    np.testing.assert_allclose(genome.encode(values), vectors[1])
    np.testing.assert_allclose(genome.decode(genome.start())[0], [0.5, 0.5, 0.5, 0.2, 0.2, 0.1, 0, 0, 0, 0])
    summary = genome.summary(vectors[1])
    assert summary["a.mean"] == pytest.approx(np.mean(values["a"])) and summary["d.sd"] == pytest.approx(
        np.std(values["d"])
    )


def test_a_single_value_stands_for_all() -> None:
    """A rule whose synapses all have the rate 0.05 lives the life of the rule with one rate, up to rounding."""
    (setting,) = Distribution({"name": "digits"}, hidden=(6,), steps=(30, 30)).settings("final", 0, (0,), 4, 1)
    one = Rule("eta*err*pre", pathway="random")
    many = Rule("eta*err*pre", {}, (Coefficient("eta", share="synapse"),), "random")
    scores = [
        live_fresh(rule, {"eta": value}, setting, 0).scores for rule, value in ((one, 0.05), (many, [0.05] * 444))
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=0.02)
    assert Learner(many).coefficients[0].share == "synapse"


def test_named_rules_stay_apart_from_the_baselines() -> None:
    """`baselines: all` is what it was; the other named rules can be used wherever a rule is asked for."""
    baselines = "backprop feedback_alignment direct_feedback_alignment hebb oja decay".split()
    assert list(library.entries()) == baselines
    assert set(library.named()) > set(baselines) and "three_factor" in library.named()
    assert library.rule("sanger").signals >= {"recon_ordered"}
    with pytest.raises(ValueError, match="did you mean 'three_factor'"):
        library.rule("threefactor")
    assert check(load("digits", ["rule=bcm"])).rule.name == "bcm"


def test_controls_leave_out_networks_that_the_values_do_not_fit() -> None:
    """Shuffling deals a coefficient's values out among its own places."""
    rule = Rule("A*err*pre", {}, (Coefficient("A", share="synapse"),), "random")
    config = load("digits", small("synapse", "compare={baselines: []}"))
    values = {"A": list(np.linspace(0.0, 0.1, 444))}
    found, skipped = controls.controls_of(Learner(rule), values, Experiment(config), 2)
    names = {control.name for control in found}
    assert "as it is" in names and "twice the width" not in names
    left = {entry.control: entry.why for entry in skipped}
    assert "444 values, one per synapse, belong to another network" in left["twice the width"]
    mixed = next(control for control in found if control.name == "coefficients shuffled (1)").values
    assert sorted(mixed["A"]) == values["A"] and mixed["A"] != values["A"]


def test_inheritance_refuses_values_per_unit() -> None:
    with pytest.raises(ValueError, match="share 'synapse' is for `metalearn search`"):
        inheritance_objective(Experiment(load("digits", small("synapse"))), 0)


def test_moments_leave_what_they_do_not_know_to_the_engine() -> None:
    """The shortcut for linear units knows one formula: with homeostasis or values per unit it would run another rule."""
    assert moments.powers(Rule("a*pre*post")) is not None
    for more in ({"homeostasis": {"max_norm": 1}}, {"coefficients": {"a": {"share": "neuron"}}}):
        assert moments.powers(Rule.from_dict({"dw": "a*pre*post", **more})) is None
    assert moments.powers(Rule.from_dict({"dw": {"hidden": "a*pre*post", "output": "a*pre"}})) is None
