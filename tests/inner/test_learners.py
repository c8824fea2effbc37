"""The battery of every learner in inner/learners: on every network that accepts it, it must keep the promises of a life."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from inner import axes
from inner.components import build, names
from inner.engines.choice import live as live_on_any_engine
from inner.learners.base import KNOWLEDGE, Learner
from inner.life.eager import live
from inner.life.request import Life, Result
from inner.life.states import tensors_of
from inner.networks.base import Network
from inner.networks.mlp import Network as Mlp
from inner.random import stream
from inner.tasks.base import Task

LABELS = (("battery", 0), ("battery", 1))
NETWORKS = [name for name in names("network") if name != "module"]  # which needs a factory of the user's
TASKS = ("digits", "sinusoid", "oja")
PAIRS = [(learner, network) for learner in names("learner") for network in NETWORKS]


def made(learner: str, network: str, task: str) -> tuple[Learner, Task] | None:
    """The learner's own example on a network, or None where it says that it cannot learn there."""
    from inner.components import load

    example = cast(type[Learner], load("learner", learner)).example
    options: dict[str, Any] = {"name": network}
    if network != "lateral":
        options["hidden"] = (6,)
    found = cast(Learner, build("learner", {"name": learner, **example.options})).on(cast(Network, build("network", options)))
    chosen = cast(Task, build("task", task))
    life = Life(found, chosen, chosen.life_data("search", 4, 2, 0, LABELS), torch.zeros(1, 1), 0, LABELS)
    return None if found.accepts(life.spec) else (found, chosen)


def at_home(name: str) -> tuple[Learner, Task]:
    """The learner on digits, or in the world of its own example where no target is told."""
    from inner.components import load

    pair = made(name, "mlp", "digits")
    if pair is not None:
        return pair
    example = cast(type[Learner], load("learner", name)).example
    task = cast(Task, build("task", dict(example.task)))
    assert task.environment or not task.criterion.supervised, "every learner from targets learns digits on a multilayer perceptron"
    return cast(Learner, build("learner", {"name": name, **example.options})).on(Mlp(())), task


def life_of(learner: Learner, task: Task, steps: int, theta: Tensor, batch: int = 1) -> Life:
    return Life(learner, task, task.experience("search", steps, batch, 0, LABELS), theta, 0, LABELS)


def rows(learner: Learner, population: int = 4) -> Tensor:
    """Coefficient values [P, D] near the initial ones and within their bounds, each candidate with its own."""
    factor = torch.from_numpy(stream(1, "rows").uniform(0.5, 1.5, (population, len(learner.coefficients))))
    near = torch.tensor([[c.init or 0.01 for c in learner.coefficients]], dtype=torch.float64) * factor
    low = [-torch.inf if c.low is None else c.low for c in learner.coefficients]
    high = [torch.inf if c.high is None else c.high for c in learner.coefficients]
    return near.clamp(torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64))


def lived(learner: Learner, task: Task, theta: Tensor, steps: int = 20, batch: int = 3) -> Result:
    life = replace(life_of(learner, task, steps, theta, batch), record=(0, 7, steps), prequential=task.criterion.supervised)
    with torch.no_grad():
        return live(life)


def cases() -> list[Any]:
    return [pytest.param(*pair, task, id="-".join((*pair, task))) for pair in PAIRS for task in TASKS]


@pytest.mark.parametrize("name, network, task_name", cases())
def test_lives_on_every_network_that_it_accepts(
    name: str, network: str, task_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shapes; and not a bit depends on the other candidates, their order, or how many run side by side."""
    pair = made(name, network, task_name)
    if pair is None:
        pytest.skip(f"{name} does not learn {task_name} on {network}, and says so")
    learner, task = pair
    theta = rows(learner) * (0.05 if network == "lateral" else 1.0)  # lateral units excite each other
    whole = lived(learner, task, theta)
    assert whole.score.shape == (4, 2) and whole.curve.shape == (4, 2, 3) and whole.score.dtype == torch.float64
    assert bool(whole.alive.all()) and bool(torch.isfinite(whole.score).all())
    assert not task.criterion.supervised or any(not torch.equal(w[0], w[2]) for w in whole.state.weights)
    order = [2, 0, 3, 1]
    mixed = lived(learner, task, theta[order])
    alone = [lived(learner, task, theta[p : p + 1]) for p in range(4)]
    monkeypatch.setattr(axes, "CACHED", 1)
    parts = lived(learner, task, theta)
    for field in ("score", "alive", "curve", "bits"):
        value = getattr(whole, field)
        assert torch.equal(value[order], getattr(mixed, field)), field
        assert torch.equal(value, torch.cat([getattr(one, field) for one in alone])), field
        assert torch.equal(value, getattr(parts, field)), field


@pytest.mark.parametrize("name", names("learner"))
def test_a_failed_network_rests_and_changes_no_bit_of_its_neighbours(name: str) -> None:
    learner, task = at_home(name)
    theta = rows(learner)
    ill = theta.clone()
    ill[1] = float("nan")
    healthy, found = lived(learner, task, theta), lived(learner, task, ill)
    assert not found.alive[1].any() and (found.score[1] == task.worst).all()
    others = [0, 2, 3]
    assert torch.equal(found.score[others], healthy.score[others]) and bool(found.alive[others].all())
    assert all(bool(torch.isfinite(t).all()) for t in tensors_of(found.state) if t.is_floating_point())


@pytest.mark.parametrize("name", names("learner"))
def test_learns_better_than_chance_what_it_names(name: str) -> None:
    """The learner's own example: 8 lives end above chance by 4 standard errors, and above what they were born with."""
    from inner.components import load

    example = cast(type[Learner], load("learner", name)).example
    learner = cast(Learner, build("learner", {"name": name, **example.options}))
    learner = learner.on(cast(Network, build("network", dict(example.network))))
    task = cast(Task, build("task", dict(example.task)))
    labels = tuple(("example", n) for n in range(8))
    data = task.experience("search", example.steps, example.batch, 0, labels)
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=torch.float64)
    with torch.no_grad():
        result = live_on_any_engine(Life(learner, task, data, theta, 0, labels, (0, example.steps)))
    gain = result.score[0] - task.chance
    assert float(gain.mean()) > 4 * float(gain.std()) / len(labels) ** 0.5
    assert float((result.curve[0, :, 1] - result.curve[0, :, 0]).mean()) > 0.1


@pytest.mark.parametrize("name", names("learner"))
def test_says_what_it_is(name: str) -> None:
    learner, task = at_home(name)
    again = cast(Learner, build("learner", learner.plain())).on(learner.network)
    assert again == learner and learner.name == name
    assert learner.knows <= set(KNOWLEDGE) and learner.knows
    values = {c.name: c.init for c in learner.coefficients}
    assert learner.text(values) and "\n" not in learner.text(values)
    spec = life_of(learner, task, 1, rows(learner)).spec
    cost = learner.cost(spec)
    assert cost.passes >= 1 and cost.multiply_adds > 0 and cost.floats > 0
    assert (learner.formula is None) == (name not in ("local_rule", "descent"))


@pytest.mark.parametrize("name", names("learner"))
def test_says_how_much_it_keeps(name: str) -> None:
    """Numbers of newborn networks that are large, against those that `cost` names: what memory is predicted from."""
    from inner.components import load
    from inner.life.states import tensors_of

    example = cast(type[Learner], load("learner", name)).example
    learner = cast(Learner, build("learner", {"name": name, **example.options})).on(Mlp((300,)))
    task = at_home(name)[1]
    life = life_of(learner, task, 2, rows(learner))
    learner = learner.lives_as
    state = learner.init(life.spec, life.theta.float().repeat_interleave(len(LABELS), 0), len(life.theta), 0, LABELS)
    networks = len(life.theta) * len(LABELS)
    kept = sum(tensor.numel() for tensor in tensors_of(state) if tensor.shape[:1] == (networks,)) / networks
    assert 0.6 < learner.cost(life.spec).state / kept < 2.2


@pytest.mark.parametrize("name", names("learner"))
def test_wrong_options_are_refused_in_one_line(name: str) -> None:
    from inner.components import load

    options = cast(type[Learner], load("learner", name)).example.options
    with pytest.raises(ValueError, match=f"learner.nonsense: '{name}' has no such option") as raised:
        build("learner", {"name": name, **options, "nonsense": 1})
    assert "\n" not in str(raised.value)
    if "values" in {f.name for f in __import__("dataclasses").fields(load("learner", name))}:
        known = cast(Learner, build("learner", {"name": name, **options})).coefficients[0].name
        wrong = known + known[-1]
        with pytest.raises(ValueError, match=f"learner.values: no coefficient '{wrong}' .did you mean '{known}'"):
            build("learner", {"name": name, **options, "values": {wrong: 1}})


@pytest.mark.parametrize("name", names("learner"))
def test_coefficients_can_change_in_mid_life_or_not_at_all(name: str) -> None:
    """The same networks under other coefficients: what a windowed search needs."""
    learner, task = at_home(name)
    life = life_of(learner, task, 2, rows(learner))
    theta = life.theta.float().repeat_interleave(2, 0)
    state = learner.init(life.spec, theta, 4, 0, LABELS)
    try:
        other = learner.with_theta(state, theta * 2)
    except ValueError as error:
        assert "in the middle of a life" in str(error)
        return
    fresh = learner.init(life.spec, theta * 2, 4, 0, LABELS)
    for a, b in zip(tensors_of(replace(other)), tensors_of(fresh), strict=True):
        assert torch.equal(a, b)
