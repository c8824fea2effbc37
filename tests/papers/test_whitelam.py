"""Whitelam et al. 2021: neuroevolution follows clipped gradient descent (`pytest -m paper`; about two minutes on an idle core).

Their shallow net, 1-30-1 with tanh and 90 parameters, fits sin(2 pi x) on [0, 1). Scaled for two cores: alpha = 1e-4 (theirs
1e-5), 100 points (1000), 50 trajectories (1000), float64. Mutation scale sigma = lambda alpha sqrt(2 pi), so that a mutation
and lambda steps of normalised gradient descent both take lambda alpha of time.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
import torch
from gallery import save

from inner.components import build
from inner.random import stream
from metalearn.pictures.search import EVOLVED, MUTED, OTHERS, label_ends, new_figure, style, to_svg
from outer.objective import Evaluation
from outer.searches.base import Search

pytestmark = pytest.mark.paper

ALPHA, HIDDEN, CHAINS = 1e-4, 30, 50
X = torch.arange(100, dtype=torch.float64) / 100
Y = torch.sin(2 * math.pi * X)
ORIGIN = 0.01 * stream(0, "whitelam").standard_normal(3 * HIDDEN)


def loss(parameters: torch.Tensor) -> torch.Tensor:
    """Mean squared error [C] of the networks [C, 90]: input weights, biases, output weights."""
    w, b, v = parameters.split(HIDDEN, 1)
    hidden = torch.tanh(w[:, :, None] * X + b[:, :, None])
    return (torch.bmm(v[:, None], hidden)[:, 0] - Y).square().mean(1)


def evolve(ratio: float, time: float, every: float) -> dict[str, Any]:
    """Mutate and select for `time` with lambda = ratio: mean parameters [K, 90], losses [K, C] and acceptance, each `every`."""
    sigma = ratio * ALPHA * math.sqrt(2 * math.pi)
    options = {"name": "hillclimb", "popsize": 2 * CHAINS, "chains": CHAINS, "sigma": sigma}
    running = cast(Any, cast(Search, build("search", options)).start(ORIGIN, 1))
    known = loss(torch.from_numpy(running.parents)).numpy()  # the loss is deterministic: parents are not run again
    means, losses, accepted, alive = [ORIGIN], [known], [], np.ones((2 * CHAINS, 1), dtype=bool)
    steps, stride = round(time / (ratio * ALPHA)), round(every / (ratio * ALPHA))
    for step in range(1, steps + 1):
        candidates = running.ask()
        fitness = -np.concatenate([known, loss(torch.from_numpy(candidates[CHAINS:])).numpy()])
        running.tell(candidates, Evaluation(fitness, fitness[:, None], alive))
        taken = fitness[CHAINS:] >= fitness[:CHAINS]
        known = np.where(taken, -fitness[CHAINS:], known)
        accepted.append(taken.mean())
        if step % stride == 0:
            means.append(running.parents.mean(0))
            losses.append(known)
    share = np.array(accepted[: len(accepted) // stride * stride]).reshape(-1, stride).mean(1)
    return {"mean": np.array(means), "loss": np.array(losses), "acceptance": share}


def descend(time: float, every: float) -> dict[str, Any]:
    """Normalised gradient descent: x <- x - alpha grad / |grad|."""
    x = torch.tensor(ORIGIN[None])
    means, losses = [ORIGIN], [float(loss(x))]
    for step in range(1, round(time / ALPHA) + 1):
        x.requires_grad_()
        (slope,) = torch.autograd.grad(loss(x).sum(), x)
        x = x.detach() - ALPHA * slope / slope.norm()
        if step % round(every / ALPHA) == 0:
            means.append(x[0].numpy().copy())
            losses.append(float(loss(x)))
    return {"mean": np.array(means), "loss": np.array(losses)}


def picture(t: np.ndarray, gradient: dict, evolved: dict[float, dict]) -> str:
    with style("whitelam"):
        figure, axes = new_figure(6.4, 4.0)
        ends = []
        for colour, (ratio, found) in zip((EVOLVED, OTHERS[0]), evolved.items()):
            now = t[: len(found["loss"])]
            if ratio == 1:
                axes.plot(now, found["loss"][:, :25], color=colour, linewidth=0.4, alpha=0.25)
            axes.plot(now, found["loss"].mean(1), color=colour, linewidth=2)
            ends.append((now[-1], found["loss"][-1].mean(), f"evolved, λ = {ratio:g}", colour))
        axes.plot(t, gradient["loss"], color=MUTED, linewidth=1.4, linestyle=(0, (4, 2)))
        ends.append((t[-1], gradient["loss"][-1], "gradient descent", MUTED))
        axes.set_title("1-30-1 on sin(2πx): mutation and selection follow the gradient")
        axes.set_xlabel("time (λ α per mutation, α per step of normalised gradient descent)")
        axes.set_ylabel("mean squared error")
        axes.set_ylim(0)
        figure.draw_without_rendering()
        label_ends(axes, [(float(x), float(y), text, c) for x, y, text, c in ends])
        return to_svg(figure, "whitelam")


def test_evolved_trajectories_follow_normalised_gradient_descent() -> None:
    time, every = 2.0, 0.05
    torch.set_num_threads(1)
    gradient = descend(time, every)
    evolved = {1.0: evolve(1.0, time, every), 0.25: evolve(0.25, 0.25, every)}
    t = np.arange(len(gradient["loss"])) * every
    save("whitelam", picture(t, gradient, evolved))
    delta = {}
    for ratio, found in evolved.items():
        count = len(found["loss"])
        gap = found["loss"].mean(1) - gradient["loss"][:count]
        delta[ratio] = np.square(found["mean"] - gradient["mean"][:count]).mean(1)
        moved = np.square(gradient["mean"][:count] - ORIGIN).mean(1)
        print(
            f"lambda {ratio:g}, t = {t[count - 1]:g}: loss {found['loss'][-1].mean():.4f}, gradient descent "
            f"{gradient['loss'][count - 1]:.4f}, Delta {delta[ratio][-1]:.2e} of {moved[-1]:.2e} moved, "
            f"acceptance {found['acceptance'].mean():.4f}"
        )
        assert np.abs(gap).max() < 0.006
        assert delta[ratio][-1] < 0.02 * moved[-1]
        assert abs(found["acceptance"].mean() - 0.5) < 0.01
    common = len(delta[0.25]) - 1
    assert delta[0.25][common] < delta[1.0][common], "the difference shrinks with lambda"
