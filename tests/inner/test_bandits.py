"""Bandits of all kinds pay as they say, and their players have the indices of their papers."""

from __future__ import annotations

from functools import cache
from typing import cast

import pytest
import torch

from inner.components import build
from inner.learners.gittins import table
from inner.learners.thompson_sampling import Learner as Thompson
from inner.learners.ucb import Learner as Ucb
from inner.networks.mlp import Network
from inner.noise import Noise
from inner.sources import Told
from inner.spec import Spec
from inner.tasks._bandits import Bandits, BanditTask

LABELS = tuple(("bandits", n) for n in range(40))


def drawn(name: str, steps: int, batch: int = 2, **options: object) -> Bandits:
    task = cast(BanditTask, build("task", {"name": name, **options}))
    return cast(Bandits, task.experience("search", steps, batch, 0, LABELS))


def test_arms_are_drawn_anew_every_switch() -> None:
    source = drawn("bandit", 170, switch=50)
    assert source.pay.shape == (40, 4, 2, 5)
    s = source.begin(1)
    seen = [source.now(s, t) for t in range(170)]
    for t in range(1, 170):
        assert torch.equal(seen[t], seen[t - 1]) == (t % 50 != 0)
        assert torch.equal(seen[t], source.now(s, torch.tensor([t])))
    assert abs(float(source.pay.mean()) - 0.5) < 4 * (1 / 12 / source.pay.numel()) ** 0.5


@pytest.mark.parametrize("difficulty, low", [("uniform", None), ("easy", 0.1), ("medium", 0.25), ("hard", 0.4)])
def test_dependent_arms_add_up_to_one(difficulty: str, low: float | None) -> None:
    pay = drawn("dependent_bandit", 20, difficulty=difficulty).pay
    assert torch.allclose(pay.sum(-1), torch.ones(40, 1, 2)) and 0.2 < float((pay[..., 0] > 0.5).float().mean()) < 0.8
    if low is not None:
        assert torch.allclose(pay.amin(-1), torch.tensor(low))
    with pytest.raises(ValueError, match="difficulty: expected one of .* got 'esy' .did you mean 'easy'"):
        build("task", {"name": "dependent_bandit", "difficulty": "esy"})


def test_restless_arms_walk_between_mirrors() -> None:
    pay = drawn("restless_bandit", 400, drift=0.05).pay  # [40, 400, 2, 5]
    assert 0 <= float(pay.min()) < 0.01 and 0.99 < float(pay.max()) <= 1
    assert abs(float(pay.mean()) - 0.5) < 0.03 and abs(float(pay.var()) - 1 / 12) < 0.01, "uniform in the long run"
    inside = (pay[:, :-1] - 0.5).abs() < 0.25
    moves = (pay[:, 1:] - pay[:, :-1])[inside]
    assert abs(float(moves.std()) / 0.05 - 1) < 0.02 and abs(float(moves.mean())) < 0.001


@pytest.mark.parametrize("options", [{"name": "bandit"}, {"name": "bandit", "switch": 7}, {"name": "restless_bandit"}])
def test_the_ceiling_is_what_the_best_arm_pays(options: dict[str, object]) -> None:
    source = drawn(str(options.pop("name")), 30, **options)
    s, found = source.begin(1), source.ceiling([0, 1, 12, 30])
    best = torch.stack([source.now(s, t).amax(-1).mean(-1) for t in range(30)], 1).double()  # [L, T]
    wanted = torch.stack([best[:, :1].mean(1) * 0, best[:, 0], best[:, :12].mean(1), best.mean(1)], 1)
    assert torch.allclose(found, wanted)


@cache
def worth(s: int, f: int, h: int, price: float) -> float:
    """What h pulls of one arm are worth above a price that is paid per pull, if one stops in time."""
    return 0.0 if h == 0 else max(0.0, going_on(s, f, h, price))


def going_on(s: int, f: int, h: int, price: float) -> float:
    p = (1 + s) / (2 + s + f)
    return p - price + p * worth(s + 1, f, h - 1, price) + (1 - p) * worth(s, f + 1, h - 1, price)


def test_gittins_indices_are_the_prices_at_which_going_on_is_worth_nothing() -> None:
    """Against the plain recursion and bisection; two pulls to come: (1/2 + 1/3) / (3/2) = 5/9."""
    found = table(9)
    assert float(found[1, 0, 0]) == pytest.approx(0.5, abs=1e-3) and float(found[2, 0, 0]) == pytest.approx(5 / 9, abs=1e-3)
    for s, f, h in [(0, 0, 9), (0, 0, 5), (2, 1, 6), (0, 3, 4), (4, 0, 5), (1, 6, 2)]:
        low, high = 0.0, 1.0
        for _ in range(25):
            middle = (low + high) / 2
            low, high = (middle, high) if going_on(s, f, h, middle) > 0 else (low, middle)
        assert float(found[h, s, f]) == pytest.approx(low, abs=1e-3), (s, f, h)


def test_upper_confidence_bounds_are_those_of_the_paper() -> None:
    learner = Ucb(Network(hidden=()), {"bonus": 1.5, "discount": 0.9})
    spec = Spec(1, 3, build("task", "bandit").criterion, 50, 1, True)  # type: ignore[attr-defined]
    theta = torch.tensor([[1.5, 0.9]] * 2)
    state = learner.init(spec, theta, 1, 0, [("a",), ("b",)])
    assert learner.index(state, 0).isinf().all(), "arms that were never pulled come first"
    pulls = [(0, 1.0), (1, 0.0), (2, 1.0), (0, 0.0), (0, 1.0)]
    for t, (arm, reward) in enumerate(pulls):
        action = torch.eye(3)[arm].expand(2, 1, 3)
        state = learner.learn(state, Told(action=action, reward=torch.full((2, 1, 1), reward)), t)
    ages = [0.9**k for k in range(4, -1, -1)]
    n = [sum(w for w, (arm, _) in zip(ages, pulls) if arm == k) for k in range(3)]
    wins = [sum(w * r for w, (arm, r) in zip(ages, pulls) if arm == k) for k in range(3)]
    log = torch.log(torch.tensor(sum(n)))
    wanted = [wins[k] / n[k] + 1.5 * float((log / n[k]) ** 0.5) for k in range(3)]
    assert learner.index(state, 5)[0, 0].tolist() == pytest.approx(wanted, rel=1e-5)


def test_thompson_sampling_draws_beta_numbers() -> None:
    """Mean and variance of Beta(1 + 7, 1 + 2) and Beta(1, 1) over 20,000 networks, within 4 standard errors."""
    learner = Thompson(Network(hidden=()))
    wins, losses = torch.tensor([7.0, 0.0]).expand(20_000, 1, 2), torch.tensor([2.0, 0.0]).expand(20_000, 1, 2)
    keys = torch.stack([torch.arange(20_000), torch.arange(20_000) * 7 + 1], 1)
    spec = Spec(1, 2, build("task", "bandit").criterion, 50, 1, True)  # type: ignore[attr-defined]
    state = learner.init(spec, torch.ones(2, 1), 1, 0, [("a",), ("b",)])
    state = type(state)(wins, losses, torch.ones(20_000, 1), Noise(keys), 50)
    found = learner.index(state, 3)[:, 0].double()
    for k, (a, b) in enumerate([(8.0, 3.0), (1.0, 1.0)]):
        mean, variance = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
        assert abs(float(found[:, k].mean()) - mean) < 4 * (variance / 20_000) ** 0.5
        assert float(found[:, k].var()) == pytest.approx(variance, rel=0.05)
    assert abs(float(torch.corrcoef(found.T)[0, 1])) < 4 / 20_000**0.5
