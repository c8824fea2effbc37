"""A local rule's look at one step: errors from the target, feedback through the pathway, reward and surprise."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from inner.learners._rule_state import Acted, Kept, RuleOnNetwork, State
from inner.pathways.base import Delivery, Pathway
from inner.rules.signal_values import SignalValues
from inner.sources import Told


def look(learner: RuleOnNetwork, state: State, told: Told, t: int | Tensor) -> tuple[SignalValues, Kept]:
    """The values of all signals of this step, and what the next step needs of it."""
    acted, criterion = state.acted, state.spec.criterion
    assert acted is not None
    output, y = acted.record.output, told.y
    err_out = criterion.error(output, y)
    if told.scored is not None:  # what is not scored has neither error nor target
        scored = told.scored.unsqueeze(-1).to(err_out.dtype)
        err_out, y = err_out * scored, None if y is None else y * scored
    reward = surprise = err_out  # which then nothing reads
    baseline = state.baseline
    if learner.rewarded:
        reward = rewarded(learner, told, output, state)
        if "surprise" in learner.signals:
            surprise, baseline = surprised(learner, state, told, acted, reward)
    own, feedback, err = errors(learner, state, told, err_out, reward, y, t)
    before = state.before
    if before and acted.fresh is not None:
        before = tuple(rested(group, acted.fresh) for group in before)
    if before and output.shape[1] != state.spec.batch:
        before = tuple(of_samples(group, output.shape[1]) for group in before)
    values = SignalValues(
        learner.network, state.wiring, state.weights, acted.record, feedback, err, reward,
        y if criterion.supervised else None, surprise, acted.noise, told.action, before, t, state.spec.steps,
    )  # fmt: skip
    return values, Kept(own, baseline, [])


def rested(kept: Mapping[str, Tensor], fresh: Tensor | None) -> dict[str, Tensor]:
    """Traces or signals from before this step: 0 for samples that begin a sequence; fresh: bool [N, B], or None."""
    if fresh is None:
        return dict(kept)
    keep = (~fresh).unsqueeze(-1)  # [N, B, 1]; a trace per synapse has one sample in sequences
    return {name: value * keep.to(value.dtype) for name, value in kept.items()}


def of_samples(kept: Mapping[str, Tensor], batch: int) -> dict[str, Tensor]:
    """Kept values [N, B', width] for `batch` samples; where B' is another number, each sample gets the mean of the B'."""
    return {
        name: value if value.shape[1] == batch else value.mean(1, keepdim=True).expand(-1, batch, -1)
        for name, value in kept.items()
    }


def rewarded(learner: RuleOnNetwork, told: Told, output: Tensor, state: State) -> Tensor:
    """The reward [N, B, 1]: what was told, or what the criterion makes of output and target; 0 where nothing is scored."""
    reward = told.reward if told.reward is not None else state.spec.criterion.reward(output, told.y)
    return reward if told.scored is None else reward * told.scored.unsqueeze(-1).to(reward.dtype)


def worth(told: Told, output: Tensor, state: State) -> Tensor:
    """Minus the loss of the targets in nats, [N, B, 1], 0 where nothing is scored; the reward where that was told."""
    criterion = state.spec.criterion
    if told.reward is not None or told.y is None or not criterion.supervised:
        each = criterion.reward(output, told.y) if told.reward is None else told.reward
    else:
        each = -criterion.nats(output, told.y).unsqueeze(-1)
    return each if told.scored is None else each * told.scored.unsqueeze(-1).to(each.dtype)


def surprised(
    learner: RuleOnNetwork, state: State, told: Told, acted: Acted, reward: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Reward minus its baseline [N, B, 1], and the baseline after this step."""
    how, baseline = learner.rule.surprise, state.baseline
    if how.of == "loss":
        reward = worth(told, acted.record.output, state)
    mine = reward.mean(1, keepdim=True) if how.over == "step" else reward
    if how.baseline == "clean":
        if acted.clean is None:  # no noise: nothing is surprising
            return torch.zeros_like(reward), baseline
        quiet = told._replace(reward=None)
        clean = worth(quiet, acted.clean, state) if how.of == "loss" else rewarded(learner, quiet, acted.clean, state)
        other = clean.mean(1, keepdim=True) if how.over == "step" else clean
        return (mine - other).expand_as(reward), baseline
    assert baseline is not None
    mean, count = baseline.unbind(1)  # [N, 1, 1]
    seen = torch.ones_like(count)
    total = reward.mean(1, keepdim=True)
    if told.scored is not None:
        scored = told.scored.unsqueeze(-1).to(reward.dtype)  # [N, B, 1]
        many = scored.sum(1, keepdim=True)
        seen = (many > 0).to(reward.dtype)
        total = reward.sum(1, keepdim=True) / many.clamp(min=1.0)
    surprise = (mine - mean) * seen * (count > 0).to(reward.dtype)
    if told.scored is not None and how.over == "sample":
        surprise = surprise * told.scored.unsqueeze(-1).to(reward.dtype)
    share = torch.clamp(1.0 / (count + 1.0), min=how.rate)
    return surprise.expand_as(reward), torch.stack([mean + share * (total - mean) * seen, count + seen], 1)


def errors(
    learner: RuleOnNetwork, state: State, told: Told, err_out: Tensor, reward: Tensor, y: Tensor | None, t: int | Tensor
) -> tuple[tuple[Tensor, ...], dict[int, Tensor], dict[int, Tensor]]:
    """The pathway's own weights, and `feedback` and `err` per layer of units; the input layer's slope is 1."""
    top, acted = len(state.sizes) - 1, state.acted
    assert acted is not None
    feedback, err = {top: err_out}, {top: err_out}
    if not learner.hears:
        return state.own, feedback, err
    pathway, lowest = learner.pathway, 0 if "pre_err" in learner.signals else 1
    weights = [state.weights[k] for k in state.forward]
    weights = [w if w.shape[1] == n else w[:, :n] for w, n in zip(weights, state.sizes)]  # without bias rows
    scored = None if told.scored is None else told.scored.unsqueeze(-1).to(err_out.dtype)
    at = Delivery(
        state.own, weights, err, err_out, reward, acted.record, y, acted.noise, t, learner.network, state.spec.criterion,
        feedback, state.forward, lowest, scored, state.coefficients, state.noise,
    )  # fmt: skip
    together = pathway.together(at)
    for u in range(top - 1, lowest - 1, -1):
        feedback[u] = pathway.feedback(u, at) if together is None else together[u]
        err[u] = at.delta(u, feedback[u])
    own = state.own if type(pathway).train is Pathway.train else tuple(pathway.train(at))
    return own, feedback, err
