"""The battery that every study must pass, and each study's shortcuts against plain simulations."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from inner.components import build, names
from inner.random import stream
from outer.genome.label_net import LabelNet, gray
from outer.studies import bottleneck, hinton_nowlan, needle
from outer.studies.base import Study
from outer.studies.hinton_nowlan import OPEN, RIGHT, WRONG, offspring

SMALL: dict[str, dict[str, Any]] = {
    "hinton_nowlan": {"runs": 2, "generations": 6, "popsize": 60, "loci": 5},
    "needle": {"runs": 2, "generations": 6, "popsize": 20, "loci": 6, "costs": [0.0, 0.01]},
    "bottleneck": {"hidden": 6, "widths": [[3]], "steps": 2, "batch": 20, "iterations": 2, "images": 100},
    "hybrid": {
        "seeds": 2,
        "popsize": 4,
        "generations": 2,
        "steps": 5,
        "batch": 4,
        "hidden": 3,
        "test": 30,
        "patterns": 100,
    },
}


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 random images in place of MNIST, which not every machine has."""
    rng = stream(0, "images")
    x = torch.from_numpy(rng.standard_normal((200, 784)).astype(np.float32))
    y = torch.from_numpy(rng.integers(0, 10, 200))
    monkeypatch.setattr(bottleneck, "_data", lambda: (x, y, x[:50], y[:50]))


def make(name: str) -> Study:
    study = build("study", {"name": name, **SMALL[name]})
    assert isinstance(study, Study)
    return study


@pytest.mark.parametrize("name", names("study"))
def test_parts_are_functions_of_options_seed_and_name(name: str) -> None:
    study, told = make(name), []
    results = {part: study.run(part, 0, lambda done, total: told.append((done, total))) for part in study.parts()}
    assert all(0 < done <= total for done, total in told)
    last = study.parts()[-1]
    again = make(name).run(last, 0, lambda done, total: None)  # alone, as a resumed study runs it
    assert json.dumps(again) == json.dumps(results[last])
    assert json.dumps(make(name).run(last, 1, lambda done, total: None)) != json.dumps(results[last])
    found = study.summary(json.loads(json.dumps(results)))
    assert found.headline and found.rows and all(len(row) == len(found.columns) for row in found.rows)
    for panels in found.pictures.values():
        for panel in panels:
            assert {"title", "x", "y", "series"} <= set(panel)
            for line in panel["series"]:
                assert len(line["x"]) == len(line["y"]) > 0 and np.isfinite(line["y"]).all()


@pytest.mark.parametrize("part", [0, 1])
def test_a_long_part_goes_on_from_its_notes(part: int) -> None:
    """Stopped at the first note, which went through JSON: the same bits as in one go, and not from the beginning."""
    study = build("study", {"name": "bottleneck", **SMALL["bottleneck"], "steps": 4, "iterations": 4})
    name, notes, stored, told = study.parts()[part], {}, [], []

    def tell(done: int, total: int) -> None:
        stored.append(json.dumps(notes))

    whole = study.go_on(name, 0, tell, notes)
    again = study.go_on(name, 0, lambda done, total: told.append(done), json.loads(stored[1]))
    assert told == [3, 4] and json.dumps(again) == json.dumps(whole) == json.dumps(study.run(name, 0, tell))


@pytest.mark.parametrize("name", names("study"))
def test_an_unknown_option_is_one_line(name: str) -> None:
    with pytest.raises(ValueError, match="no such option"):
        build("study", {"name": name, "runz": 3})


@pytest.mark.parametrize("name, key", [("needle", "costs"), ("hybrid", "rates")])
@pytest.mark.parametrize("value", [[], 0.1, ["a"], "0.1", [-1.0], [math.inf], [True]])
def test_a_list_of_numbers_that_is_none_is_one_line(name: str, key: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^study\.{key}: expected a list of numbers"):
        build("study", {"name": name, key: value})


def test_geometric_trials_are_those_of_plain_simulation() -> None:
    """Three open loci: mean and spread of trials left against 3,000 simulated lives; certain cases exactly."""
    study = hinton_nowlan.Study(runs=1, popsize=3000, loci=4, trials=20)
    genes = np.tile(np.array([OPEN, OPEN, OPEN, RIGHT], dtype=np.int8), (1, 3000, 1))
    left, used = study.trials_left(genes, stream(0, "a"))
    rng, simulated = stream(0, "b"), []
    for _ in range(3000):
        n = 0
        for live_fresh in range(1, 21):
            if rng.integers(0, 2, 3).all():
                n = 20 - live_fresh
                break
        simulated.append(n)
    error = math.sqrt(2 * np.var(simulated) / 3000)
    assert abs(left.mean() - np.mean(simulated)) < 4 * error and abs(left.std() / np.std(simulated) - 1) < 0.1
    assert (used == np.where(left > 0, 20 - left, 20)).all()
    sure = np.array([[[RIGHT] * 4, [WRONG, OPEN, OPEN, OPEN], [WRONG, RIGHT, RIGHT, RIGHT]]], dtype=np.int8)
    left, used = study.trials_left(sure, stream(0, "c"))
    assert left.tolist() == [[19, 0, 0]] and used.tolist() == [[1, 20, 1]]


def test_children_are_two_pieces_of_parents_drawn_by_fitness() -> None:
    genes = np.repeat(np.arange(3, dtype=np.int8), 5).reshape(1, 3, 5).repeat(2, 0).repeat(700, 1)  # who is in which
    fitness = np.array([1.0, 2.0, 0.0]).repeat(700)[None].repeat(2, 0)
    order = np.argsort(stream(0, "mix").random(2100))
    children = offspring(genes.reshape(2, 3, 700, 5).reshape(2, 2100, 5)[:, order], fitness[:, order], stream(0, "o"))
    own = genes.reshape(2, 2100, 5)[0]
    weights = np.array([fitness[0][(own[:, 0] == g)].sum() for g in range(3)])
    share = np.array([(children[:, :, 0] == g).mean() for g in range(3)])
    np.testing.assert_allclose(share, weights / weights.sum(), atol=0.03)
    assert ((np.diff(children.astype(int), axis=2) != 0).sum(2) <= 1).all(), "one crossover point"
    assert len({int(np.flatnonzero(np.diff(c))[0]) for c in children[0] if np.diff(c).any()}) == 4, "every place is cut"


def test_waiting_times_of_needle_and_ridge_are_those_of_plain_simulation() -> None:
    study = needle.Study(loci=5, trials=60, flip=0.3)
    wrong = np.full(3000, 2)
    adult, used = study.needle(wrong, stream(0, "n"))
    chance = 0.3**2 * 0.7**3
    assert adult.mean() == pytest.approx(1 - (1 - chance) ** 60, abs=0.03)
    assert used.mean() == pytest.approx((1 - (1 - chance) ** 60) / chance, rel=0.05)
    assert study.needle(np.array([0]), stream(0, "n")) == (1.0, 0.0)
    study, rng = needle.Study(loci=5, trials=8), stream(0, "s")
    adult, used = study.ridge(wrong, stream(0, "r"))
    ends, trials = [], []
    for _ in range(3000):
        left, spent = 2, 0
        while left and spent < 8:
            spent += 1
            left -= int(rng.integers(5)) < left
        ends.append(1 - left / 5)
        trials.append(spent)
    assert adult.mean() == pytest.approx(np.mean(ends), abs=0.01) and used.mean() == pytest.approx(
        np.mean(trials), rel=0.03
    )


@pytest.mark.parametrize("widths, genes, fewer", [((30, 10), 1973, 322), ((20, 10), 1353, 470), ((10, 5), 613, 1038)])
def test_genome_sizes_of_the_paper(widths: tuple[int, ...], genes: int, fewer: int) -> None:
    net = LabelNet(800, widths)
    assert net.synapses == 636_010 and net.size == genes == sum(g.numel() for g in net.init(0))
    assert round(net.synapses / genes) == fewer


def test_written_weights_by_a_plain_loop() -> None:
    net = LabelNet(5, (4, 3))
    genes = net.init(0)
    rng = stream(1, "biases")
    genes = [g + torch.from_numpy(rng.standard_normal(tuple(g.shape)).astype(np.float32)) for g in genes]
    first, bias, second, last = net.write(genes)
    assert first.shape == (784, 5) and bias.shape == (5,) and second.shape == (5, 10) and torch.equal(last, genes[-1])
    code = [n ^ (n >> 1) for n in range(28)]
    for pixel, unit in ((0, 0), (783, 4), (300, 2)):
        row, column = divmod(pixel, 28)
        label = [1.0 if code[row] >> b & 1 else -1.0 for b in range(5)] + [
            1.0 if code[column] >> b & 1 else -1.0 for b in range(5)
        ]
        label += [1.0 if unit >> b & 1 else -1.0 for b in range(10)]
        signal = label
        for k in range(3):
            matrix, offset = genes[2 * k].tolist(), genes[2 * k + 1].tolist()
            signal = [sum(s * m[j] for s, m in zip(signal, matrix)) + offset[j] for j in range(len(offset))]
            signal = [max(s, 0.0) for s in signal] if k < 2 else signal
        assert float(first[pixel, unit]) == pytest.approx(signal[0] * 2 / 28, rel=1e-4)
    lines = gray(28, 5)
    assert (np.abs(np.diff(lines, axis=0)).sum(1) == 2).all() and len({tuple(line) for line in lines}) == 28
