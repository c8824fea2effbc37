"""Cue reversal, decision processes and T-mazes answer as they say, and who knows them earns what their ceilings say."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.tasks.base import Task

LABELS = tuple(("worlds", n) for n in range(20))


def world(name: str, steps: int, batch: int = 2, **options: Any) -> Any:
    return cast(Task, build("task", {"name": name, **options})).experience("search", steps, batch, 0, LABELS)


def one_hot(index: Tensor, size: int) -> Tensor:
    return torch.nn.functional.one_hot(index, size).float()


def test_cues_flip_every_switch() -> None:
    source = world("cue_reversal", 60, switch=20)
    s, always, once = source.begin(1), 0.0, 0.0
    for t in range(60):
        wants = (source.observe(s, t).x * source.go).sum(-1).long()
        right = one_hot(wants ^ (t // 20 % 2), 2)
        told = source.respond(s, t, right)[1]
        assert float(told.reward.min()) == 1 and float(source.respond(s, torch.tensor([t]), 1 - right)[1].reward.max()) == 0
        always += float(told.reward.mean())
        s, told = source.respond(s, t, one_hot(wants, 2))
        once += float(told.reward.mean())
    assert always == 60 and once == 40 and torch.allclose(source.score(s), torch.tensor(40 / 60).double())
    assert source.ceiling([0, 5]).tolist() == [[0.0, 1.0]] * 20
    assert abs(float(source.go.mean()) - 0.5) < 4 * 0.5 / 160**0.5


def test_transitions_and_rewards_of_decision_processes_are_those_drawn() -> None:
    """Frequencies of 800 moves from one state by one action; rewards scatter by 1 around their mean."""
    source = world("tabular_mdp", 800, states=3, actions=2, horizon=5000)
    s = source.begin(1)
    rows = torch.diff(source.cumulative, dim=-1, prepend=torch.zeros_like(source.cumulative[..., :1]))
    assert torch.allclose(rows.sum(-1), torch.ones(1)) and float(rows.min()) >= 0
    action, count, rewards = one_hot(torch.ones(20, 2, dtype=torch.int64), 2), torch.zeros(20, 2, 3), []
    for t in range(800):
        after, told = source.respond(s, t, action)
        count += after.state
        rewards.append(told.reward[..., 0])
    assert torch.allclose(count / 800, rows[:, :, 0, 1], atol=4.5 * 0.5 / 800**0.5)
    earned = torch.stack(rewards)
    assert torch.allclose(earned.mean(0), source.mean[:, :, 0, 1], atol=4.5 / 800**0.5)
    assert torch.allclose(earned.std(0), torch.ones(1), atol=0.12)


def test_the_best_policy_earns_the_ceiling() -> None:
    """Backward induction in plain loops, then 50 episodes of it in each of 40 worlds."""
    source, horizon = world("tabular_mdp", 300, states=4, actions=3, horizon=6), 6
    rows = torch.diff(source.cumulative, dim=-1, prepend=torch.zeros_like(source.cumulative[..., :1])).tolist()
    mean = source.mean.tolist()
    policy = torch.zeros(horizon, 20, 2, 4, dtype=torch.int64)
    for n in range(20):
        for b in range(2):
            value = [0.0] * 4
            for h in reversed(range(horizon)):
                worth = [
                    [mean[n][b][i][a] + sum(rows[n][b][i][a][j] * value[j] for j in range(4)) for a in range(3)] for i in range(4)
                ]
                value = [max(each) for each in worth]
                policy[h, n, b] = torch.tensor([each.index(max(each)) for each in worth])
    s = source.begin(1)
    for t in range(300):
        assert bool((source.observe(s, t).fresh == (t % horizon == 0)).all())
        chosen = policy[t % horizon].gather(-1, s.state.argmax(-1)[..., None])[..., 0]
        s, _ = source.respond(s, t, one_hot(chosen, 3))
    ceiling = source.ceiling([0, 1, 300])
    assert torch.allclose(ceiling[:, 0], torch.zeros(1).double()) and ceiling[:, 1].std() > 0.1
    gap = source.score(s) - ceiling[:, 2]
    assert abs(float(gap.mean())) < 4 * float(gap.std()) / 20**0.5 + 1e-3 and float(gap.abs().max()) < 0.3


@pytest.mark.parametrize("turns", [1, 2])
def test_the_rewarded_end_of_a_maze_moves(turns: int) -> None:
    """Whoever knows the end is paid 1 a trial; another end pays `low`; a wrong step is a crash, and the next trial begins."""
    length = 2 + turns
    source = world("t_maze", 40 * length, turns=turns, switch=7)
    assert bool((source.ends[:, 1:] != source.ends[:, :-1]).all())
    for other, wanted in ((0, 1.0), (1, 0.2)):
        s = source.begin(1)
        for t in range(40 * length):
            end = (source.ends[:, t // length // 7] + other) % 2**turns
            turn = t % length - 2
            move = torch.ones_like(end) if turn < 0 else 2 * (end >> (turns - 1 - turn) & 1)
            seen = source.observe(s, t)
            assert bool((seen.fresh == (t % length == 0)).all())
            assert bool((seen.x[..., :3].argmax(-1) == max(0, turn + 1)).all())
            s, told = source.respond(s, t, one_hot(move, 3))
            assert bool((told.ends == (t % length == length - 1)).all())
        assert torch.allclose(source.score(s), torch.tensor(wanted).double())
    s = source.begin(1)
    s, told = source.respond(s, 0, one_hot(torch.zeros(20, 2, dtype=torch.int64), 3))
    assert bool((told.reward == torch.tensor(-0.4)).all()) and bool((s.place == 0).all()) and bool((s.trial == 0).all())
    assert bool((source.observe(s, 1).x[..., 3] == torch.tensor(-0.4)).all())
