"""The way a GPU goes through a life, held against the plain one on the processor: a recorded step is played back here too.

The recorder keeps what a CUDA graph keeps: which operations ran, on which memory. Playing back runs these operations on
the same memory and no Python of ours, so that a step counter, a branch or a tensor that is replaced shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from inner.components import build, load, names
from inner.criteria import CLASSES
from inner.engines import choice
from inner.learners._born_with import Layout
from inner.learners._born_with import Learner as Inheriting
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life import devices
from inner.life import eager as lifetime
from inner.life.eager import CHECK_EVERY, Result
from inner.life.request import Life
from inner.life.states import tensors_of
from inner.life.stepper import RecordedStepper, Stepper
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Pool, Told

LABELS = (("t", 0), ("t", 1))
STEPS = 2 * CHECK_EVERY + 5
RULES = {
    "folded": Rule("a*err*pre + b*post*pre + c*w*post**2 + d*post", pathway="random"),
    "elementwise": Rule("a*err*pre + b*tanh(pre*post + w)", pathway="backprop"),
    "traces": Rule("a*e*err - c*w", {"e": "0.9*e + 0.1*pre*post"}, pathway="learned"),
    "bounded": Rule.from_dict({"dw": "a*err*pre - c*w", "homeostasis": {"max_norm": 0.9}}),
    "sums": Rule("a*err*pre + b*recon_ordered*post + c*reward*pre + d*(post_sum + drive_err)*pre", pathway="sign"),
}
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "item", "unique", "_unique2"}


class Recorder(TorchDispatchMode):
    """The operations that run inside, with the tensors that they read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.tape: list[tuple[Any, tuple, dict, list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.tape.append((func, args, kwargs or {}, [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]))
        return out

    @property
    def names(self) -> set[str]:
        """Of the operations."""
        return {func.overloadpacket.__name__ for func, *_ in self.tape}

    def play(self) -> None:
        """Run them again, each result into the memory where it was."""
        for func, args, kwargs, outs in self.tape:
            again = [leaf for leaf in tree_leaves(func(*args, **kwargs)) if isinstance(leaf, Tensor)]
            for place, value in zip(outs, again, strict=True):
                if place.data_ptr() != value.data_ptr():
                    place.copy_(value)


def capture(step: Callable[[], None], put_back: Callable[[], None]) -> Callable[[], None]:
    """As `inner.life.stepper.recorded` does it, by the recorder."""
    step()
    put_back()
    with Recorder() as recorder:
        step()
    put_back()
    assert not recorder.names & WAITS, "a step that waits for an answer cannot be recorded"
    return recorder.play


def pieces(name: str, bad: float | None = None) -> tuple[Learner, Tensor]:
    learner = Learner(RULES[name], Network(hidden=(9, 7), bias=True))
    rows = torch.from_numpy(stream(4, "rows").standard_normal((5, len(learner.coefficients))) * 0.02)
    rows[:, 0] = rows[:, 0].abs()
    if bad is not None:
        rows[2] = bad
    return learner, rows


def lived(
    learner: Any, rows: Tensor, monkeypatch: pytest.MonkeyPatch, way: str, batch: int = 1, record: tuple = (0, 7, STEPS)
) -> Result:
    def stepper_of(life: Life, source: Any, state: Any, population: int, noise: Any, each: Any, bits: Tensor) -> Any:
        criterion = life.spec.criterion
        if way == "plain":
            return Stepper(life.learner, source, state, population, criterion, noise, True, each)
        places = (life.learner, source, state, population, criterion, noise, each, (bits,), "cpu")
        return RecordedStepper(*places, capture)

    monkeypatch.setattr(lifetime, "stepper_of", stepper_of)
    task = build("task", "digits")
    lives = task.life_data("search", STEPS, batch, 0, LABELS)
    with torch.no_grad():
        return lifetime.live(Life(learner, task, lives, rows, 0, LABELS, record, prequential=True))


def same(one: Result, two: Result) -> None:
    for field in ("score", "alive", "curve", "bits"):
        a, b = getattr(one, field), getattr(two, field)
        if field == "bits":  # what a failed network predicts is nobody's business
            a, b = a[one.alive], b[two.alive]
        assert torch.equal(a, b), field
    for a, b in zip(tensors_of(one.state), tensors_of(two.state), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", RULES)
def test_a_replayed_life_is_the_life(name: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    learner, rows = pieces(name)
    plain = lived(learner, rows, monkeypatch, "plain", batch)
    same(plain, lived(learner, rows, monkeypatch, "replayed", batch))
    assert bool(plain.alive.all()) and plain.bits.unique().numel() > 5


@pytest.mark.parametrize("name", RULES)
def test_a_replayed_failure_stays_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are put to rest by masks, and stay so: their coefficients are 0 in what is replayed, too."""
    learner, rows = pieces(name, float("nan"))
    same(lived(learner, rows, monkeypatch, "plain"), lived(learner, rows, monkeypatch, "replayed"))
    ill = lived(learner, rows, monkeypatch, "replayed")
    assert not bool(ill.alive[2].any()) and bool(ill.alive[[0, 1, 3, 4]].all())


def test_a_replayed_life_with_what_was_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The age at which learning ends is counted in what is replayed."""
    network = Network(hidden=(6,))
    rule = Rule("a*err*pre", pathway="random")
    layout = Layout(1, ((64, 6), (6, 10)), rates=True, length=True)
    rows = torch.tensor([[0.05, 1.0, 0.5, 7.0], [0.05, 1.0, 1.0, 20.0], [0.05, 0.0, 1.0, 99.0]], dtype=torch.float64)
    learner = Inheriting(rule, network, layout)
    plain = lived(learner, rows, monkeypatch, "plain")
    same(plain, lived(learner, rows, monkeypatch, "replayed"))
    longer = lived(learner, rows + torch.tensor([0, 0, 0, 5.0]), monkeypatch, "replayed")
    assert not torch.equal(longer.state.inner.weights[0][:2], plain.state.inner.weights[0][:2])


@pytest.mark.parametrize(
    "task_name", [n for n in names("task") if n not in ("mnist", "fashion_mnist", "emnist") and not load("task", n).environment]
)
def test_nothing_is_asked_back_inside_a_life(task_name: str) -> None:
    """From birth to the last score every operation can be sent to a GPU without waiting, for every task."""
    task = build("task", task_name)
    lives = task.life_data("search", STEPS, 1, 0, LABELS)
    rule = (
        Rule("0.01*err*pre + a*post*pre - 0.01*post**2*w")
        if task.criterion.supervised
        else Rule("0.01*pre*post - a*w")
    )
    learner = Learner(rule, Network(hidden=(5,)))
    life = Life(learner, task, lives, torch.full((3, 1), 0.01), 0, LABELS, (0, 5, STEPS))
    bits, criterion, source = torch.zeros(6, dtype=torch.float64), task.criterion, Pool(lives)

    def each(output: Tensor, told: Told) -> None:
        bits.add_(criterion.bits(output, told.y))

    with torch.no_grad():
        state = learner.init(life.spec, torch.full((6, 1), 0.01), 3, 0, LABELS)
        seen = each if criterion.supervised else None
        stepper = RecordedStepper(
            learner, source, state, 3, criterion, None, seen, (bits,), "cpu", lambda step, _: step
        )
        with Recorder() as recorder:
            lifetime.through(stepper, life, source, 3)
    assert not recorder.names & WAITS
    assert len(recorder.tape) > STEPS and "bmm" in recorder.names


def test_the_recorder_sees_what_it_looks_for() -> None:
    with Recorder() as recorder:
        bool(torch.ones(3).all())
    assert recorder.names & WAITS
    value, counted = torch.zeros(2), [0]

    def step() -> None:
        counted[0] += 1
        value.add_(counted[0])

    replay = capture(step, value.zero_)
    replay()
    replay()
    assert value.tolist() == [4.0, 4.0], "what Python counts stands still in a recording"


def test_a_step_that_cannot_be_recorded_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CUDA nothing can be recorded: said once, and the step itself is used, from where it began."""
    from inner.life.stepper import recorded

    def refuse() -> None:
        raise RuntimeError("no stream here\nand more")

    monkeypatch.setattr(torch.cuda, "Stream", refuse)
    done: list[str] = []
    with pytest.warns(UserWarning, match="no CUDA graph: no stream here$"):
        replay = recorded(lambda: done.append("step"), lambda: done.append("back"))
    replay()
    assert done == ["back", "step"]


def test_short_lives_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    from inner.life import stepper as walk

    used: list[int] = []
    monkeypatch.setattr(walk, "recorded", lambda step, _: used.append(1) or step)
    learner, _ = pieces("folded")
    task = build("task", "digits")
    for steps in (walk.RECORDED - 1, walk.RECORDED):
        lives = task.life_data("search", steps, 1, 0, LABELS)
        state = learner.init(Spec(64, 10, task.criterion), torch.zeros(4, 4), 2, 0, LABELS)
        walk.RecordedStepper(learner, Pool(lives), state, 2, task.criterion, device="cpu")
    assert used == [1]


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, rows = pieces("folded")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.resolve("cpu") == devices.resolve("auto") == devices.describe("cpu") == "cpu"
    with pytest.raises(ValueError, match="^device: expected cpu or auto, because torch finds no GPU here, got cuda$"):
        devices.resolve("cuda")
    with pytest.raises(ValueError, match="device: unknown name 'cudo' .did you mean 'cuda'"):
        devices.resolve("cudo")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.resolve("auto") == devices.resolve("cuda") == "cuda"
    assert choice.choose("auto", learner, Spec(64, 10, CLASSES), "cuda") == ("eager", "device cuda")
    with pytest.raises(ValueError, match="with device cuda expected auto or eager, got native"):
        choice.choose("native", learner, Spec(64, 10, CLASSES), "cuda")


def test_everything_goes_to_the_device_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another device (here one that holds no numbers) nothing is left behind and nothing is mixed."""
    learner, rows = pieces("traces")
    task = build("task", "digits")
    lives = task.life_data("search", STEPS, 1, 0, LABELS)
    seen: list[str] = []

    def through(stepper: Any, life: Any, source: Any, population: int) -> Any:
        data = [t for t in tensors_of(source.data) if t.is_floating_point()]
        seen.extend(str(t.device) for t in [*data, *tensors_of(stepper.state), stepper.step])
        stepper.advance(3)
        raise InterruptedError

    monkeypatch.setattr(lifetime, "through", through)
    with pytest.raises(InterruptedError), torch.no_grad():
        lifetime.live(Life(learner, task, replace(lives, order=lives.order[:, :9]), rows, 0, LABELS, device="meta"))
    assert len(seen) > 20 and set(seen) == {"meta"}
