"""From coefficients to insight: what each term of a run's rule is worth, and which known rules it is near to.

Both are long work that `metalearn show RUN --ablation` and `--distances` do once; the answers are kept in the run store,
where `show` and the report find them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from inner.components import options_of
from inner.learners.base import Learner
from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.config import library
from metalearn.config.schema import Config, validate
from metalearn.evidence.comparison import interval_of
from metalearn.evidence.documents import Selection
from metalearn.evidence.findings import AblationResult, Distances, Stage, TermAlone
from metalearn.makers import make_evaluator, make_search
from metalearn.rule.file import read, rule_of, text_of, values_of
from metalearn.store.run_store import RunStore
from outer.evidence.ablation import Ablation, ablate
from outer.evidence.fresh_lives import bootstrap_interval

ABLATION, DISTANCES = "ablation", "distances"  # keys in the run store
SHARE = 10  # a refit gets this fraction of the run's generations


def ablation_result(found: Ablation, learner: Learner, config: Config, spent: int) -> AblationResult:
    """The stages with intervals, what each term is worth alone, and the smallest rule."""
    whole, seed = found.stages[0], config.seed
    fixed = {c.name for c in learner.coefficients if c.fixed}
    best = max(found.stages, key=lambda stage: float(stage.scores.mean()))
    stages = []
    for stage in found.stages:
        lost, least, most = bootstrap_interval(best.scores - stage.scores, seed, "ablation", "lost")
        stages.append(
            Stage(
                **interval_of(stage.scores, seed, "ablation", "score"),
                removed=stage.removed,
                terms=sum(v != 0 for c, v in stage.values.items() if c not in fixed),
                formula=text_of(learner, stage.values),
                values=dict(stage.values),
                dropped=stage.dropped,
                lost=lost,
                lost_low=least,
                lost_high=most,
            )
        )
    alone = {}
    for name, scores in found.alone.items():
        mean, low, high = bootstrap_interval(whole.scores - scores, seed, "ablation", "alone")
        alone[name] = TermAlone(lost=mean, low=low, high=high, term=_term(learner, name))
    return AblationResult(
        stages=tuple(stages),
        alone=alone,
        smallest=found.smallest,
        lifetimes=len(whole.scores),
        generations=spent,
    )


def _term(learner: Learner, name: str) -> str:
    """The signal parts that a coefficient multiplies, as text; its name for other learners and a formula per layer."""
    rule = learner.formula
    if rule is None or rule.beyond_one_formula:
        return name
    from metalearn.report.rule_section import pretty

    bases = [
        pretty(basis) for front, basis in rule.terms() if name in front.replace("*", " ").replace("-", " ").split()
    ]
    return " , ".join(bases) or name


def run_ablation(folder: Path, console: Any, generations: int | None = None) -> AblationResult:
    """Ablate the rule of a run as its search left it (before pruning) and keep the answer. Raises ValueError in one line."""
    from metalearn.progress import Progress

    if generations is not None and generations < 1:
        raise ValueError(f"--generations: expected at least 1, got {generations}")
    with RunStore.open(folder, write=True) as store:
        experiment = Experiment(validate(store.config))
        learner = experiment.learner
        if store.get("selection") is None:
            raise ValueError(f"show: {folder} has no rule yet: metalearn resume {folder}")
        selection = Selection.read(store.get("selection"), "selection")
        experiment = experiment.with_birth(selection.birth)
        config = experiment.config
        if any(c.share != "rule" for c in learner.coefficients):
            raise ValueError(
                f"show --ablation: expected one value per coefficient, {folder} has values per layer or unit"
            )
        spec, whole = dict(config.search), experiment.search
        spent = generations or max(3, whole.generations // SHARE)
        spec |= {"generations": spent}
        if "sigma0" in options_of(type(whole)):
            spec["sigma0"] = 0.3 * cast(Any, whole).sigma0
        values = {name: float(cast(float, v)) for name, v in (selection.whole or selection.values).items()}
        chosen = config.selection
        with make_evaluator(config) as evaluator, Progress(console, "ablation", 1) as bar:

            def step(what: str, ended: int, total: int) -> None:
                bar.at(ended, total, what)

            found = ablate(
                experiment.objective, evaluator, values, make_search(spec), 2 * chosen.lifetimes, chosen.shapes, step
            )
        result = ablation_result(found, learner, config, spent)
        store.put(ABLATION, result.plain())
    return result


def work_out(path: Path, ablation: bool, distances: bool, generations: int | None, console: Any) -> None:
    """Run the ablation, the distances or both; the report of a run is written anew. Raises ValueError in one line."""
    if ablation and not path.is_dir():
        raise ValueError(f"show --ablation: expected a run, which knows its tasks, got {path}")
    if ablation:
        run_ablation(path, console, generations)
    if distances:
        found = run_distances(path)
        if not path.is_dir():
            print_distances(found, console)
    if path.is_dir():
        from metalearn.report.from_store import write_report_of

        with RunStore.open(path, write=False) as store:
            write_report_of(store, path)


def known_rules() -> dict[str, Rule]:
    """Every rule of the library that this version can read."""
    return {name: library.rule(name) for name in library.entries()}


def run_distances(path: Path) -> Distances:
    """Distance of a run's (or a rule.json's) rule to every named rule; of a run the answer is kept."""
    from metalearn.config.load import load
    from metalearn.evidence.distances import distances

    document = read(path)
    rule, values = rule_of(document), values_of(document)
    if not path.is_dir():
        return _distances(rule, values, Experiment(load("digits")), distances)
    with RunStore.open(path, write=True) as store:
        found = _distances(rule, values, Experiment(validate(store.config)), distances)
        store.put(DISTANCES, found.plain())
    return found


def _distances(rule: Rule, values: dict[str, float], experiment: Experiment, measure: Any) -> Distances:
    cell = experiment.cells[0][1]
    rows = measure(rule, values, known_rules(), experiment.setting(cell, 1), experiment.config.seed)
    return Distances(rows=tuple(rows), where=", ".join(cell.titles) + f", {cell.steps} steps")


def print_ablation(document: AblationResult, console: Any) -> None:
    """A row per stage, the smallest rule that is as good as the best marked."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("terms", "without", "score", "95 % CI", "lost", "95 % CI of lost", "before refitting"):
        table.add_column(heading, justify="left" if heading == "without" else "right")
    for k, stage in enumerate(document.stages):
        mark = " *" if k == document.smallest else ""
        table.add_row(
            f"{stage.terms}{mark}",
            stage.removed or "-",
            f"{stage.mean:.4f}",
            f"[{stage.low:.4f}, {stage.high:.4f}]",
            f"{stage.lost:.4f}",
            f"[{stage.lost_low:+.4f}, {stage.lost_high:+.4f}]",
            f"{stage.dropped:.4f}",
        )
    console.print(
        f"Ablation on {document.lifetimes} fresh lives of the select tier; after each step the other terms were "
        f"refitted for {document.generations} generations.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(table)
    smallest = document.stages[document.smallest]
    console.print(
        f"* smallest rule within the confidence interval of the best: {smallest.formula}",
        highlight=False,
        soft_wrap=True,
    )


def print_distances(document: Distances, console: Any) -> None:
    """A row per named rule, the nearest first."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("rule", "angle of terms", "angle of changes", "correlation of changes"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for row in document.rows:
        angles = ["-" if angle is None else f"{angle:.0f} deg" for angle in (row.terms, row.behaviour)]
        table.add_row(row.rule, *angles, "-" if row.correlation is None else f"{row.correlation:+.2f}")
    console.print(
        f"Distance to the nearest rule of each named family; changes compared in a life of {document.where}.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(table)
