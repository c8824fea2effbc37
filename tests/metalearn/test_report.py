"""The report and its tables: true to the comparison, safe with hostile text, whole at every stage. All data is FAKE."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inner.random import stream
from metalearn.evidence import documents, findings
from metalearn.evidence.documents import ArmDocument, ArmScores, Cell, Comparison, Curve, Difference, Selection, Skipped
from metalearn.pictures import comparison as comparison_pictures
from metalearn.pictures import search as pictures
from metalearn.report import search_report as report
from metalearn.report import tables
from metalearn.report.headline import headline
from metalearn.store.files import RunError
from outer.generation import Generation

COMMAND = "metalearn search configs/fake.yaml run=fake"
HOSTILE = "<script>alert('x')</script> & \"quoted\" $\\frac{1}{2$ -- ü"


def fake_generations(count: int, population: int = 16, lives: int = 4) -> list[Generation]:
    """A FAKE search that improves, with one candidate in ten failing."""
    made, best, spent = [], 0.0, 0
    for index in range(count):
        rng = stream(7, "fake", index)
        level = 0.1 + 0.7 * (1 - np.exp(-index / 8))
        scores = np.clip(level + rng.normal(0, 0.08, (population, lives)), 0, 1)
        alive = rng.random((population, lives)) > 0.1
        scores[~alive] = 0.0
        fitness = scores.mean(1)
        best, spent = max(best, float(fitness.max())), spent + scores.size
        theta = {"eta": 0.05 + 0.2 * np.exp(-index / 5), "a": 1 - np.exp(-index / 6), "b": -0.3 * index / (index + 9)}
        metrics = {"best_so_far": best, "sigma": 0.5 * 0.93**index, "lifetimes": float(spent)}
        metrics |= {f"theta/{k}": float(v + rng.normal(0, 0.01)) for k, v in theta.items()}
        where, recommendation = rng.normal(size=(population, 3)), rng.normal(size=3)
        made.append(Generation(index, where, fitness, scores, alive, recommendation, metrics))
    return made


def fake_rule(**changes: Any) -> dict[str, Any]:
    """A FAKE rule.json."""
    values = {"eta": 0.0512, "a": 0.84, "b": -0.213, "c": 0.0042}
    rule = {
        "format": 1,
        "name": "fake",
        "dw": "eta*(a*err*pre + b*post*pre - c*post**2*w)",
        "traces": {},
        "pathway": "random",
        "coefficients": values,
        "formula": "0.0512*(0.84*err*pre - 0.213*post*pre - 0.0042*post**2*w)",
        "pruned": "0.0512*(0.84*err*pre - 0.213*post*pre)",
        "values": values,
        "activation": "tanh",
        "network": {"name": "mlp", "hidden": [32]},
        "task": "digits",
        "run": "fake",
        "fitness": 0.81,
    }
    return {**rule, **changes}


def around(mean: float, half: float) -> dict[str, float]:
    """The fields of an interval."""
    return {"mean": mean, "low": mean - half, "high": mean + half}


def fake_cell(name: str, group: str, means: dict[str, float], metric: str = "accuracy", curve: bool = True) -> Cell:
    """A FAKE cell: scores around `means`, intervals and verdicts that follow from them."""
    lives, steps = 32, (0, 50, 100, 200, 300, 400, 500)
    rng = stream(3, "fake", name)
    arms, gaps = {}, {}
    for arm, mean in means.items():
        level = 0.1 + (mean - 0.1) * (1 - np.exp(-np.array(steps) / 120))
        shape = Curve(steps=steps, mean=tuple(level), low=tuple(level - 0.012), high=tuple(level + 0.012))
        scores = tuple(mean + rng.normal(0, 0.02, lives))
        arms[arm] = ArmScores(**around(mean, 0.01), scores=scores, curve=shape if curve else None)
        ahead = around(means["evolved"] - mean, 0.012)
        if arm != "evolved":
            gaps[arm] = Difference(**ahead, verdict=documents.verdict(ahead["low"], ahead["high"]))
    return Cell(
        name=name,
        group=group,
        task="digits",
        network="mlp 64-32-10",
        steps=500,
        lifetimes=lives,
        chance=0.1,
        metric=metric,
        arms=arms,
        differences=gaps,
    )


def fake_comparison(**means: float) -> Comparison:
    """A FAKE comparison with one main cell and four transfer cells."""
    means = means or {"evolved": 0.851, "feedback_alignment": 0.804, "backprop": 0.862, "hebbian": 0.31, "oja": 0.222}
    arms = {
        arm: ArmDocument(formula="eta*err*pre", pathway="random", values={"eta": 0.1}, lifetimes=4096) for arm in means
    }
    cells = [fake_cell("digits, unseen classes", "main", means)]
    for k, name in enumerate(("wider network", "two hidden layers", "permuted pixels", "ten times the steps")):
        shifted = {arm: mean - 0.03 * k * (0.4 + (arm == "evolved")) for arm, mean in means.items()}
        cells.append(fake_cell(name, "transfer", shifted, curve=False))
    skipped = (Skipped(cell="letters", why="its data set is not installed"),)
    return Comparison(arms=arms, cells=tuple(cells), skipped=skipped, seconds=12.0)


CONFIG = {
    "task": {"name": "digits"},
    "search": {"name": "cmaes", "popsize": 16},
    "seed": 1,
    "rule": {"dw": "eta*err*pre"},
}
ENVIRONMENT = {"python": "3.11.7", "torch": "2.13.0", "machine": "FAKE", "threads": 1}
SELECTION = Selection(values={"eta": 0.1}, lifetimes=64, finalists=2, scores=(0.84, 0.83))


class Page(HTMLParser):
    """Checks that tags are balanced and collects what a test wants to know."""

    VOID = {"meta", "br", "link", "img", "input", "hr"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.words += data


def write(folder: Path, **changes: Any) -> tuple[str, Page]:
    """Write a report of the FAKE run and read it back, checked for being self-contained and well formed."""
    parts: dict[str, Any] = {
        "config": CONFIG,
        "environment": ENVIRONMENT,
        "generations": fake_generations(20),
        "rule": fake_rule(),
        "comparison": fake_comparison(),
        "selection": SELECTION,
        "command": COMMAND,
    }
    path = report.write_report(folder, **{**parts, **changes})
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed"}
    assert not re.search(r"@import|url\((?!#)|(?:src|href)=\"(?!#)", text)
    assert not any(name.startswith("on") for _, attributes in page.seen for name in attributes)
    names = [attributes["id"] for _, attributes in page.seen if "id" in attributes]
    assert len(names) == len(set(names))
    return text, page


def test_a_finished_run_shows_every_part(tmp_path: Path) -> None:
    text, page = write(tmp_path)
    for part in (
        "On data that the search never saw",
        "Transfer",
        "The rule",
        "The search",
        COMMAND,
        "popsize: 16",
        "2.13.0",
    ):
        assert part in page.words
    assert (
        sum(tag == "svg" for tag, _ in page.seen) == 3 + 1 + 2 + 1 + 3
    )  # formulas, bars, main cell, heat table, search
    assert "85.1 %" in page.words and "[84.1, 86.1]" in page.words and "+4.7" in page.words
    assert f"{20 * 16 * 4:,}" in page.words
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]
    assert write(tmp_path)[0] == text


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("rule", [None, {}, fake_rule()])
def test_an_unfinished_run_has_a_report(tmp_path: Path, count: int, rule: dict[str, Any] | None) -> None:
    _, page = write(tmp_path, generations=fake_generations(count), rule=rule, comparison=None, selection=None)
    assert "nothing to report" in page.words if count == 0 else "not been compared" in page.words
    assert "better than" not in page.words


def test_text_from_the_run_cannot_become_markup(tmp_path: Path) -> None:
    comparison = fake_comparison(evolved=0.8, **{HOSTILE: 0.7})
    cells = tuple(cell.model_copy(update={"name": cell.name + HOSTILE, "task": HOSTILE}) for cell in comparison.cells)
    skipped = (Skipped(cell=HOSTILE, why=HOSTILE),)
    comparison = comparison.model_copy(update={"cells": cells, "skipped": skipped})
    rule = fake_rule(task=HOSTILE, activation=HOSTILE, values={**fake_rule()["values"], HOSTILE: 1.0}, pruned=HOSTILE)
    generations = fake_generations(3)
    for generation in generations:
        generation.metrics[f"theta/{HOSTILE}"] = 0.4
    config = {HOSTILE: HOSTILE, "task": HOSTILE}
    hostile = {"environment": {HOSTILE: HOSTILE}, "selection": Selection(values={HOSTILE: 1.0}), "command": HOSTILE}
    text, page = write(tmp_path, config=config, rule=rule, comparison=comparison, generations=generations, **hostile)
    assert "<script" not in text
    assert page.words.count("<script>alert(") > 10


@pytest.mark.parametrize("rule", [{"dw": "eta*"}, {"dw": 3}, {"formula": "??"}, {"dw": "pre", "pathway": "no such"}])
def test_a_rule_that_cannot_be_read_is_shown_as_text(tmp_path: Path, rule: dict[str, Any]) -> None:
    _, page = write(tmp_path, rule=rule)
    assert str(rule.get("dw", rule.get("formula"))) in page.words


def test_a_formula_too_deep_for_a_picture_is_shown_as_text() -> None:
    inside = "x"
    for _ in range(40):
        inside = rf"\left|{{{inside} - 1}}\right|"
    assert pictures.formula([inside], "deep") is None
    assert pictures.formula([r"\left|{x}\right|"], "flat") is not None


def test_an_interrupted_write_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = write(tmp_path)

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(ValueError, match="disk full"):
        write(tmp_path, comparison=None)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert len(list(tmp_path.iterdir())) == 1


def test_headline_names_losses_before_wins() -> None:
    said = headline(fake_comparison())
    assert "reaches 85.1 % accuracy" in said and "(95 % interval [84.1, 86.1])" in said
    assert "It cannot be told from backprop (-1.1 points)" in said
    assert "It is better than feedback alignment (+4.7 points), hebbian (+54.1 points) and oja" in said
    assert "In 3 of 4 transfer cells at least one baseline is better" in said
    lost = headline(fake_comparison(evolved=0.7, backprop=0.8, hebbian=0.3))
    assert lost.index("It is worse than backprop (-10.0 points)") < lost.index("It is better than hebbian")
    assert "better" not in headline(fake_comparison(evolved=0.2, backprop=0.8)).split("In ")[0]


def test_headline_says_when_the_rule_has_learned_nothing() -> None:
    assert "not above chance (10.0 %)" in headline(fake_comparison(evolved=0.105, backprop=0.8))
    assert "not above chance" not in headline(fake_comparison())


def test_a_verdict_is_never_stronger_than_its_interval() -> None:
    for low, high, stored, said in (
        (0.1, 0.2, "better", "better"),
        (-0.1, 0.2, "better", "not distinguishable"),
        (-0.2, -0.1, "better", "not distinguishable"),
        (-0.2, -0.1, "worse", "worse"),
        (0.1, 0.2, "not distinguishable", "not distinguishable"),
    ):
        gap = Difference.read({"mean": 0.0, "low": low, "high": high, "verdict": stored}, "fake")
        assert gap.shown == said


def test_cells_that_disagree_are_counted() -> None:
    comparison = fake_comparison()
    second = fake_cell("second", "main", {"evolved": 0.8, "backprop": 0.9})
    comparison = comparison.model_copy(update={"cells": (*comparison.cells, second)})
    assert "Against backprop the cells disagree (1 worse, 1 not distinguishable of 2)." in headline(comparison)


def test_plain_text_tables_fit_and_mark_best_and_losses() -> None:
    text = tables.comparison_text(fake_comparison())
    assert max(map(len, text.splitlines())) <= 100 and "\x1b" not in text
    rows = {line.split("  ")[0].strip(): line for line in text.splitlines()}
    assert "85.1 %" in rows["evolved"] and "*" not in rows["evolved"]
    assert re.search(
        r"86\.2 %\s+\[85\.2, 87\.2\]\s+-1\.1\s+\[-2\.3, \+0\.1\]\s+not distinguishable", rows["backprop *"]
    )
    assert "85.0 % * !" in rows["two hidden layers"] or "83.8 % * !" in rows["two hidden layers"]
    assert "Skipped letters: its data set is not installed" in text


def test_numbers_on_logarithmic_axes_are_plain() -> None:
    made = fake_generations(12)
    for k, generation in enumerate(made):  # of very different sizes: the axis is logarithmic
        generation.metrics["theta/eta"], generation.metrics["sigma"] = 1e-4 * (k + 1), 0.1**k
    for picture in (pictures.coefficient_paths(made), pictures.sigma(made)):
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", picture or "")
        assert any(re.fullmatch(r"-?[0-9.e-]+", text) for text in texts), texts
        assert not [text for text in texts if "$" in text or "math" in text]


def test_pictures_are_the_same_bytes_twice_and_hold_their_labels() -> None:
    comparison = fake_comparison()
    main = comparison.cells[0]
    for draw in (
        lambda: pictures.fitness(fake_generations(12)),
        lambda: comparison_pictures.learning_curves(comparison, main),
        lambda: comparison_pictures.forest(comparison, [main]),
        lambda: comparison_pictures.heat_table(comparison),
    ):
        svg = draw()
        assert svg == draw() and svg is not None and "Date" not in svg and "<metadata" not in svg
    forest = comparison_pictures.forest(comparison, [main]) or ""
    assert "feedback alignment" in forest and "+4.7" in forest and "percentage points" in forest
    assert comparison_pictures.forest(comparison, []) is None
    assert pictures.sigma([Generation(0, *[np.zeros((2, 2))] * 5)]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "content", "where"),
    [
        (Comparison, {"cells": [{"name": "a", "arms": {"x": {"mean": "high"}}}]}, "cells.0.arms.x.mean"),
        (Comparison, {"cells": 3}, "cells"),
        (Comparison, [], "the whole"),
        (Selection, {"values": {"eta": {}}}, "values.eta"),
        (findings.AblationResult, {"stages": []}, "alone"),
        (findings.Distances, {"rows": [{"terms": 1.0}], "where": ""}, "rows.0.rule"),
    ],
)
def test_a_document_of_the_wrong_shape_is_one_line(kind: type[documents.Document], content: object, where: str) -> None:
    with pytest.raises(RunError, match=re.escape(f"document 'x': {where}")) as caught:
        kind.read(content, "x")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("document", [fake_comparison(), SELECTION])
def test_documents_come_back_from_json(document: documents.Document) -> None:
    assert type(document).read(json.loads(json.dumps(document.plain())), "x") == document
