"""Every row of the table of activations: torch, C, the exported file and plain numbers agree; what is missing is refused."""

from __future__ import annotations

import ctypes
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from faces import compiled
from native_help import SPEC, Toy, against_oracle, both, coefficients

from inner.activations import ACTIVATIONS, Activation
from inner.engines.native import engine as native
from inner.engines.native import head
from inner.engines.native.plan import Plan
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.rules.rule import Rule

GRID = [-math.inf, -1e3, -40.0, -8.0, -2.5, -0.3, -1e-3, 0.0, 1e-3, 0.3, 2.5, 8.0, 40.0, 1e3]
RULE = Rule("0.1*(a*err*pre + b*slope*drive*pre + c*post)", pathway="backprop")
LANE = ctypes.c_float * 16


def bounded(name: str) -> list[float]:
    """The grid where it is finite, for activities that have no bound."""
    return [x for x in GRID if math.isfinite(ACTIVATIONS[name].oracle(x)[0]) and math.isfinite(x)]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_torch_agrees_with_plain_numbers(name: str) -> None:
    """1e-12 relative or 1e-15; slopes 1e-10 or 1e-14, as they come from rounded activities."""
    row = ACTIVATIONS[name]
    assert row.meaning
    for x in bounded(name):
        drive = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        post = row.value(drive)
        (by_torch,) = torch.autograd.grad(post, drive) if post.requires_grad else (torch.ones(()),)
        drive, post = drive.detach(), post.detach()
        value, slope = row.oracle(x)
        feedback = torch.tensor(-1.7, dtype=torch.float64)
        assert math.isclose(float(post), value, rel_tol=1e-12, abs_tol=1e-15), x
        assert math.isclose(float(row.slope(drive, post)), slope, rel_tol=1e-10, abs_tol=1e-14), x
        assert math.isclose(float(row.delta(feedback, drive, post)), -1.7 * slope, rel_tol=1e-10, abs_tol=1e-14), x
        if x:
            assert math.isclose(float(by_torch), slope, rel_tol=1e-10, abs_tol=1e-14), x


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if row.torch_source])
def test_the_exported_file_agrees_with_plain_numbers(name: str) -> None:
    row = ACTIVATIONS[name]
    assert row.torch_source is not None
    value, slope = (compile(text, name, "eval") for text in row.torch_source)
    for x in bounded(name):
        scope = {"torch": torch, "drive": torch.tensor(x, dtype=torch.float64)}
        scope["post"] = eval(value, scope)
        wanted = row.oracle(x)
        assert math.isclose(float(scope["post"]), wanted[0], rel_tol=1e-8, abs_tol=1e-9), x  # softplus is cut off at 20
        assert math.isclose(float(eval(slope, scope)), wanted[1], rel_tol=1e-8, abs_tol=1e-8), x


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if row.c])
def test_c_agrees_with_plain_numbers(name: str, tmp_path: Path) -> None:
    """In single precision: values 2e-6 relative or 1e-6, slopes 2e-5 or 2e-6."""
    row = ACTIVATIONS[name]
    text = head.activation(Plan(RULE, name, "softmax", True, "classes", False))
    text += "void run(const float *x, float *to) { vec y = hidden(load_any(x)); memcpy(to, &y, sizeof y); }\n"
    text += "void bent(const float *y, float *to) { vec s = slope_of(load_any(y)); memcpy(to, &s, sizeof s); }\n"
    shared = (Path(head.__file__).parent / "lanes.h").read_text(encoding="utf-8")
    library = compiled("#define NARROW 0\n" + head.lanes(shared, text) + text, tmp_path)
    for x in bounded(name):
        single = float(np.float32(x))
        post, slope = LANE(), LANE()
        library.run(LANE(*[single] * 16), post)
        library.bent(post, slope)
        wanted = row.oracle(single)
        assert math.isclose(post[0], wanted[0], rel_tol=2e-6, abs_tol=1e-6), x
        assert math.isclose(slope[0], wanted[1], rel_tol=2e-5, abs_tol=2e-6), x


BENT = Activation(
    "sqrt(1 + x^2) - 1, smooth and even",
    lambda drive: torch.sqrt(1 + drive * drive) - 1,
    lambda drive, post: drive / (post + 1),
    lambda x: (math.sqrt(1 + x * x) - 1, x / math.sqrt(1 + x * x)),
)
QUARTER = Activation(
    "x / 4 above 0, x below",
    lambda drive: torch.where(drive > 0, drive / 4, drive),
    lambda drive, post: 1 - 0.75 * (drive > 0).to(drive.dtype),
    lambda x: (x / 4, 0.25) if x > 0 else (x, 1.0),
    c=("v_where(x, 0.25f * x, x)", "1.0f - 0.75f * v_step(y)"),
)


def test_a_new_activation_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines and the oracle; its C may call any function of the table."""
    monkeypatch.setitem(ACTIVATIONS, "quarter", QUARTER)
    network = Network(hidden=(21, 4), activation="quarter")
    assert not native.obstacle(Learner(RULE, network), SPEC)
    for batch in (1, 3):
        against_oracle(RULE, network, Toy(6, 3), batch)
        one, two = both(RULE, network, Toy(6, 3), 5, batch, coefficients(RULE))
        assert torch.allclose(one.score, two.score, rtol=1e-4)


def test_an_activation_without_c_or_an_exported_form_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from metalearn.rule.formats.torch import torch_source

    monkeypatch.setitem(ACTIVATIONS, "bent", BENT)
    learner = Learner(RULE, Network(hidden=(21, 4), activation="bent"))
    assert native.obstacle(learner, SPEC) == "no kernel for the activation 'bent'"
    with pytest.raises(ValueError, match="activation: a torch file can hold tanh, .*, got 'bent'"):
        torch_source(RULE, {"a": 0.1, "b": 0.1, "c": 0.1}, {"activation": "bent"}, {n: n for n in "abc"})
