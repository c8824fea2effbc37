"""Ratios of processor time, never seconds: the kernel against torch, against a JAX peer where one is named, and its scaling.

Set METALEARN_JAX_PYTHON (an interpreter that has jax) and METALEARN_JAX_PEER (the peer's file) for the side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from bench import scaling, tuned
from bench.peer import Peer
from bench.workloads import WORKLOADS, eager, inputs, native, plans, rate

from inner.engines.native import compiler
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.rules.rule import Rule

pytestmark = pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler")
OVER_EAGER = {"W1, P=64, B=1": 8.0, "W1, P=64, B=32": 2.5, "W2, P=16, B=32": 1.25, "W3, P=64, B=1": 3.5}
# below what it must reach, 0.9: by 10 %, and by 20 % where weights lie in memory that the machine's other users share
OVER_HAND = {title: 0.7 if title.startswith("W2") else 0.8 for title in WORKLOADS}
OVER_JAX = {
    "W1, P=64, B=1": 2.0,
    "W1, P=64, B=32": 2.2,
    "W2, P=16, B=32": 1.1,
    "W3, P=64, B=1": 1.3,
}  # 10 % below measured
APART = 2e-5


def given(title: str, steps: int, peer: Path | None = None) -> tuple[Rule, dict]:
    """Rule and arrays of a workload."""
    text, units, batch, population, _, _, _ = WORKLOADS[title]
    rule = Rule(text, pathway="random")
    return rule, inputs(peer, title[:2], population, batch, steps, units, rule)


def fastest(title: str, peer: Path | None = None) -> float:
    """Candidate-steps per second of the faster kernel."""
    _, units, batch, population, steps, _, _ = WORKLOADS[title]
    rule, d = given(title, steps, peer)
    return max(rate(native(plan, units, d, slice(None)), population * steps) for plan in plans(rule, units, batch))


@pytest.mark.parametrize("title", OVER_EAGER)
def test_native_over_eager(title: str) -> None:
    _, units, _, population, _, few, _ = WORKLOADS[title]
    torch.set_num_threads(1)
    rule, d = given(title, few)
    assert fastest(title) / rate(eager(rule, units, d, few), population * few, 3) >= OVER_EAGER[title]


@pytest.mark.parametrize("title", WORKLOADS)
def test_torch_by_hand_does_the_same(title: str) -> None:
    _, units, _, population, _, _, _ = WORKLOADS[title]
    rule, d = given(title, 5)
    own = Learner(rule, Network(units[1:-1])).pathway.init(units, 0, (("a",),))  # of eager's only life
    d["feedback"] = own[1][0].numpy()
    state = eager(rule, units, d, 5)().state
    parts = tuned.life_data(title, d, [c.name for c in rule.coefficients], 5)()
    for k, w in enumerate(state.weights):
        apart = (torch.cat([part[k] for part in parts]) - w[:population]).abs().max()
        assert apart <= 1e-5 * w.abs().max()
        assert apart < 0.01 * (w - torch.tensor(d[f"w{k + 1}"][:1])).abs().max()


@pytest.mark.parametrize("batch", [1, 32])
def test_a_normalised_rule_keeps_its_speed(batch: int) -> None:
    """Dividing every term by 1 + k*pre_power costs a number per layer and sample, not one per synapse."""
    title = f"W1, P=64, B={batch}"
    _, units, _, population, steps, _, _ = WORKLOADS[title]
    terms, jobs = "(a*pre*err - b*err*recon - c*post*recon + d*pre*post)", []
    for text in (terms, f"{terms}/(1 + k*pre_power)"):
        rule = Rule.from_dict({"dw": text, "pathway": "random", "homeostasis": {"max_norm": 2.0}})
        d = inputs(None, title[:2], population, batch, steps, units, rule)
        jobs.append(native(plans(rule, units, batch)[0], units, d | {"rows": abs(d["rows"])}, slice(None)))
    ratios = sorted(rate(jobs[1], 1.0, 3) / rate(jobs[0], 1.0, 3) for _ in range(5))
    assert ratios[2] >= 0.85


@pytest.mark.parametrize("title", OVER_HAND)
def test_eager_over_torch_by_hand(title: str) -> None:
    _, units, _, _, _, few, _ = WORKLOADS[title]
    torch.set_num_threads(1)
    rule, d = given(title, few)
    jobs = [eager(rule, units, d, few), tuned.life_data(title, d, [c.name for c in rule.coefficients], few)]
    ratios = sorted(rate(jobs[0], 1.0, 3) / rate(jobs[1], 1.0, 3) for _ in range(3))
    assert ratios[1] >= OVER_HAND[title]


@pytest.mark.parametrize("title", OVER_JAX)
def test_native_over_jax(title: str) -> None:
    python, file = os.environ.get("METALEARN_JAX_PYTHON"), os.environ.get("METALEARN_JAX_PEER")
    if not (python and file):
        pytest.skip("METALEARN_JAX_PYTHON and METALEARN_JAX_PEER are not set")
    text, units, batch, population, steps, _, _ = WORKLOADS[title]
    peer = Peer(python, Path(file))
    assert peer.apart(title[:2], population, batch, units, Rule(text, pathway="random")) < APART
    assert fastest(title, Path(file)) / peer.rate(title[:2], population, batch, min(steps, 300)) >= OVER_JAX[title]


@pytest.mark.parametrize("engine", scaling.ENGINES)
@pytest.mark.parametrize("over", [scaling.over_populations, scaling.over_lengths])
def test_cost_is_linear_over_two_decades(over: Callable[[str], scaling.Costs], engine: str) -> None:
    costs = list(over(engine).values())
    assert costs[-1] < 1.3 * min(costs), "a step gets no dearer; a short call costs more for what happens once"
    if engine == "native":
        assert max(costs) < 2.5 * min(costs)


@pytest.mark.parametrize("engine", scaling.ENGINES)
def test_cost_follows_the_number_of_synapses(engine: str) -> None:
    """Twice as wide or deep costs no more than twice as much, nor more than the weights that came with it."""
    widths, depths = scaling.over_widths(engine), scaling.over_depths(engine)
    assert widths[256] / widths[32] < 1.6 * 256 / 32 and depths[16] / depths[2] < 1.6 * 16 / 2
    assert widths[256] > widths[16] and depths[16] > 2 * depths[2]


@pytest.mark.parametrize("engine", scaling.ENGINES)
def test_memory_does_not_grow_with_steps(engine: str) -> None:
    assert scaling.memory(engine) < 6.0  # MiB; 29,000 more steps of 2,400 weights would be 265 MiB
