"""Verdicts over search seeds: leads, labels, groups, the best opponent on select, the median seed, claims, stable numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import yaml
from tiny import TINY

from inner.random import stream
from metalearn.claims.selector import conditions, select
from metalearn.claims.statement import label, statement_of
from metalearn.config import library
from metalearn.config.schema import Config, validate
from metalearn.evidence.arms import Arm
from metalearn.evidence.documents import ArmScores, Cell, Comparison
from metalearn.ledger.documents import LookedCell, Registered
from metalearn.pictures.verdict import picture
from metalearn.verdict.documents import ClaimVerdict
from metalearn.verdict.seeds import SeedRun, gather
from metalearn.verdict.tables import claim_lines, markdown
from metalearn.verdict.verdict import median_run, verdict_of
from outer.evidence.random_effects import crossed, nested

FAMILIES = ("digits", "wine", "emnist", "rings")
PLACES = [(family, depth) for family in FAMILIES for depth in (1, 4)]  # the cells
LIVES = 12
Leads = Mapping[str, Sequence[float] | float]  # opponent -> lead in points, per cell


def config(seed: int = 0, **more: Any) -> Config:
    return validate(yaml.safe_load(TINY) | {"seed": seed} | more)


def cell(family: str, depth: int, scores: Mapping[str, np.ndarray]) -> Cell:
    found = {
        arm: ArmScores(mean=s.mean(), low=s.min(), high=s.max(), scores=tuple(s.tolist())) for arm, s in scores.items()
    }
    network, hidden = f"{depth} x 16", (16,) * depth
    name = f"{family}, {network}, 30 steps"
    return Cell(name=name, task=family, network=network, family=family, hidden=hidden, steps=30, metric="accuracy", arms=found)


def run(
    seed: int, leads: Leads, select_scores: Mapping[str, float | None], score: float | None = None, **more: Any
) -> SeedRun:
    """A run whose subject leads by so many points; lives differ much, pairs differ little."""
    cells = []
    for k, (family, depth) in enumerate(PLACES):
        draw = stream(seed, "verdict", k).standard_normal
        own = 0.5 + 0.1 * draw(LIVES)
        scores = {"evolved": own}
        for arm, lead in leads.items():
            ahead = lead if isinstance(lead, float) else lead[k]
            scores[arm] = own - ahead / 100 + 0.002 * draw(LIVES)
        cells.append(cell(family, depth, scores))
    learner = library.learner("backprop")
    arms = {arm: Arm(learner, {"eta": 0.1}, select=select_scores.get(arm)) for arm in ("evolved", *leads)}
    comparison = Comparison(arms={name: arm.document() for name, arm in arms.items()}, cells=tuple(cells))
    return SeedRun(f"seed-{seed}", config(seed), comparison, score, more.get("claims", ()), ())


def registered(statement: str, share: float | None = None, names: Sequence[int] = range(1, 8), **more: Any) -> Registered:
    """A claim on cells of `PLACES` by number; those of digits are searched."""
    cells = [f"{PLACES[k][0]}, {PLACES[k][1]} x 16, 30 steps" for k in names]
    claim = {"name": "c", "statement": statement, "share": share, **more}
    left = {name: "family 'digits' is searched" for name in cells if name.startswith("digits")}
    return Registered(id="x", time="t", run="r", name="c", text="w", claim=claim, cells=tuple(cells), left_out=left)


def claimed(leads: Leads, statement: str, share: float | None = None, **more: Any) -> ClaimVerdict:
    """The verdict on one claim over three seeds."""
    claim = registered(statement, share, **more)
    scores = dict.fromkeys(leads, 0.5)
    (found,) = verdict_of([run(seed, leads, scores, claims=(claim,)) for seed in range(3)]).claims
    return found


@pytest.mark.parametrize(
    "mean, low, high, expected",
    [
        (0.5, 0.1, 0.9, "better"),
        (0.5, 0.0, 1.0, "not below"),
        (0.5, -0.5, 1.5, "not below"),
        (-0.9, -2.0, 0.2, "not below"),
        (-1.0, -2.0, 0.0, "not below"),
        (-1.1, -3.0, 1.0, "below"),
        (-0.5, -0.9, -0.1, "below"),
    ],
)
def test_labels_are_the_definitions(mean: float, low: float, high: float, expected: str) -> None:
    assert label(mean, low, high) == expected


def test_statements_hold_as_they_are_written() -> None:
    assert statement_of("not below") == statement_of("not_below") and statement_of("above by 5 points").points == 5
    assert statement_of("above by 5").holds(6, 5.1, 7) and not statement_of("above by 5").holds(6, 4.9, 7)
    assert statement_of("above by 5").outcome(6, 4.9, 7) == "open"
    assert statement_of("above by 5").outcome(4, 3, 4.9) == "fails"
    assert statement_of("better").outcome(-1, -2, -0.1) == "fails" and statement_of("better").outcome(-1, -2, 1) == "open"
    assert statement_of("no cell below -6").holds(-5.9, -9, -3) and not statement_of("no cell below -6").holds(-6.1, -9, 9)
    for wrong in ("bettr", "above by", "above by much", "above by nan", "no cell below 1e9"):
        with pytest.raises(ValueError, match="expected"):
            statement_of(wrong)


def test_selectors_take_cells_by_shape_and_family() -> None:
    cells = [LookedCell(family=f, task=f, network="", hidden=(8,) * d, steps=10 * d, group="main") for f, d in PLACES]
    assert select(cells, "all") == cells
    assert [c.family for c in select(cells, "depth >= 4 and family != digits")] == ["wine", "emnist", "rings"]
    assert len(select(cells, ("wine", "rings"))) == 4 and select(cells, "width > 8") == []
    assert len(select(cells, "steps < 40")) == len(select(cells, "depth = 1")) == 4
    for wrong, word in (("dept > 3", "did you mean 'depth'"), ("depth > x", "whole number"), ("family > a", "= or !="), ("", "all")):
        with pytest.raises(ValueError, match=word):
            conditions(wrong)


def test_leads_are_paired_and_over_seeds() -> None:
    seeds = gather([run(seed, {"backprop": 3.0}, {}) for seed in (2, 0, 1)])
    assert [r.config.seed for r in seeds.runs] == [0, 1, 2] and seeds.points.shape == (2, 8, 3, LIVES)
    document = verdict_of(seeds.runs)
    lead, expected = document.cells[0].leads["backprop"], nested(seeds.lead("evolved", "backprop")[0])
    assert (lead.mean, lead.low, lead.high) == (expected.mean, expected.low, expected.high)
    assert lead.high - lead.low < 0.5 and lead.mean == pytest.approx(3, abs=0.2)  # lives alone spread over 10 points
    assert lead.seeds == pytest.approx(seeds.lead("evolved", "backprop")[0].mean(1).tolist())
    assert document.cells[0].searched and not document.cells[2].searched
    group = document.groups["all cells"]["backprop"]
    families = seeds.lead("evolved", "backprop").mean(2).reshape(4, 2, 3).mean(1)
    assert (group.lead.low, group.lead.high) == (crossed(families).low, crossed(families).high)
    assert (group.signs.positive, group.signs.count, group.family_signs.count) == (12, 12, 4)


def test_groups_count_their_cells() -> None:
    leads = [5.0, 5.0, 0.0, -0.5, -8.0, 5.0, -0.3, 5.0]  # digits, wine, emnist, rings: depth 1, 4
    document = verdict_of([run(seed, {"backprop": leads}, {}) for seed in range(3)])
    whole, deep = (document.groups[name]["backprop"] for name in ("all cells", "depth >= 4"))
    labels = [c.leads["backprop"].label for c in document.cells]
    assert (whole.cells, whole.better, whole.not_below) == (8, labels.count("better"), 8 - labels.count("below"))
    assert whole.worst == "emnist, 1 x 16, 30 steps" and whole.worst_lead == pytest.approx(-8, abs=0.2)
    assert (deep.cells, deep.families, deep.better) == (4, 4, 3)
    assert document.groups["families never searched"]["backprop"].cells == 6
    assert whole.over_cells == pytest.approx(np.mean(leads), abs=0.1)


def test_a_family_counts_once_however_many_cells_it_has() -> None:
    leads = [9.0] * 2 + [1.0] * 6
    runs = [run(seed, {"backprop": leads}, {}) for seed in range(3)]
    kept = [r.comparison.model_copy(update={"cells": r.comparison.cells[:4]}) for r in runs]
    extra = [c.model_copy(update={"cells": c.cells[:3]}) for c in kept]  # digits twice, wine once
    document = verdict_of([SeedRun(r.name, r.config, c, None, (), ()) for r, c in zip(runs, extra)])
    group = document.groups["all cells"]["backprop"]
    assert group.lead.mean == pytest.approx(5, abs=0.2) and group.over_cells == pytest.approx(19 / 3, abs=0.2)


def test_the_best_opponent_is_chosen_on_select_never_on_final_cells() -> None:
    leads = {"strong": -9.0, "chosen": 2.0, "unscored": -20.0}
    scores = {0: {"strong": 0.2, "chosen": 0.9}, 1: {"strong": 0.8, "chosen": 0.7}}
    document = verdict_of([run(seed, leads, scores[seed]) for seed in (0, 1)])
    assert document.best == "chosen" and document.select == pytest.approx({"strong": 0.5, "chosen": 0.8})
    assert verdict_of([run(0, leads, {})]).best is None


def test_the_median_seed_is_by_select() -> None:
    runs = [run(seed, {"backprop": 0.0}, {}, score) for seed, score in enumerate([0.9, 0.1, 0.5, 0.7, 0.3])]
    assert median_run(runs) == "seed-2" and median_run(runs[:4]) == "seed-2"
    assert verdict_of(runs).median == "seed-2"


def test_one_seed_has_the_interval_of_its_comparison() -> None:
    one = run(3, {"backprop": 1.0}, {})
    lead = verdict_of([one]).cells[0].leads["backprop"]
    from metalearn.evidence.comparison import interval_of

    arms = one.comparison.cells[0].arms
    difference = np.array(arms["evolved"].scores) - np.array(arms["backprop"].scores)
    shown = interval_of(difference, 3, one.comparison.cells[0].name, "difference")
    assert (lead.mean, lead.low, lead.high) == pytest.approx(tuple(100 * v for v in shown.values()))


def test_claims_about_a_share_of_cells() -> None:
    leads = {"backprop": [9.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, -4.0]}
    found = claimed(leads, "not_below", 0.8)
    assert (found.outcome, found.as_stated) == ("holds", 5) and found.group is not None and found.group.cells == 6
    assert list(found.left_out) == ["digits, 4 x 16, 30 steps"] and found.opponent == "backprop"
    assert claimed(leads, "not_below", 0.9).outcome == "fails"
    assert claimed(leads, "no cell below -6").outcome == "holds" and claimed(leads, "no cell below -3").outcome == "fails"


def test_claims_about_the_mean() -> None:
    assert claimed({"backprop": 3.0}, "better").outcome == "holds"
    assert claimed({"backprop": -3.0}, "better").outcome == "fails"
    mixed = claimed({"backprop": [0.0, 0.0, 9.0, 9.0, -8.0, -8.0, 1.0, 1.0]}, "better")
    assert mixed.outcome == "open" and "[" in mixed.why
    assert claimed({"backprop": 3.0}, "above by 2.5").outcome == "holds"
    assert claimed({"backprop": 3.0}, "above by 5").outcome == "fails"
    assert claimed({"backprop": -0.8}, "not_below").outcome == "fails"  # its whole interval is below 0
    text = "\n".join(claim_lines(mixed))
    assert "sign test" in text and "left out, family 'digits' is searched" in text


def test_claims_say_against_whom() -> None:
    leads: Leads = {"a": 1.0, "b": 9.0}
    claim = registered("better", against=["a", "b"])
    runs = [run(seed, leads, {"a": 0.1, "b": 0.7}, claims=(claim,)) for seed in range(2)]
    assert verdict_of(runs).claims[0].opponent == "b"
    silent = verdict_of([run(seed, leads, {}, claims=(claim,)) for seed in range(2)]).claims[0]
    assert silent.outcome == "open" and "name the opponents" in silent.why
    lone = registered("better", against=["a"])
    assert verdict_of([run(0, leads, {}, claims=(lone,))]).claims[0].opponent == "a"
    of_other = registered("better", of="a", against=["b"])
    group = verdict_of([run(seed, leads, {}, claims=(of_other,)) for seed in range(2)]).claims[0].group
    assert group is not None and group.lead.mean == pytest.approx(8, abs=0.3)  # b is 8 points below a


def test_a_claim_without_final_cells_stays_open() -> None:
    found = claimed({"backprop": 3.0}, "better", names=(0, 1))
    assert found.outcome == "open" and "none of its 2 cells is final" in found.why and found.group is None


def test_runs_of_another_experiment_are_refused() -> None:
    first, other = run(0, {"backprop": 1.0}, {}), run(1, {"backprop": 1.0}, {})
    with pytest.raises(ValueError, match="seed 0 in 'seed-0' and 'seed-0'"):
        gather([first, first])
    longer = SeedRun("long", config(1, lifetimes=9), other.comparison, None, (), ())
    with pytest.raises(ValueError, match="differ in 'lifetimes'"):
        gather([first, longer])
    lacking = run(1, {"backprop": 1.0, "hebb": 1.0}, {})
    with pytest.raises(ValueError, match="arm 'hebb'"):
        gather([first, lacking])


def test_cells_that_not_every_run_has_are_apart() -> None:
    first, other = run(0, {"backprop": 1.0}, {}), run(1, {"backprop": 1.0}, {})
    cells = [*other.comparison.cells[:-2], other.comparison.cells[-2].model_copy(update={"metric": "mse"})]
    first_cells = [*first.comparison.cells[:-2], first.comparison.cells[-2].model_copy(update={"metric": "mse"})]
    changed = [
        SeedRun(r.name, r.config, r.comparison.model_copy(update={"cells": tuple(own)}), None, (), ())
        for r, own in ((first, [*first_cells, first.comparison.cells[-1]]), (other, cells))
    ]
    seeds = gather(changed)
    assert len(seeds.cells) == 6 and list(seeds.apart.values()) == ["measured in mse, not in accuracy", "skipped in 1 of 2 runs"]


def test_comparisons_of_an_older_version_name_cells_in_words() -> None:
    first = run(0, {"backprop": 1.0}, {})
    old = [c.model_copy(update={"family": "", "hidden": None, "task": f"{c.task} (test 40)"}) for c in first.comparison.cells]
    runs = [SeedRun("old", first.config, first.comparison.model_copy(update={"cells": tuple(old)}), None, (), ())]
    assert [(c.family, c.depth, c.width) for c in verdict_of(runs).cells] == [(f, d, 16) for f, d in PLACES]


def test_stable_numbers_are_those_of_terms_at_unit_length() -> None:
    spec = {"name": "local_rule", "rule": {"dw": "a*(err*pre - b*post*pre) + c*post*tanh(k*pre)", "pathway": "backprop"}}
    learner = library.learner(spec)
    runs = []
    for seed, (a, b, c, k) in enumerate([(1.0, 1.0, 0.0, 2.0), (10.0, 1.0, 0.0, 4.0), (0.5, -1.0, 0.1, 3.0)]):
        made = run(seed, {"backprop": 1.0}, {})
        arms = {**made.comparison.arms, "evolved": Arm(learner, {"a": a, "b": b, "c": c, "k": k}).document()}
        runs.append(SeedRun(made.name, made.config, made.comparison.model_copy(update={"arms": arms}), None, (), ()))
    rows = {row.name: row for row in verdict_of(runs).stability}
    assert set(rows) == {"pre*err", "pre*post", "post*tanh(k*pre)", "k"}
    numbers = np.array([[1, -1, 0], [10, -10, 0], [0.5, 0.5, 0.1]])
    unit = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    error, other = rows["pre*err"], rows["pre*post"]
    assert error.mean == pytest.approx(unit[:, 0].mean()) and error.sd == pytest.approx(unit[:, 0].std(ddof=1))
    assert (error.sign, other.sign, other.mean) == (1.0, pytest.approx(2 / 3), pytest.approx(unit[:, 1].mean()))
    assert (rows["k"].mean, rows["k"].scaled) == (3.0, False)
    pruned = rows["post*tanh(k*pre)"]
    assert (pruned.zeros, pruned.sign) == (2, pytest.approx(2 / 3))


def test_the_page_and_the_picture_hold_every_cell() -> None:
    runs = [run(seed, {"backprop": 3.0}, {"backprop": 0.5}, 0.1, claims=(registered("better"),)) for seed in range(3)]
    document = verdict_of(runs)
    page = markdown(document, "A verdict")
    assert all(c.name in page for c in document.cells) and "HOLDS" in page and "backprop *" in page
    drawn = picture(document)
    assert drawn.startswith("<svg") and all(f">{family}<" in drawn for family in FAMILIES)
    assert drawn.count(">1 x 16, 30 steps") == len(FAMILIES) and drawn == picture(document)
    assert type(document).read(dict(document.plain()), "verdict") == document
