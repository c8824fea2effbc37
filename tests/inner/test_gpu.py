"""Lives on a GPU (pytest -m gpu): the processor's to float tolerance, their own to the last bit, and never waited for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.learners.local_rule import Learner
from inner.life import eager as lifetime
from inner.life.eager import Result
from inner.life.request import Life
from inner.life.stepper import RECORDED
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]
LABELS = (("t", 0), ("t", 1), ("t", 2))
RULES = {
    "separable": Rule("a*err*pre + b*post*pre + c*w*post**2 + d*post", pathway="random"),
    "elementwise": Rule("a*err*pre + b*tanh(pre*post + w)", pathway="backprop"),
    "traces": Rule("a*e*err - c*w", {"e": "0.9*e + 0.1*pre*post"}, pathway="learned"),
}


def run(name: str, rows: Tensor, device: str, steps: int, batch: int = 1, hidden: tuple = (33, 9)) -> Result:
    task = build("task", "digits")
    lives = task.life_data("search", steps, batch, 0, LABELS)
    learner = Learner(RULES[name], Network(hidden=hidden, bias=True))
    with torch.no_grad():
        return lifetime.live(Life(learner, task, lives, rows, 0, LABELS, (0, 20), True, device))


def rows_of(name: str, population: int = 17) -> Tensor:
    rows = stream(1, "theta").standard_normal((population, len(RULES[name].coefficients))) * 0.01
    rows[:, 0] = abs(rows[:, 0]) * 5
    return torch.from_numpy(rows)


@pytest.mark.parametrize("steps", [40, RECORDED])  # walked and recorded
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", RULES)
def test_agrees_with_the_processor(name: str, batch: int, steps: int) -> None:
    rows = rows_of(name)
    here, there = (run(name, rows, device, steps, batch) for device in ("cpu", "cuda"))
    assert there.score.device.type == "cpu" and there.state.weights[0].device.type == "cpu"
    assert torch.equal(here.alive, there.alive) and torch.equal(here.curve[..., 0], there.curve[..., 0])
    for mine, other in zip(here.state.weights, there.state.weights):
        scale = mine.abs().amax((1, 2), keepdim=True)
        assert float(((mine - other).abs() / scale).max()) < 1e-4
    torch.testing.assert_close(here.bits, there.bits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", RULES)
def test_bits_do_not_depend_on_the_company(name: str) -> None:
    rows = rows_of(name)
    whole = run(name, rows, "cuda", RECORDED)
    order = torch.from_numpy(stream(0, "order").permutation(len(rows)))
    shuffled = run(name, rows[order], "cuda", RECORDED)
    for size in (1, 2, 16):
        part = run(name, rows[:size], "cuda", RECORDED)
        for field in ("score", "bits", "curve"):
            assert torch.equal(getattr(part, field), getattr(whole, field)[:size]), (field, size)
    assert torch.equal(shuffled.score, whole.score[order]) and torch.equal(shuffled.bits, whole.bits[order])


def test_a_failure_stays_alone() -> None:
    rows = rows_of("separable", 5)
    healthy = run("separable", rows, "cuda", RECORDED)
    rows[2] = float("nan")
    ill = run("separable", rows, "cuda", RECORDED)
    others = [0, 1, 3, 4]
    assert not bool(ill.alive[2].any()) and torch.equal(ill.bits[others], healthy.bits[others])


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waiting for the GPU between birth and the last score is an error."""
    course = lifetime.course

    def guarded(*args: object) -> object:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return course(*args)  # type: ignore[arg-type]
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(lifetime, "course", guarded)
    yield


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("steps", [40, 2 * RECORDED])
@pytest.mark.parametrize("name", RULES)
def test_nothing_is_waited_for_inside_a_life(name: str, steps: int) -> None:
    assert bool(run(name, rows_of(name), "cuda", steps).alive.all())


def test_a_step_is_recorded(recwarn: pytest.WarningsRecorder) -> None:
    run("separable", rows_of("separable"), "cuda", RECORDED)
    assert not [w for w in recwarn if "CUDA graph" in str(w.message)]


def test_a_resumed_search_goes_on_bit_for_bit() -> None:
    from outer.evaluators.serial import Evaluator
    from outer.evolution import evolve
    from outer.learner_objective import LearnerObjective
    from outer.searches.cma import Search
    from outer.settings import Distribution

    rule = Rule("a*err*pre + b*post*pre", pathway="random")
    distribution = Distribution({"name": "digits"}, depth=(1, 2), width=(8, 16), steps=(RECORDED, 100))
    objective = LearnerObjective(rule, distribution, 0, 4, 2, device="cuda")
    whole = list(evolve(objective, Search(popsize=6, generations=5), Evaluator()))
    for stopped in (1, 3):
        rest = list(evolve(objective, Search(popsize=6, generations=5), Evaluator(), whole[:stopped]))
        assert all(a.same_bits(b) for a, b in zip(rest, whole[stopped:], strict=True))
