"""Exported files stand alone: each runs without this project and computes the rule's own dw. All rules are FAKE."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inner.components import build, names
from inner.criteria import CLASSES
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.faces import to_torch
from inner.rules.signals import SIGNALS
from metalearn.pictures import search as pictures
from metalearn.report import rule_section as report_rule
from metalearn.rule import file as rule_file
from metalearn.rule.export import export, known
from metalearn.rule.source_names import safe_names

RULES: dict[str, dict[str, Any]] = {
    "polynomial": {"dw": "eta*(a*err*pre + b*post*pre - c*post**2*w + d*w*pre_err/(1 + w**2))"},
    "functions": {"dw": "eta*err*tanh(a*pre) + max(b, post)*step(pre)*relu(drive)*sign(w)*min(pre, 0.1)*tanh(0.5)"},
    "signals": {"dw": "a*recon*post + b*reward*pre + c*target*pre + d*feedback*slope - log(1 + abs(w))*exp(-pre**2)"},
    "traces": {"dw": "eta*e*err - a*f*w", "traces": {"e": "decay*e + pre*post", "f": "0.5*f + sigmoid(e)*pre"}},
    "sums": {"dw": "a*pre_sum*pre*0.01 + b*post*post_sum + c*drive_err*pre - d*recon_err*post - f*post*recon_ordered"},
    "powers": {"dw": "a*err*pre/(1 + pre_power) - b*post*w*post_power + c*err*pre*err_power"},
    "time": {"dw": "a*(1 - 300*progress)*err*pre + b*e/updates", "traces": {"e": "0.5*e + post*pre*updates"}},
    "means": {
        "dw": "a*mean(err*pre)/(0.1 + sqrt(v)) + b*tanh(mean(post))*pre",
        "traces": {"v": "0.9*v + c*mean(err*pre)**2"},
    },
    "layers": {
        "dw": {"hidden": "a*post*(pre - recon)", "output": "b*err*pre", "1": "c*e*err"},
        "traces": {"e": "0.5*e + pre"},
    },
    "max norm": {"dw": "a*pre*post + b*err*pre", "homeostasis": {"max_norm": 0.9}},
    "normalise": {"dw": "a*pre*post + b*err*pre", "homeostasis": {"normalise": 1.3}},
    "max weight": {"dw": "a*pre*post + b*err*pre", "homeostasis": {"max_weight": 0.3}},
    "awkward names": {"dw": "math*err*pre + torch*post + print*w + seen*pre + x*k", "traces": {}},
}


def fake_rule(name: str, pathway: str = "random", **more: Any) -> dict[str, Any]:
    """A FAKE rule.json with values that are no round numbers."""
    document = {"format": 1, "name": f"fake {name}", "traces": {}, "pathway": pathway, **RULES[name], **more}
    rng = stream(11, name)
    values = {c.name: float(rng.uniform(0.01, 0.6)) for c in rule_file.rule_of(document).coefficients}
    return {**document, "values": values, "activation": more.get("activation", "tanh")}


def run(*arguments: str, folder: Path) -> str:
    """Run Python where this project cannot be imported; any warning or error there fails the test."""
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-I", *arguments]
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(text: str) -> set[str]:
    nodes = ast.walk(ast.parse(text))
    return {alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}


@pytest.mark.parametrize("name", [name for name in RULES if name != "means"])
def test_python_file_computes_the_rule(name: str, tmp_path: Path) -> None:
    document = fake_rule(name)
    text = export(document, "python", tmp_path / "rule.py")
    assert (tmp_path / "rule.py").read_text(encoding="utf-8") == text
    assert imported(text) == {"math"}
    rule, rename = rule_file.rule_of(document), safe_names([*document["values"], *document["traces"]])
    rng = stream(5, name)
    known = [s for s in (*rule.signals, *rule.traces)]
    points = [{s: float(rng.normal()) for s in known} for _ in range(50)]
    formulas = {key.replace(".", "_"): e for key, e in rule.expressions.items()}
    formulas |= {f"trace_{t}": e for t, e in rule.trace_expressions.items()}
    for function, expression in formulas.items():
        used = {s.name for s in expression.free_symbols}
        handed = [{rename.get(k, k): v for k, v in point.items() if k in used} for point in points]
        code = (
            "import sys, json, runpy; file = runpy.run_path(sys.argv[1]); points = json.loads(sys.argv[2])\n"
            "print(json.dumps([file[sys.argv[3]](**p) for p in points]))"
        )
        found = json.loads(run("-c", code, str(tmp_path / "rule.py"), json.dumps(handed), function, folder=tmp_path))
        face = to_torch(expression)
        for point, value in zip(points, found):
            everything = {k: torch.tensor(v, dtype=torch.float64) for k, v in (point | document["values"]).items()}
            assert value == pytest.approx(float(face(everything)), rel=1e-12, abs=1e-15)


def engine_life(
    document: dict[str, Any], weights: list[torch.Tensor], own: list[torch.Tensor], data: torch.Tensor
) -> Any:
    """The same steps in the project's own learner: final weights per layer."""
    rule = rule_file.rule_of(document)
    learner = Learner(rule, Network((6, 5), activation=document["activation"], bias=True))
    theta = torch.tensor([[document["values"][c.name] for c in rule.coefficients]]).reshape(1, -1)
    state = learner.init(Spec(4, 3, CLASSES, 1000), theta, 1, 0, [("x",)])
    given = tuple(w[None] for w in weights)
    state = replace(state, weights=given, own=tuple(b[None] for b in own))
    for t, (x, y) in enumerate(data):
        state, _ = learner.step(state, x[None, :, :4], y[None, :, :3], t)
    return [w[0] for w in state.weights]


PATHWAYS = [name for name in names("pathway") if build("pathway", name).torch_source()]  # type: ignore[attr-defined]
TORCH_CASES = [(name, "random", "tanh") for name in RULES] + [("polynomial", p, "tanh") for p in PATHWAYS]
TORCH_CASES += [("signals", "backprop", a) for a in ("relu", "sigmoid", "softplus", "linear")]


@pytest.mark.parametrize(("name", "pathway", "activation"), TORCH_CASES)
def test_torch_file_lives_the_same_life_as_the_engine(name: str, pathway: str, activation: str, tmp_path: Path) -> None:
    document = fake_rule(name, pathway, activation=activation)
    document["values"] = {k: 0.1 * v for k, v in document["values"].items()}
    text = export(document, "torch", tmp_path / "rule_torch.py")
    assert imported(text) == {"torch"}
    assert all(f"    {signal}: " in text for signal in rule_file.rule_of(document).signals)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(3, 7, 4, generator=generator)
    y = torch.nn.functional.one_hot(torch.randint(3, (3, 7), generator=generator), 4).float()
    torch.save({"x": x, "y": y[..., :3]}, tmp_path / "data.pt")
    code = (
        "import torch, runpy; file = runpy.run_path('rule_torch.py'); data = torch.load('data.pt')\n"
        "net = file['Network']([4, 6, 5, 3], seed=1); start = [w.clone() for w in net.weights]\n"
        "own = [b.clone() for b in net.own]\n"
        "for x, y in zip(data['x'], data['y']): net.step(x, y)\n"
        "torch.save({'start': start, 'own': own, 'end': net.weights}, 'out.pt')"
    )
    run("-c", code, folder=tmp_path)
    out = torch.load(tmp_path / "out.pt")
    pairs = list(zip(x, y[..., :3]))
    expected = engine_life(document, out["start"], out["own"], pairs)  # type: ignore[arg-type]
    for begin, end, wanted in zip(out["start"], out["end"], expected):
        torch.testing.assert_close(end - begin, wanted - begin, rtol=1e-4, atol=1e-6)
        assert (end - begin).abs().max() > 1e-5 or pathway == "none"


@pytest.mark.parametrize("name", ["max norm", "normalise", "max weight"])
def test_python_file_holds_the_homeostatic_step(name: str, tmp_path: Path) -> None:
    document = fake_rule(name)
    export(document, "python", tmp_path / "rule.py")
    keep = rule_file.rule_of(document).homeostasis
    weights = (0.4 * torch.randn(2, 7, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).cumsum(0)
    for column in weights:
        code = "import json, runpy, sys; print(json.dumps(runpy.run_path('rule.py')['homeostasis'](json.loads(sys.argv[1]))))"
        found = json.loads(run("-c", code, json.dumps(column[:, 0].tolist()), folder=tmp_path))
        assert keep is not None and found == pytest.approx(keep.apply(column)[:, 0].tolist())


def test_values_per_synapse_go_to_json_and_latex_only(tmp_path: Path) -> None:
    spec = {"dw": "eta*err*pre", "coefficients": {"eta": {"share": "synapse"}}, "values": {"eta": [0.5, 1.5, 1.0]}}
    for form in ("python", "torch"):
        with pytest.raises(ValueError, match="holds one value per coefficient, 'eta' has 3; use --to json") as error:
            export(spec, form, tmp_path / "out")
        assert "\n" not in str(error.value) and not (tmp_path / "out").exists()
    assert json.loads(export(spec, "json"))["values"] == {"eta": [0.5, 1.5, 1.0]}
    assert "% eta = 3 values, one per synapse: mean 1, sd 0.4082, from 0.5 to 1.5" in export(spec, "latex")


def test_means_over_samples_are_refused_by_a_function_of_one_sample() -> None:
    with pytest.raises(ValueError, match=r"^python: a function of one sample cannot hold mean\(...\), .*use --to torch$"):
        export(fake_rule("means"), "python")


def test_torch_file_shows_that_it_learns(tmp_path: Path) -> None:
    document = {"dw": "eta*err*pre", "pathway": "random", "values": {"eta": 0.2}, "network": {"hidden": [16]}}
    assert "Network([8, *[16], 4])" in export(document, "torch", tmp_path / "rule_torch.py")
    said = run("rule_torch.py", folder=tmp_path)
    before, after = float(said.split("before ")[1].split(",")[0]), float(said.split()[-1])
    assert after > 0.9 > before


def test_every_pathway_is_in_a_torch_file_or_refused_by_name() -> None:
    assert {"none", "backprop", "random", "direct", "sign", "learned", "reward"} <= set(PATHWAYS)
    for name in names("pathway"):
        if name not in PATHWAYS:
            with pytest.raises(ValueError, match=f"^pathway: a torch file can hold .*, got '{name}'$"):
                export(fake_rule("polynomial", name), "torch")


@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal_is_in_a_torch_file_or_refused_by_name(name: str, tmp_path: Path) -> None:
    document = {"dw": f"0.1*{name}*pre", "pathway": "random"}
    if SIGNALS[name].torch_source:
        export(document, "torch", tmp_path / "rule_torch.py")
        assert "accuracy before" in run("rule_torch.py", folder=tmp_path)
    else:
        with pytest.raises(ValueError, match=f"^signal: a torch file cannot hold '{name}'$"):
            export(document, "torch")


def test_options_of_a_pathway_are_in_the_file() -> None:
    text = export(fake_rule("polynomial", {"name": "learned", "decay": 0.25}), "torch")  # type: ignore[arg-type]
    assert "self.weights[k] *= 0.75\n" in text and "change[:-1].T) * 0.75\n" in text


def test_python_file_has_values_one_step_back(tmp_path: Path) -> None:
    document = {"dw": "0.5*e_before*err + 0.25*pre_before*e", "traces": {"e": "0.5*e + pre"}}
    export(document, "python", tmp_path / "rule.py")
    code = "import runpy; print(runpy.run_path('rule.py')['dw'](err=2.0, e=3.0, e_before=5.0, pre_before=7.0))"
    assert float(run("-c", code, folder=tmp_path)) == 0.5 * 5 * 2 + 0.25 * 7 * 3


def test_json_and_latex(tmp_path: Path) -> None:
    document = fake_rule("traces")
    assert json.loads(export(document, "json")) == document
    text = export(document, "latex")
    assert r"\Delta w &= " in text and text.count(r"&\leftarrow") == 2 and text.count(r"\\") == 2
    assert text.count("{") == text.count("}") and r"\begin{align*}" in text
    assert f"% eta = {document['values']['eta']!r}" in text
    text = export(fake_rule("layers", homeostasis={"max_norm": 2}), "latex")
    assert text.count(r" &= ") == 3 and text.count(r"&\leftarrow") == 2 and r"\mathrm{output}" in text


@pytest.mark.parametrize("form", known())
def test_text_in_a_rule_file_cannot_become_code(form: str, tmp_path: Path) -> None:
    bad = '"""\nimport os; os.system("touch owned")\n"""\n\\N{BULLET} %s $x ${y}'
    document = {
        **fake_rule("polynomial"),
        "run": bad,
        "task": bad,
        "formula": bad,
        "pruned": bad,
        "network": {"hidden": bad},
    }
    text = export({**document, "name": ""}, form, tmp_path / "rule.py")
    if form in ("python", "torch"):
        run("rule.py", folder=tmp_path)
        assert imported(text) == {"math" if form == "python" else "torch"}
    assert [p.name for p in tmp_path.iterdir()] == ["rule.py"]


@pytest.mark.parametrize(
    ("document", "to", "said"),
    [
        ({"dw": "eta*err*pre"}, "pyton", "did you mean 'python'"),
        ({"dw": "eta*"}, "python", "rule.dw: "),
        ({}, "json", "expected a mapping with a formula 'dw'"),
        ({"dw": "eta*pre", "values": {"eta": "1"}}, "torch", "values.eta: expected a finite number"),
        ({"dw": "eta*pre", "values": {"eta": float("nan")}}, "python", "values.eta: expected a finite number"),
        ({"dw": "eta*pre", "pathway": "random", "activation": "x()"}, "torch", "activation: a torch file can hold"),
        ({"dw": "eta*pre", "pathway": "my.module"}, "torch", "pathway: 'my.module' is a module"),
        ({"dw": "eta*surprise*pre", "noise": 0.1}, "torch", "signal: a torch file cannot hold 'surprise'"),
        ({"dw": "eta*err*pre", "noise": 0.1}, "torch", "noise: a torch file has none in the drives, got 0.1"),
        ({"dw": "e_before*err", "traces": {"e": "pre"}}, "torch", "signal: a torch file cannot hold 'e_before'"),
        ({"dw": "eta*pre", "format": 2}, "json", "format: expected 1, got 2"),
    ],
)
def test_mistakes_are_one_line(document: dict[str, Any], to: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")) as error:
        export(document, to, tmp_path / "out")
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_bars_show_the_number_of_every_expanded_term() -> None:
    values = {"eta": 0.0512, "a": 0.84, "b": -0.213, "c": 0.0042}
    found = report_rule.terms({"dw": "eta*(a*err*pre + b*post*pre - c*post**2*w)", "values": values})
    expected = {"pre · err": 0.0512 * 0.84, "pre · post": 0.0512 * -0.213, "post² · w": -0.0512 * 0.0042}
    assert found == pytest.approx(expected)


def test_long_formulas_wrap_between_terms_and_stay_drawable() -> None:
    latex = r"\Delta w = \eta \left(" + " + ".join(rf"\theta_{{{k},a + b}} x^{{{k}}} y" for k in range(27)) + r"\right)"
    lines = report_rule.wrap_latex(latex)
    assert len(lines) > 3 and "".join(lines).replace(r"\qquad ", "") == latex.replace(r"\left(", "(").replace(
        r"\right)", ")"
    )
    assert all(line.count("{") == line.count("}") for line in lines)
    assert (pictures.formula(lines, "long") or "").startswith("<svg")
    assert pictures.formula([r"\begin{cases} x \end{cases}"], "bad") is None
