"""The battery of every signal: the table of inner/rules/signals.py, the files of inner/signals, and each one step back."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

import inner.rules.signals as catalogue
from inner.components import build
from inner.criteria import CLASSES
from inner.engines.choice import choose, live
from inner.engines.native.compiler import problem
from inner.learners._signals import look
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.request import Life, Result
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.faces import to_latex, to_python_source, to_text, to_torch
from inner.rules.parse import parse
from inner.rules.rule import Rule
from inner.rules.signal import LOCALITIES, SIDES, Signal
from inner.rules.signals import BEFORE, SIGNALS, totals
from inner.sources import Told
from inner.tasks.base import Task

LABELS = (("signal", 0), ("signal", 1))
SIZES = (4, 6, 5, 3)
B = 3
EXPLORING = {"noise": 0.3, "surprise": {"baseline": "clean"}}
ONLY_EXPLORING = ("noise", "surprise", "action")


def learner_of(name: str, bias: bool = True) -> Learner:
    """A rule that is this signal times a coefficient; noisy where no other rule has the signal."""
    noisy = EXPLORING if name.removesuffix(BEFORE) in ONLY_EXPLORING else {}
    rule = Rule.from_dict({"dw": f"c*{name}", "pathway": "random", "coefficients": {"c": 0.01}} | noisy)
    return Learner(rule, Network(hidden=SIZES[1:-1], bias=bias))


@pytest.mark.parametrize("name", SIGNALS)
def test_a_row_says_what_it_is(name: str) -> None:
    row = SIGNALS[name]
    assert row.name == name and name.isidentifier() and row.meaning and row.source
    assert row.side in SIDES and row.locality in LOCALITIES
    assert (name == "w") == (row.value is None and row.total is None) and not (row.value and row.total)
    assert set(row.needs) <= set(SIGNALS) and (not row.needs or row.total is not None)
    if not row.before:
        assert (name + BEFORE in SIGNALS) == (name != "w" and not row.per_sample and not row.per_step)
        return
    was = SIGNALS[row.before]
    assert name == was.name + BEFORE and (row.side, row.locality, row.output_only) == (
        was.side,
        was.locality,
        was.output_only,
    )


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", SIGNALS)
def test_its_value_has_the_shape_of_its_side(name: str, bias: bool) -> None:
    learner, row = learner_of(name, bias), SIGNALS[name]
    numbers = torch.from_numpy(stream(0, "signals").standard_normal((4, B, SIZES[0]))).float()
    target = torch.eye(3)[torch.tensor([0, 1, 2])].expand(4, B, 3)
    state = learner.init(Spec(SIZES[0], SIZES[-1], CLASSES, 2, B), torch.full((4, 1), 0.01), 2, 0, LABELS)
    state, _ = learner.step(state, numbers, target)
    state, _ = learner.act(state, numbers, None, 1)
    values, _ = look(learner, state, Told(target), 1)
    for k, w in enumerate(state.weights):
        signals: dict[str, Tensor] = {made: value(values, k) for made, value in learner.made} | {"w": w}
        signals |= totals(learner.summed, signals)
        n, i, o = w.shape
        widths = {"pre": (n, B, i), "post": (n, B, o), "global": (n, 1 if row.per_step else B, 1), "synapse": (n, i, o)}
        assert signals[name].shape == ((n, B, i, o) if row.per_sample else widths[row.side]), f"group {k}"
        assert signals[name].dtype == torch.float32 and bool(signals[name].isfinite().all())


def lived(name: str, engine: str) -> Result:
    task = cast(Task, build("task", "digits"))
    learner = replace(learner_of(name), network=Network(hidden=(6,)))
    data = task.life_data("search", 12, 2, 0, LABELS)
    theta = torch.tensor([[0.01], [0.0]], dtype=torch.float64)
    with torch.no_grad():
        return live(Life(learner, task, data, theta, 0, LABELS, (0, 12)), engine)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_rule_of_it_lives_on_every_engine_that_has_it(name: str) -> None:
    """It changes weights; engines agree where there is C, and where there is none native says so and auto goes on."""
    one, two = lived(name, "eager"), lived(name, "auto")
    assert bool(one.alive.all()) and bool(one.curve.isfinite().all())
    moved = [w[:2] - w[2:] for w in one.state.weights]  # the second candidate never learns
    assert any(bool(change.any()) for change in moved), "the signal is 0 everywhere: the test has no power"
    for k, change in enumerate(moved):
        other = two.state.weights[k][:2] - two.state.weights[k][2:]
        assert float((change - other).abs().max()) <= 2e-4 * float(change.abs().max()) + 1e-7, f"group {k}"
    learner, spec = learner_of(name), Spec(64, 10, CLASSES, 12, 2)
    engine, why = choose("auto", learner, spec)
    if SIGNALS[name].native and not problem():
        assert engine == "native" and not why
    elif not SIGNALS[name].native:
        assert engine == "eager"
        with pytest.raises(ValueError, match="^engine: native cannot run this: no kernel [^\n]*; use auto or eager$"):
            lived(name, "native")


@pytest.mark.parametrize("name", SIGNALS)
def test_every_rendering_names_it(name: str) -> None:
    expression = parse(f"c*tanh({name})", (*SIGNALS,))
    assert parse(to_text(expression), (*SIGNALS,)) == expression and name in to_text(expression)
    latex = to_latex(expression)
    assert latex.count("{") == latex.count("}") and "z0" not in latex
    source = to_python_source(expression, "dw")
    assert name in {node.arg for node in ast.walk(ast.parse(source)) if isinstance(node, ast.arg)}
    value = to_torch(expression)({name: torch.tensor(0.5), "c": torch.tensor(2.0)})
    assert float(value) == pytest.approx(2 * math.tanh(0.5))


def test_power_of_the_input_by_hand() -> None:
    pre = torch.tensor([[[1.0, -2.0, 0.5], [0.0, 3.0, 0.0]]])
    assert torch.equal(totals(["pre_power"], {"pre": pre})["pre_power"], torch.tensor([[[5.25], [9.0]]]))


def test_reading_the_catalogue_imports_no_torch() -> None:
    code = "import sys, inner.rules.rule, inner.rules.signals; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (SimpleNamespace(), "expected SIGNAL, a Signal named 'mine', got none"),
        (SimpleNamespace(SIGNAL=replace(SIGNALS["pre"], name="other")), "a Signal named 'mine', got one named 'other'"),
    ],
)
def test_a_file_without_its_signal_is_refused(module: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [SimpleNamespace(name="mine")]
    monkeypatch.setattr(catalogue.pkgutil, "iter_modules", lambda path: found)
    monkeypatch.setattr(catalogue.importlib, "import_module", lambda name: module)
    with pytest.raises(ValueError, match=f"^signal: inner/signals/mine.py: .*{message}$"):
        catalogue._files()
    found[0] = SimpleNamespace(name="pre")
    monkeypatch.setattr(catalogue.importlib, "import_module", lambda name: SimpleNamespace(SIGNAL=SIGNALS["pre"]))
    with pytest.raises(ValueError, match="pre.py: expected a new name"):
        catalogue._files()


def test_sides_and_localities_are_checked() -> None:
    with pytest.raises(ValueError, match="signal mine: side: expected one of pre, .*, got 'left'"):
        Signal("mine", "", "left", "local", "")
    with pytest.raises(ValueError, match="signal mine: locality: expected one of local, .*, got 'near'"):
        Signal("mine", "", "pre", "near", "")
