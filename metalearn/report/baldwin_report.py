"""The comparison of kinds of inheritance: pictures over generations, a table of outcomes, and one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from metalearn.config.schema import Config, validate
from metalearn.pictures.line_panels import ARM_COLOURS, Panel, Series, save
from metalearn.runs.base import progress_line
from metalearn.runs.documents import LivedCurves, Outcome, PopulationCurve
from metalearn.store.files import write_text_atomically
from metalearn.store.run_store import RunStore
from outer.evidence.change_points import jumps
from outer.inheritance.measures import assimilation, steps_to_threshold
from outer.mixture import Mixture

COLUMNS = ("arm", "birth", "adult", "gain", "innate", "steps", "bits", "genome bits")
NAIVE = "unselected"
LEGEND = (
    "innate: (birth - chance) / (adult - chance); steps: to the threshold, twice the life where it is not reached; "
    "bits: prequential, per sample; unselected: newborns of the first generation."
)


@dataclass(frozen=True)
class Seed:
    """One arm at one seed, as far as it has come."""

    metrics: list[dict[str, float]]  # per generation
    curves: dict[int, PopulationCurve]  # generation -> learning curve
    outcome: Outcome | None  # None before the end

    @property
    def best(self) -> np.ndarray:
        """Best fitness [T]."""
        return np.array([m["best"] for m in self.metrics])


Arms = Mapping[str, Sequence[Seed]]


def read(folder: Path) -> tuple[Config, Arms]:
    """The config, and per arm what every seed has found."""
    with RunStore.open(folder, write=False) as store:
        config = validate(store.config)
    given = config.inheritance
    arms: dict[str, list[Seed]] = {}
    for arm in given.arms:
        for seed in range(config.seed, config.seed + given.seeds):
            own = folder / f"{arm}-s{seed}"
            if not (own / "run.sqlite").exists():
                continue
            with RunStore.open(own, write=False) as store:
                keys = [key for key in store.keys() if key.startswith("curve/")]
                curves = {int(key.split("/")[1]): PopulationCurve.read(store.get(key), key) for key in keys}
                found = Outcome.found(store.get("outcome"), "outcome")
                arms.setdefault(arm, []).append(Seed(store.metrics(), curves, found))
    return config, {arm: seeds for arm, seeds in arms.items() if any(seed.metrics for seed in seeds)}


def metric(entries: Sequence[Seed], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, lowest and highest over seeds of one metric per generation [T], as far as every seed has come."""
    count = min(len(e.metrics) for e in entries)
    rows = np.array([[m.get(name, np.nan) for m in e.metrics[:count]] for e in entries])
    return _mean(rows), rows.min(0), rows.max(0)


def _mean(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows.mean(0))


def _lines(arms: Arms, name: str, dashed: bool = False) -> list[Series]:
    lines = []
    for arm, entries in arms.items():
        mean, low, high = metric(entries, name)
        good = np.isfinite(mean)
        if good.any():
            line = series(
                arm, np.flatnonzero(good), mean[good], colour=ARM_COLOURS.get(arm), dashed=dashed, unnamed=dashed
            )
            band = {"low": tuple(low[good].tolist()), "high": tuple(high[good].tolist())}
            lines.append(line.model_copy(update=band))
    return lines


def series(label: str, x: np.ndarray, y: np.ndarray, **look: Any) -> Series:
    """A line through points x [T], y [T]."""
    return Series(label=label, x=tuple(np.asarray(x, float).tolist()), y=tuple(np.asarray(y, float).tolist()), **look)


def panel(title: str, x: str, y: str, lines: list[Series]) -> Panel:
    """Lines on one pair of axes."""
    return Panel(title=title, x=x, y=y, series=tuple(lines))


def life_panels(arms: Arms) -> list[Panel]:
    """Birth and adulthood, and the bits of a life, over generations (bands: lowest to highest seed)."""
    grown = _lines(arms, "adult") + _lines(arms, "birth", dashed=True)
    return [
        panel("Adulthood (solid) and birth (dashed)", "generation", "mean score of the population", grown),
        panel(
            "Bits of a life's data, given the genome", "generation", "prequential bits per sample", _lines(arms, "bits")
        ),
    ]


def measure_panels(arms: Arms) -> list[Panel]:
    """Innate share, genome size, diversity."""
    wanted = (
        ("assimilation", "Assimilation", "(birth - chance) / (adult - chance)"),
        ("genome_bits", "Genome of the fittest", "bits, quantised and coded"),
        ("diversity", "Diversity", "spread of genes"),
    )
    found = [(heading, axis, _lines(arms, name)) for name, heading, axis in wanted]
    return [panel(heading, "generation", axis, lines) for heading, axis, lines in found if lines]


def best_panels(arms: Arms) -> list[Panel]:
    """Best fitness of every seed, with its significant jumps."""
    lines = []
    for arm, entries in arms.items():
        for k, entry in enumerate(entries):
            best = entry.best
            marks = tuple((float(jump.generation), float(best[jump.generation])) for jump in jumps(best))
            lines.append(series(arm, np.arange(len(best)), best, thin=bool(k), marks=marks))
    return [panel("Best fitness; triangles: jumps (sup-F, p <= 0.01)", "generation", "fitness of the fittest", lines)]


def curve_panels(arms: Arms) -> list[Panel]:
    """Learning curves of the population at chosen generations, one panel per arm, mean over seeds."""
    found = []
    for arm, entries in arms.items():
        common = sorted(set.intersection(*(set(e.curves) for e in entries)))
        shown = common if len(common) <= 5 else [common[round(k * (len(common) - 1) / 4)] for k in range(5)]
        lines = []
        for rank, generation in enumerate(shown):
            curves = [e.curves[generation] for e in entries]
            grey = f"{0.75 - 0.75 * rank / max(len(shown) - 1, 1):.2f}"
            y = np.mean([c.population for c in curves], axis=0)
            lines.append(series(f"generation {generation}", np.array(curves[0].steps), y, colour=grey))
        found.append(panel(f"Learning curves, {arm}", "steps of life", "mean score", lines))
    return found


def rows(config: Config, arms: Arms) -> list[list[str]]:
    """One row per arm, mean +- standard deviation over seeds on fresh lives, then the unselected newborns."""
    threshold, found = config.inheritance.threshold, []
    naive: list[dict[str, float]] = []
    for arm, entries in arms.items():
        ended = [(e, e.outcome) for e in entries if e.outcome is not None]
        values = [_measures(o.evolved, o.chance, threshold) for _, o in ended]
        for value, (e, _) in zip(values, ended):
            value["genome bits"] = e.metrics[-1]["genome_bits"]
        found.append(_row(arm, values))
        naive = naive or [_measures(o.naive, o.chance, threshold) for _, o in ended]
    if naive:
        found.append(_row(NAIVE, naive))
    return found


def _measures(lived: LivedCurves, chance: float, threshold: float) -> dict[str, float]:
    curve = np.array(lived.curve)
    birth, adult = float(curve[:, 0].mean()), float(curve[:, -1].mean())
    share = assimilation(birth, adult, chance)
    steps = steps_to_threshold(curve.mean(0), np.array(lived.steps), threshold)[0]
    found = {"birth": birth, "adult": adult, "gain": adult - birth, "steps": float(steps)}
    found["bits"] = float(np.mean(lived.bits))
    return found | ({} if share is None else {"innate": share})


def _row(arm: str, values: Sequence[Mapping[str, float]]) -> list[str]:
    texts = [arm]
    for name in COLUMNS[1:]:
        own = [v[name] for v in values if name in v]
        digits = "0f" if name in ("steps", "genome bits") else "3f" if np.max(np.abs(own), initial=0) < 1000 else "2g"
        spread = f"±{np.std(own, ddof=1):.{digits}}" if len(own) > 1 else ""
        texts.append(f"{np.mean(own):.{digits}}{spread}" if own else "-")
    return texts


def print_outcomes(folder: Path, console: Any) -> None:
    """The table of outcomes in the terminal."""
    from rich.box import SIMPLE
    from rich.table import Table

    config, arms = read(folder)
    with RunStore.open(folder, write=False) as store:
        if store.get("status") != "finished":
            line = progress_line(folder, "")
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    seeds = min((sum(e.outcome is not None for e in entries) for entries in arms.values()), default=0)
    table = Table(
        title=f"On fresh lives of the final tier (mean ± sd, n = {seeds} seeds)",
        box=SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for k, column in enumerate(COLUMNS):
        table.add_column(column.replace(" ", "\n"), justify="right" if k else "left", no_wrap=True)
    for row in rows(config, arms):
        table.add_row(*row)
    console.print(table)
    console.print(f"{LEGEND} {jump_line(arms)}", highlight=False)


def write(folder: Path) -> Path:
    """Write the pictures (SVG, PNG) and report.html of a run, however far it has come; returns the page's path."""
    from metalearn.report.page import conditions, figure, page, repeat, table

    config, arms = read(folder)
    with RunStore.open(folder, write=False) as store:
        environment, command, plain = store.environment, store.typed("command", str, "metalearn baldwin"), store.config
    drawn = {}
    if arms:
        makers = {"life": life_panels, "measures": measure_panels, "best": best_panels, "curves": curve_panels}
        shown = {name: make(arms) for name, make in makers.items()}
        drawn = {name: save(own, folder, name, png=name == "life") for name, own in shown.items() if own}
    captions = {
        "life": "Mean of the population; bands from the lowest to the highest seed. Dashed: before any learning.",
        "measures": "What moved: share of ability that is innate, size of the genome, spread of the population.",
        "best": "Jumps are steps that a straight line does not explain; each seed is a line.",
        "curves": "From light (first generation) to dark (last).",
    }
    body = ["<section><h2>Outcome on fresh lives</h2>"]
    lines = rows(config, arms)
    body.append(table(COLUMNS, lines, [["", *["num"] * (len(COLUMNS) - 1)]] * len(lines)))
    body.append(
        f"<p class='note'>{escape(LEGEND)} {escape(jump_line(arms))}</p></section><section><h2>Over generations</h2>"
    )
    body += [f'<div class="wide">{figure(svg, captions[name])}</div>' for name, svg in drawn.items()]
    body += ["</section>", repeat(command), conditions(plain, environment)]
    generations = sum(len(e.metrics) for entries in arms.values() for e in entries)
    text = page(
        folder.name,
        f"{folder.name} - inheritance",
        f"What moves from lifetime to genome: {Mixture(config.task).title}",
        f"{', '.join(arms)} on the same lives; {generations:,} generations in all.",
        body,
    )
    write_text_atomically(folder / "report.html", text)
    return folder / "report.html"


def jump_line(arms: Arms) -> str:
    """A sentence on jumps of the best fitness."""
    parts = []
    for arm, entries in arms.items():
        counts = [len(jumps(e.best)) for e in entries]
        parts.append(f"{arm} {', '.join(map(str, counts))}")
    return f"Jumps of the best fitness per seed (sup-F against a straight line, p <= 0.01): {'; '.join(parts)}."
