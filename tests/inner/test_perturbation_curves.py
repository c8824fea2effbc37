"""Node and weight perturbation against the exact learning curves of Zuege, Klos & Memmesheimer 2023 (PRX 13:021006).

A linear network y = W X learns to map T time steps of inputs, which lie in N_eff orthogonal directions of strength
a2 = N / N_eff, onto targets; R = -|y* - y|^2 / (2 T). With a = 1 - 2 eta a2 + eta^2 a2^2 (M N_eff + 2) and small noise,

    weight perturbation: R_t = R_opt + (R_0 - R_opt) a^t
    node perturbation:   R_t = R_opt + (R_0 - R_opt - c) a^t + c,    c = eta^2 a2^2 M N_eff R_opt / (1 - a)

in the mean over the noise, R_opt being what no weights can do. Node perturbation is a formula, weight perturbation a learner.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.axes import fold
from inner.criteria import VALUES
from inner.learners.base import Learner, Spec
from inner.learners.local_rule import Learner as LocalRule
from inner.learners.weight_perturbation import Learner as WeightPerturbation
from inner.life.states import map_tensors
from inner.life.stepper import Stepper
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Pool, Told
from inner.tasks.base import LifeData

N, M, N_EFF, T = 40, 4, 5, 20  # inputs, outputs, directions of the inputs, time steps of a trial
A2 = N / N_EFF
ETA = 1 / ((M * N_EFF + 2) * A2)
NETWORKS, TRIALS, SIGMA = 400, 60, 1e-4
TIMES = (6, 12, 24, 40, 59)
NODE = {
    "dw": "eta*surprise*pre*noise",
    "noise": "sigma",
    "surprise": {"baseline": "clean", "over": "step"},
    "coefficients": {"eta": {"init": 0.1, "transform": "log"}, "sigma": {"init": SIGMA, "transform": "log"}},
}


def trial(unrealisable: float) -> tuple[Tensor, Tensor]:
    """Inputs [T, N] of N_eff orthogonal directions, and targets [T, M] that miss by `unrealisable` at best."""
    rows = np.linalg.qr(stream(0, "inputs").standard_normal((N, N_EFF)))[0]  # [N, N_eff]
    when = np.linalg.qr(stream(0, "times").standard_normal((T, N_EFF + 1)))[0]  # orthonormal over time
    x = when[:, :N_EFF] @ rows.T * np.sqrt(T * A2)  # x^T x / T = a2 * projector
    y = x @ stream(0, "teacher").standard_normal((N, M)) * 0.5 / np.sqrt(N)
    rest = np.outer(when[:, N_EFF], stream(0, "rest").standard_normal(M))  # orthogonal to every input over time
    rest *= np.sqrt(2 * T * unrealisable) / max(np.linalg.norm(rest), 1e-12)
    return torch.from_numpy(x), torch.from_numpy(y + rest)


def curve(learner: Learner, theta: list[float], unrealisable: float) -> np.ndarray:
    """R [networks, trials + 1] of independent networks in double precision."""
    x, y = trial(unrealisable)
    labels = [("zuege", n) for n in range(NETWORKS)]
    order = torch.arange(T).expand(1, TRIALS, T)
    data = LifeData(x[None], y[None], order, x[None], y[None])
    spec = Spec(N, M, VALUES, TRIALS, T)
    rows = torch.tensor([theta] * NETWORKS, dtype=torch.float64)
    state = learner.init(spec, rows, 1, 0, labels)
    state = map_tensors(lambda tensor: tensor.double(), state)
    wide = LifeData(*(fold(each, NETWORKS) for each in (data.x, data.y, data.order, data.test_x, data.test_y)))
    found: list[Tensor] = []

    def each(output: Tensor, told: Told) -> None:
        weights = seen.state.weights[0]
        found.append(-((told.y - x @ weights) ** 2).sum((1, 2)) / (2 * T))

    seen = Stepper(learner, Pool(wide), state, 1, VALUES, None, True, each)
    start = -((y - x @ state.weights[0]) ** 2).sum((1, 2)) / (2 * T)
    for t in range(TRIALS):
        seen.advance(t + 1)
    return torch.stack([start, *found], 1).numpy()


def predicted(start: np.ndarray, best: float, t: int, node: bool) -> np.ndarray:
    a = 1 - 2 * ETA * A2 + ETA**2 * A2**2 * (M * N_EFF + 2)
    limit = ETA**2 * A2**2 * M * N_EFF * best / (1 - a) if node else 0.0
    return best + (start - best - limit) * a**t + limit


@pytest.mark.parametrize("unrealisable", [0.0, 0.5])
@pytest.mark.parametrize("name", ["node", "weight"])
def test_learning_curves_are_the_predicted_ones(name: str, unrealisable: float) -> None:
    """Within 4 standard errors over 400 networks at five times; without the limit of node perturbation far outside."""
    network = Network(hidden=())
    if name == "node":
        learner: Learner = LocalRule(Rule.from_dict(NODE), network)
        theta = [ETA * (M / 2) * T / SIGMA**2, SIGMA]
    else:
        learner, theta = WeightPerturbation(network), [ETA, SIGMA]
    with torch.no_grad():
        measured = curve(learner, theta, unrealisable)
    for t in TIMES:
        apart = measured[:, t] - predicted(measured[:, 0], -unrealisable, t, name == "node")
        error = apart.std(ddof=1) / np.sqrt(NETWORKS)
        assert abs(apart.mean()) < 4 * error, (t, apart.mean(), error)
    if unrealisable:
        other = measured[:, TIMES[-1]] - predicted(measured[:, 0], -unrealisable, TIMES[-1], name != "node")
        assert abs(other.mean()) > 10 * other.std(ddof=1) / np.sqrt(NETWORKS), "tells one rule from the other"
