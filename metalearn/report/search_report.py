"""Writes a run as one HTML page that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metalearn.evidence.documents import Comparison, Selection
from metalearn.evidence.findings import AblationResult, Distances
from metalearn.ledger.documents import Look
from metalearn.report.evidence_section import evidence_section
from metalearn.report.front_section import front_section
from metalearn.report.headline import headline
from metalearn.report.insight_section import insight_section
from metalearn.report.page import conditions, figure, page, table, value
from metalearn.report.rule_section import rule_section
from metalearn.report.tables import LEGEND, about, main_rows, notes, number, skipped_lines, title, transfer_rows
from metalearn.store.files import write_text_atomically
from metalearn.verdict.documents import VerdictDocument

if TYPE_CHECKING:
    from outer.generation import Generation

NAME = "report.html"
FOOTER = (
    "This page is self-contained. Intervals are 95 % bootstrap intervals over paired lifetimes, each for "
    "its own comparison (not corrected for their number)."
)
VERDICT_CLASS = {"better": "better", "worse": "worse", "not distinguishable": "tie"}


def write_report(
    folder: Path,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    generations: Sequence[Generation],
    rule: Mapping[str, Any] | None,
    comparison: Comparison | None,
    selection: Selection | None,
    command: str,
    ablation: AblationResult | None = None,
    distances: Distances | None = None,
    looks: Sequence[Look] = (),
    verdict: VerdictDocument | None = None,
) -> Path:
    """Write `folder/report.html` in one step and return its path; any part of the run may be missing yet.

    rule: the document of rule.json; comparison, selection, ablation, distances, looks:
    documents of the run store; verdict: on its claims;
    command: the exact command line of the search. Raises RunError when the folder cannot be written.
    """
    path = Path(folder) / NAME
    documents = (rule, comparison, selection, command, ablation, distances, looks, verdict)
    text = report(folder, config, environment, generations, *documents)
    write_text_atomically(path, text)
    return path


def report(
    folder: Path,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    generations: Sequence[Generation],
    rule: Mapping[str, Any] | None,
    comparison: Comparison | None,
    selection: Selection | None,
    command: str,
    ablation: AblationResult | None = None,
    distances: Distances | None = None,
    looks: Sequence[Look] = (),
    verdict: VerdictDocument | None = None,
) -> str:
    """The page as text; the same arguments give the same text."""
    rule = rule or {}
    name = Path(folder).resolve().name
    best = max((float(g.fitness.max()) for g in generations), default=None)
    task = str(rule.get("task") or "") or _name_of(config.get("task"))
    learner = rule.get("learner") or config.get("learner")
    what = f"The learner {_name_of(learner).replace('_', ' ')}, tuned" if learner else "A learning rule evolved"
    heading = f"{what} on {task}" if task else "A learning rule"
    body = [rule_section(rule, headed=bool(generations or rule))]
    if comparison is not None and comparison.cells:
        body.append(_comparison(comparison))
    body.append(evidence_section(looks, verdict))
    body.append(insight_section(ablation, distances))
    if selection is not None:
        body.append(front_section(selection.front))
        plain = {key: value for key, value in selection.plain().items() if key not in ("front", "rule")}
        body.append("<section><h2>How the rule was chosen</h2>" + value(plain) + "</section>")
    body += [_search(generations, config), _use(Path(folder), command), conditions(config, environment)]
    return page(
        name,
        f"{name} - {heading}",
        heading,
        headline(comparison, len(generations), best),
        body,
        facts=_facts(generations, rule, comparison, best),
        footer=FOOTER,
    )


def _name_of(spec: object) -> str:
    return str(spec.get("name", "")) if isinstance(spec, Mapping) else str(spec or "")


def _facts(
    generations: Sequence[Generation], rule: Mapping[str, Any], comparison: Comparison | None, best: float | None
) -> str:
    """The strip of key numbers under the headline."""
    facts = [("generations", f"{len(generations):,}"), ("lifetimes lived", f"{lifetimes(generations):,}")]
    if best is not None:
        facts.append(("best search fitness", f"{best:.4g}"))
    main = comparison.group("main") if comparison is not None else []
    if comparison is not None and main and comparison.reference in main[0].arms:
        facts.append(("on unseen data", number(main[0].arms[comparison.reference].mean, main[0].metric)))
    if rule.get("pathway"):
        facts.append(("feedback pathway", str(rule["pathway"])))
    if rule.get("values"):
        facts.append(("coefficients", str(len(rule["values"]))))
    return (
        '<dl class="facts">'
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts)
        + "</dl>"
    )


def lifetimes(generations: Sequence[Generation]) -> int:
    """Lifetimes lived by the search: as its metrics count them, else P x L of every generation."""
    if generations and "lifetimes" in generations[-1].metrics:
        return int(generations[-1].metrics["lifetimes"])
    return sum(int(g.scores.size) for g in generations)


def _comparison(comparison: Comparison) -> str:
    """Tables and pictures of main cells, then transfer."""
    from metalearn.pictures import comparison as pictures
    from metalearn.pictures import regret

    reference = title(comparison.reference)
    main = comparison.group("main")
    parts = ["<section><h2>On data that the search never saw</h2>", *main_tables(comparison)]
    drawn = [
        figure(
            pictures.learning_curves(comparison, cell, f"curves{k}"), "Learning from scratch; bands are 95 % intervals."
        )
        for k, cell in enumerate(main)
    ]
    for k, cell in enumerate([cell for cell in main if cell.ceiling is not None]):
        caption = "What an actor that knows the world earns more, summed over the life; the same fresh worlds for all."
        drawn.append(figure(regret.regret_curves(comparison, cell, f"regret{k}"), caption))
        drawn.append(figure(regret.reward_curves(comparison, cell, f"reward{k}"), "Reward per step within a life."))
    for k, metric in enumerate(dict.fromkeys(cell.metric for cell in main)):
        cells = [cell for cell in main if cell.metric == metric]
        caption = f"How far the {reference} rule is ahead of each arm."
        drawn.append(figure(pictures.forest(comparison, cells, f"forest{k}"), caption))
    parts.append('<div class="pictures">' + "".join(drawn) + "</div>")
    parts.append(_transfer(comparison))
    skipped = "".join(f"<li>{escape(line)}</li>" for line in skipped_lines(comparison))
    parts += [f'<ul class="note">{skipped}</ul>' if skipped else "", "</section>"]
    return "".join(parts)


def main_tables(comparison: Comparison) -> list[str]:
    """HTML of the tables of main cells, and the sentences on what stands in them."""
    parts = []
    for cell in comparison.group("main"):
        header, rows = main_rows(comparison, cell)
        names = [arm for arm in comparison.names if arm in cell.arms]
        classes = []
        for arm, row in zip(names, rows):
            kind = VERDICT_CLASS.get(row[5], "")
            first = "reference" if arm == comparison.reference else ""
            classes.append([first, "num", "num", "num", "num", f"num {kind}", "num", "num"])
        parts += [f"<h3>{escape(cell.name)}</h3>", f'<p class="note">{escape(about(cell))}</p>']
        parts.append(table(header, [[r[0].replace(" *", ""), *r[1:]] for r in rows], classes, "reference"))
    parts += [f'<p class="note">{escape(line)}</p>' for line in notes(comparison)]
    return parts


def _transfer(comparison: Comparison) -> str:
    from metalearn.pictures import comparison as pictures

    cells, arms = comparison.group("transfer"), comparison.names
    if not cells:
        return ""
    header, rows = transfer_rows(comparison)
    classes = []
    for cell in cells:
        marks = [""]
        for arm in arms:
            behind = cell.verdict(arm) == "worse"
            marks.append("num" + (" top" if arm == cell.best else "") + (" behind" if behind else ""))
        classes.append(marks)
    reference = title(comparison.reference)
    caption = f"Red: the {reference} rule is ahead of the arm; blue: behind; the scale is each row's own."
    conditions = "".join(f"<li>{escape(c.name)}: {escape(about(c))}</li>" for c in cells)
    return (
        "<h3>Transfer: tasks and networks outside the search</h3>"
        + f'<p class="note">{escape(LEGEND.format(reference=reference))}</p>'
        + table(header, rows, classes)
        + f'<div class="wide">{figure(pictures.heat_table(comparison), caption)}</div>'
        + f"<details><summary>Conditions of the transfer cells</summary><ul>{conditions}</ul></details>"
    )


def _search(generations: Sequence[Generation], config: Mapping[str, Any]) -> str:
    """Fitness, step size and coefficients over generations."""
    if not generations:
        return "<section><h2>The search</h2><p>No generation has been stored yet.</p></section>"
    from metalearn.pictures import search as pictures

    population, lives = generations[-1].scores.shape
    search = _name_of(config.get("search"))
    text = (
        f"{f'{search}: ' if search else ''}{len(generations):,} generations of {population} candidates, each lived "
        f"{lives} lifetimes a generation; {lifetimes(generations):,} lifetimes in all."
    )
    failures = sum(int((~g.alive).sum()) for g in generations)
    text += f" {failures:,} lifetimes left the finite range and scored the worst value." if failures else ""
    drawn = [
        figure(pictures.fitness(generations), "Fitness of the candidates; the band holds the middle 80 %."),
        figure(pictures.coefficient_paths(generations), "Coefficients that the search recommends."),
        figure(pictures.sigma(generations), "Step size of the search."),
    ]
    return f'<section><h2>The search</h2><p>{escape(text)}</p><div class="pictures">{"".join(drawn)}</div></section>'


def _use(folder: Path, command: str) -> str:
    run = shlex.quote(str(folder))
    shell = (
        f"{command}\n\nmetalearn resume {run}                 # go on where it stopped\n"
        f"metalearn compare {run}                # unseen data, tuned baselines\n"
        f"metalearn export {run} --to torch      # or json, latex, python"
    )
    code = (
        f"import metalearn\n\nrule = metalearn.load_rule({str(folder)!r})\nprint(rule.formula)\n"
        "trainer = rule.trainer(model)    # an nn.Module of nn.Linear layers and activations\n"
        "trainer.step(x, target)          # one update, in place"
    )
    return (
        "<section><h2>Repeat and use</h2><h3>On the command line</h3>"
        f"<pre>{escape(shell)}</pre><h3>In Python</h3><pre>{escape(code)}</pre></section>"
    )
