"""A user's module trained with a rule, held to autograd, the project's learner, and real data. Rules are FAKE."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inner.components import names
from inner.criteria import CLASSES, CRITERIA
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules import sharing
from inner.rules.rule import Rule
from metalearn.rule.training import LoadedRule, Trainer, load_rule

ALL = (
    "eta*(a*err*pre + b*post*pre_err + c*recon*post - d*post**2*w) + f*reward*pre + g*target*pre"
    " + h*feedback*slope + k*e*drive"
)


def fake_rule(folder: Path, dw: str, pathway: str, values: dict[str, float], **more: Any) -> LoadedRule:
    """Write a FAKE rule.json and load it."""
    document = {"format": 1, "name": "fake", "dw": dw, "pathway": pathway, "values": values, **more}
    (folder / "rule.json").write_text(json.dumps(document), encoding="utf-8")
    return load_rule(folder)


def module(activation: nn.Module, bias: bool = True, sizes: tuple[int, ...] = (5, 7, 6, 3)) -> nn.Sequential:
    """Linear layers with addressed random weights."""
    layers: list[nn.Module] = []
    for k, (below, above) in enumerate(zip(sizes, sizes[1:])):
        layer = nn.Linear(below, above, bias=bias)
        with torch.no_grad():
            for name, parameter in layer.named_parameters():
                drawn = stream(2, "module", k, name).normal(size=tuple(parameter.shape)) / below**0.5
                parameter.copy_(torch.from_numpy(drawn))
        layers += [layer, activation]
    return nn.Sequential(*layers[:-1])


def batch(count: int = 9) -> tuple[Tensor, Tensor]:
    rng = stream(4, "batch")
    return torch.from_numpy(rng.normal(size=(count, 5)).astype(np.float32)), torch.from_numpy(rng.integers(0, 3, count))


def parameters(net: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in net.parameters()]


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.ReLU(inplace=True), nn.Sigmoid(), nn.Softplus(), nn.GELU()])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_backprop_rule_is_gradient_descent(
    tmp_path: Path, activation: nn.Module, bias: bool, dtype: torch.dtype
) -> None:
    trainer_of = fake_rule(tmp_path, "eta*err*pre", "backprop", {"eta": 0.3})
    net, (x, labels) = module(activation, bias).to(dtype), batch()
    x = x.to(dtype)
    before = parameters(net)
    gradients = torch.autograd.grad(nn.functional.cross_entropy(net(x), labels), list(net.parameters()))
    output = trainer_of.trainer(net).step(x, labels)
    for old, new, gradient in zip(before, net.parameters(), gradients):
        close = {"rtol": 1e-4, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-12}
        torch.testing.assert_close(new.detach() - old, -0.3 * gradient, **close)
        assert new.grad is None and new.dtype == dtype
    assert output.shape == (9, 3) and torch.allclose(output.sum(1), torch.ones(9, dtype=dtype))


def test_float_targets_descend_the_squared_error(tmp_path: Path) -> None:
    net, (x, _) = module(nn.Tanh()), batch()
    target = torch.from_numpy(stream(9, "target").normal(size=(9, 3)).astype(np.float32))
    before = parameters(net)
    loss = 0.5 * ((net(x) - target) ** 2).sum(1).mean()
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    fake_rule(tmp_path, "eta*err*pre", "backprop", {"eta": 0.1}).trainer(net).step(x, target)
    for old, new, gradient in zip(before, net.parameters(), gradients):
        torch.testing.assert_close(new.detach() - old, -0.1 * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pathway", names("pathway"))
@pytest.mark.parametrize("kind", ["classes", "values", "none"])
@pytest.mark.parametrize("bias", [True, False])
def test_three_steps_equal_the_projects_learner(tmp_path: Path, pathway: str, kind: str, bias: bool) -> None:
    values = {"eta": 0.1, "a": 1.0, "b": 0.4, "c": -0.3, "d": 0.2, "f": 0.02, "g": 0.05, "h": 0.03, "k": 0.01, "r": 0.7}
    loaded = fake_rule(tmp_path, ALL, pathway, values, traces={"e": "r*e + pre*post"})
    net, (x, labels) = module(nn.Tanh(), bias), batch()
    learner = Learner(loaded.rule, Network((7, 6), activation="tanh", bias=bias))
    if learner.pathway.draws or learner.pathway.runs:
        with pytest.raises(ValueError, match=f"the pathway '{pathway}' .* which the trainer of a module does not have"):
            loaded.trainer(net, seed=3)
        return
    trainer = loaded.trainer(net, seed=3)
    if learner.pathway.aims and kind == "none":
        with pytest.raises(ValueError, match=f"target: the pathway '{pathway}' needs one"):
            trainer.step(x, None)
        return
    theta = torch.tensor([[values[c.name] for c in loaded.rule.coefficients]])
    state = learner.init(Spec(5, 3, CRITERIA[kind]), theta, 1, 3, [("trainer",)])
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    start = [torch.cat([m.weight.T] + ([m.bias[None]] if bias else [])).detach().clone() for m in linear]
    state = replace(state, weights=tuple(w[None] for w in start))
    onehot = nn.functional.one_hot(labels, 3).float()
    target = {"classes": labels, "values": onehot, "none": None}[kind]
    for _ in range(3):
        state, output = learner.step(state, x[None], onehot[None])
        torch.testing.assert_close(trainer.step(x, target), output[0], rtol=1e-4, atol=1e-5)
    for layer, begin, w in zip(linear, start, state.weights):
        now = torch.cat([layer.weight.T] + ([layer.bias[None]] if bias else [])).detach()
        torch.testing.assert_close(now - begin, w[0] - begin, rtol=1e-3, atol=1e-5)
        assert (now - begin).abs().max() > 1e-3


NEW: list[dict[str, Any]] = [
    {
        "dw": {"hidden": "0.05*post*(pre - recon)", "output": "0.3*err*pre", "1": "0.1*e*err"},
        "traces": {"e": "0.5*e + pre"},
    },
    {"dw": "0.1*err*pre*pre_sum + 0.01*post*(post_sum + drive_err + recon_err) - 0.1*post*recon_ordered"},
    {"dw": "0.3*err*pre", "homeostasis": {"max_norm": 1.0}},
    {"dw": "0.3*(1 - progress)*err*pre/(1 + pre_power) + 0.01*post*pre/updates"},
    {"dw": "0.3*err*pre", "homeostasis": {"normalise": 1.5}, "pathway": "learned"},
    {
        "dw": "A*err*pre - 0.01*B*w + C*post",
        "coefficients": {n: {"share": s} for n, s in zip("ABC", ("synapse", "neuron", "layer"))},
    },
    {"dw": "0.3*surprise*pre*noise + 0.1*err*pre", "noise": 0.2, "surprise": {"baseline": "clean"}},
    {"dw": "0.3*surprise*pre*noise + 0.1*err*pre", "noise": 0.2},
    {"dw": "0.1*err*pre_before + 0.2*post*e_before + 0.1*e*err", "traces": {"e": "0.5*e + post*pre"}},
    {"dw": "0.1*e*err + 0.1*h*pre + 0.05*action*pre", "traces": {"e": "0.5*e + pre", "h": "0.5*h + err"}},
    {"dw": "0.3*err*pre", "pathway": {"name": "learned", "decay": 0.05}},
]


@pytest.mark.parametrize("spec", NEW, ids=range(len(NEW)))
@pytest.mark.parametrize("bias", [True, False])
def test_everything_that_a_rule_may_say_equals_the_projects_learner(
    tmp_path: Path, spec: dict[str, Any], bias: bool
) -> None:
    learner = Learner(Rule.from_dict({"pathway": "random", **spec}), Network((7, 6), activation="tanh", bias=bias))
    shapes = Network(hidden=(7, 6), bias=bias).shapes(5, 3)
    counts = [sharing.count(c, shapes) for c in learner.rule.coefficients]
    theta = torch.from_numpy(stream(6, "theta").uniform(0.05, 0.3, (1, sum(counts)))).float()
    parts = theta[0].split(counts)
    values = {c.name: part.tolist() for c, part in zip(learner.rule.coefficients, parts)}
    loaded = fake_rule(tmp_path, values=values, **{"pathway": "random", **spec})
    assert replace(loaded.rule, name="") == learner.rule
    net, (x, labels) = module(nn.Tanh(), bias), batch()
    trainer = loaded.trainer(net, seed=3, steps=5)
    state = learner.init(Spec(5, 3, CLASSES, 5, batch=9), theta, 1, 3, [("trainer",)])
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    start = [torch.cat([m.weight.T] + ([m.bias[None]] if bias else [])).detach().clone() for m in linear]
    state = replace(state, weights=tuple(w[None] for w in start))
    for t in range(3):
        state, _ = learner.step(state, x[None], nn.functional.one_hot(labels, 3).float()[None], t)
        proposed = trainer.changes(x, labels)
        trainer.step(x, labels)
    assert [dw.shape for dw in proposed] == [w.shape[1:] for w in state.weights]
    for layer, begin, w in zip(linear, start, state.weights):
        now = torch.cat([layer.weight.T] + ([layer.bias[None]] if bias else [])).detach()
        torch.testing.assert_close(now - begin, w[0] - begin, rtol=1e-3, atol=1e-5)
        assert (now - begin).abs().max() > 1e-3


def test_a_rule_that_knows_the_time_must_be_told_of_it(tmp_path: Path) -> None:
    loaded = fake_rule(tmp_path, "0.1*err*pre*(1 - progress)", "random", {})
    with pytest.raises(ValueError, match=r"^steps: expected how many there will be, as the rule has `progress`, got 0$"):
        loaded.trainer(module(nn.Tanh()))


def test_the_number_of_samples_may_change(tmp_path: Path) -> None:
    """What is kept for every sample goes on from its mean: steps of 9, 4, 1 and 9 samples."""
    loaded = fake_rule(tmp_path, "0.1*err*e + 0.1*err*pre_before", "random", {}, traces={"e": "0.5*e + pre"})
    (x, labels), net = batch(), module(nn.Tanh())
    trainer, old = loaded.trainer(net), parameters(net)
    for count in (9, 4, 1, 9):
        trainer.step(x[:count], labels[:count])
    assert all(bool(p.isfinite().all()) and not torch.equal(a, p) for a, p in zip(old, net.parameters()))
    last = trainer.changes(x, labels)[0]
    assert last.shape == (6, 7) and bool(last.any())


def test_noise_in_the_module_is_that_of_the_learner(tmp_path: Path) -> None:
    """The clean output is the module's own; two trainers at one seed draw the same, another seed another."""
    loaded = fake_rule(
        tmp_path,
        "0.1*surprise*pre*noise",
        "none",
        {},
        noise=0.3,
        surprise={"baseline": "clean"},  # type: ignore[arg-type]
    )
    (x, labels), nets = batch(), [module(nn.Tanh()) for _ in range(3)]
    one, two, other = (loaded.trainer(net, seed=s).changes(x, labels) for net, s in zip(nets, (0, 0, 1)))
    assert torch.equal(one[0], two[0]) and not torch.equal(one[0], other[0]) and bool(one[0].any())
    quiet = fake_rule(tmp_path, "0.1*err*pre", "none", {}).trainer(nets[0]).step(x, labels)
    assert not torch.equal(quiet, loaded.trainer(nets[1]).step(x, labels))


def test_options_of_a_pathway_are_the_rules_own(tmp_path: Path) -> None:
    """The decay of `learned` shrinks weights that nothing else moves."""
    loaded = fake_rule(tmp_path, "0*eta*err*pre", "learned", {"eta": 0.1})
    halved = replace(loaded, rule=replace(loaded.rule, pathway_options={"decay": 0.5}))
    net, (x, labels) = module(nn.Tanh()), batch()
    before = net[0].weight.detach().clone()
    halved.trainer(net).step(x, labels)
    torch.testing.assert_close(net[0].weight.detach(), 0.5 * before)


def test_values_of_another_network_are_refused(tmp_path: Path) -> None:
    share = {"A": {"share": "neuron"}}
    loaded = fake_rule(tmp_path, "A*err*pre", "none", {"A": [0.1] * 15}, coefficients=share)  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="15 values, one per postsynaptic unit, belong to another network"):
        loaded.trainer(module(nn.Tanh())).step(*batch())


class Plain(nn.Module):
    """Not a Sequential: functions between layers, and layers declared in another order than they run."""

    def __init__(self) -> None:
        super().__init__()
        self.second, self.first = nn.Linear(6, 3), nn.Linear(5, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(torch.flatten(x, 1))))


def test_a_plain_module_and_no_grad_and_changes(tmp_path: Path) -> None:
    net, (x, labels) = Plain(), batch()
    trainer = fake_rule(tmp_path, "eta*err*pre", "backprop", {"eta": 1.0}).trainer(net)
    gradients = torch.autograd.grad(nn.functional.cross_entropy(net(x), labels), [net.first.weight, net.second.weight])
    before = parameters(net)
    with torch.no_grad():
        changes = trainer.changes(x[:, None], labels)
    for dw, gradient in zip(changes, gradients):
        torch.testing.assert_close(dw[:-1].T, -gradient, rtol=1e-4, atol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters()))
    assert not net._forward_hooks and not net.first._forward_hooks


def test_feedback_is_addressed_by_the_seed(tmp_path: Path) -> None:
    loaded, (x, labels) = fake_rule(tmp_path, "eta*err*pre", "random", {"eta": 1.0}), batch()
    first, again, other = (loaded.trainer(module(nn.Tanh()), seed=s).changes(x, labels) for s in (0, 0, 1))
    assert torch.equal(first[0], again[0]) and not torch.allclose(first[0], other[0])
    assert torch.equal(first[-1], other[-1])


def test_frozen_layers_stay_and_the_rest_learns(tmp_path: Path) -> None:
    net, (x, labels) = module(nn.Tanh()), batch()
    net[0].requires_grad_(False)
    before = parameters(net)
    fake_rule(tmp_path, "eta*err*pre", "random", {"eta": 0.1}).trainer(net).step(x, labels)
    moved = [not torch.equal(a, b) for a, b in zip(before, net.parameters())]
    assert moved == [False, False, True, True, True, True]


def test_digits_are_learned_with_three_lines(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    fake_rule(tmp_path, "eta*err*pre", "random", {"eta": 0.2})
    images, labels = load_digits(return_X_y=True)
    order = stream(0, "order").permutation(len(labels))
    x, y = torch.from_numpy(images[order] / 16 - 0.3).float(), torch.from_numpy(labels[order])
    model = module(nn.Tanh(), sizes=(64, 32, 10))
    trainer = load_rule(tmp_path).trainer(model)
    for start in range(0, 1400, 10):
        trainer.step(x[start : start + 10], y[start : start + 10])
    assert (model(x[1400:]).argmax(1) == y[1400:]).float().mean() > 0.7


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (nn.Sequential(nn.Tanh()), "at least one nn.Linear"),
        (nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)), "outside nn.Linear"),
        (nn.Sequential(nn.Linear(5, 4), nn.Softmax(1), nn.Linear(4, 3)), "mixes units"),
        (nn.Sequential(nn.Linear(5, 4), nn.MaxPool1d(2), nn.Linear(2, 3)), "elementwise activation"),
        (nn.Sequential(nn.Linear(5, 5), *[nn.Linear(5, 5)] * 2, nn.Linear(5, 3)), "runs twice"),
        (nn.Sequential(nn.Linear(5, 3), nn.Tanh()), "end with nn.Linear"),
    ],
)
def test_modules_that_a_rule_cannot_train_are_refused(net: nn.Module, said: str, tmp_path: Path) -> None:
    loaded, (x, labels) = fake_rule(tmp_path, "eta*err*pre", "random", {"eta": 0.1}), batch()
    with pytest.raises(ValueError, match=said) as error:
        loaded.trainer(net).step(x, labels)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (torch.zeros(8, dtype=torch.long), r"labels \[9\]"),
        (torch.full((9,), 3), "labels 0 .. 2"),
        (torch.zeros(9, 2), r"expected shape \[9, 3\]"),
    ],
)
def test_targets_of_the_wrong_shape_are_refused(target: Tensor, said: str, tmp_path: Path) -> None:
    net = module(nn.Tanh())
    before = parameters(net)
    trainer = fake_rule(tmp_path, "eta*err*pre", "random", {"eta": 0.1}).trainer(net)
    with pytest.raises(ValueError, match=said):
        trainer.step(batch()[0], target)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters()))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff\xfe", b"{", b"[1]", b"null", b"[" * 100_000, b"x" * 5_000_000, b'{"dw": 3}'),
        b"{\"dw\": \"__import__('os').system('touch owned')\"}",
        b'{"dw": "eta*pre", "values": {"eta": NaN}}',
        b'{"dw": "eta*pre", "values": {"eta": true}}',
        b'{"dw": "eta*pre", "values": 3}',
        b'{"dw": "eta*pre", "coefficients": 3}',
        b'{"dw": "eta*pre", "traces": {"3": 4}}',
        b'{"dw": "eta*pre", "pathway": "randon"}',
        b'{"format": 9, "dw": "eta*pre"}',
    ],
)
def test_damaged_and_foreign_files_are_one_line(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rule.json").write_bytes(content)
    with pytest.raises(ValueError, match="rule") as error:
        load_rule(tmp_path / "rule.json")
    assert "\n" not in str(error.value) and len(str(error.value)) < 600
    assert [p.name for p in tmp_path.iterdir()] == ["rule.json"]


def test_a_rule_file_cannot_name_a_module_to_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "module.py").write_text("open('owned', 'w').close()\n")
    (tmp_path / "rule.json").write_text('{"dw": "eta*err*pre", "pathway": "evil.module"}')
    with pytest.raises(ValueError, match="'evil.module' is a module outside the project"):
        load_rule(tmp_path / "rule.json")
    assert not (tmp_path / "owned").exists()


def test_a_folder_without_a_rule_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the run has not written a rule yet"):
        load_rule(tmp_path)
    with pytest.raises(ValueError, match="no file"):
        load_rule(str(tmp_path / "missing"))


def test_a_loaded_rule_shows_itself(tmp_path: Path) -> None:
    loaded = fake_rule(tmp_path, "eta*a*err*pre", "random", {"eta": 0.5}, coefficients={"a": 0.3})
    assert loaded.values == {"eta": 0.5, "a": 0.3} and loaded.pathway == "random"
    assert loaded.formula == "0.15*pre*err" and loaded.latex.startswith(r"\Delta w = ")
    assert isinstance(loaded.trainer(module(nn.Tanh())), Trainer)
