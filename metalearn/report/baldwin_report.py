"""The comparison of kinds of inheritance: pictures over generations, a table of outcomes, and one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from metalearn.pictures import line_panels as panels
from metalearn.store.files import write_text_atomically
from metalearn.store.run_store import RunStore
from outer.evidence.change_points import jumps
from outer.inheritance.measures import assimilation, steps_to_threshold

COLUMNS = ("arm", "birth", "adult", "gain", "innate", "steps", "bits", "genome bits")
NAIVE = "unselected"
LEGEND = (
    "innate: (birth - chance) / (adult - chance); steps: to the threshold, twice the life where it is not reached; "
    "bits: prequential, per sample; unselected: newborns of the first generation."
)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The config, and per arm one entry per seed: metrics, curves, outcome (None before the end)."""
    with RunStore.open(folder, write=False) as store:
        config = store.config
    given = config["inheritance"]
    arms: dict[str, list[dict[str, Any]]] = {}
    for arm in given["arms"]:
        for seed in range(config["seed"], config["seed"] + given["seeds"]):
            own = folder / f"{arm}-s{seed}"
            if not (own / "run.sqlite").exists():
                continue
            with RunStore.open(own, write=False) as store:
                curves = {int(k.split("/")[1]): store.get(k) for k in store.keys() if k.startswith("curve/")}
                entry = {"seed": seed, "metrics": store.metrics(), "curves": curves}
                arms.setdefault(arm, []).append(entry | {"outcome": store.get("outcome")})
    return config, {arm: entries for arm, entries in arms.items() if any(e["metrics"] for e in entries)}


def metric(entries: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, lowest and highest over seeds of one metric per generation [T], as far as every seed has come."""
    count = min(len(e["metrics"]) for e in entries)
    rows = np.array([[m.get(name, np.nan) for m in e["metrics"][:count]] for e in entries])
    return _mean(rows), rows.min(0), rows.max(0)


def _mean(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows.mean(0))


def _lines(arms: Mapping[str, Any], name: str, suffix: str = "", **more: Any) -> list[dict[str, Any]]:
    lines = []
    for arm, entries in arms.items():
        mean, low, high = metric(entries, name)
        good = np.isfinite(mean)
        if good.any():
            band = {"low": low[good].tolist(), "high": high[good].tolist()}
            colour = panels.ARM_COLOURS.get(arm)
            lines.append(panels.series(arm + suffix, np.flatnonzero(good), mean[good], colour=colour, **band, **more))
    return lines


def life_panels(arms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The one picture: birth and adulthood, and the bits of a life, over generations (bands: lowest to highest seed)."""
    grown = _lines(arms, "adult") + _lines(arms, "birth", dashed=True, unnamed=True)
    return [
        {
            "title": "Adulthood (solid) and birth (dashed)",
            "x": "generation",
            "y": "mean score of the population",
            "series": grown,
        },
        {
            "title": "Bits of a life's data, given the genome",
            "x": "generation",
            "y": "prequential bits per sample",
            "series": _lines(arms, "bits"),
        },
    ]


def measure_panels(arms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Innate share, genome size, diversity."""
    wanted = (
        ("assimilation", "Assimilation", "(birth - chance) / (adult - chance)"),
        ("genome_bits", "Genome of the fittest", "bits, quantised and coded"),
        ("diversity", "Diversity", "spread of genes"),
    )
    found = []
    for name, heading, axis in wanted:
        lines = _lines(arms, name)
        if lines:
            found.append({"title": heading, "x": "generation", "y": axis, "series": lines})
    return found


def best_panels(arms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Best fitness of every seed, with its significant jumps."""
    lines = []
    for arm, entries in arms.items():
        for k, entry in enumerate(entries):
            best = _best(entry)
            marks = [(jump.generation, float(best[jump.generation])) for jump in jumps(best)]
            lines.append(panels.series(arm, np.arange(len(best)), best, thin=bool(k), marks=marks))
    title = "Best fitness; triangles: jumps (sup-F, p <= 0.01)"
    return [{"title": title, "x": "generation", "y": "fitness of the fittest", "series": lines}]


def curve_panels(arms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Learning curves of the population at selected generations, one panel per arm, mean over seeds."""
    found = []
    for arm, entries in arms.items():
        common = sorted(set.intersection(*(set(e["curves"]) for e in entries)))
        shown = common if len(common) <= 5 else [common[round(k * (len(common) - 1) / 4)] for k in range(5)]
        lines = []
        for rank, generation in enumerate(shown):
            curves = [e["curves"][generation] for e in entries]
            colour = f"{0.75 - 0.75 * rank / max(len(shown) - 1, 1):.2f}"
            y = np.mean([c["population"] for c in curves], axis=0)
            lines.append(panels.series(f"generation {generation}", curves[0]["steps"], y, colour=colour))
        found.append({"title": f"Learning curves, {arm}", "x": "steps of life", "y": "mean score", "series": lines})
    return found


def rows(config: Mapping[str, Any], arms: Mapping[str, Any]) -> list[list[str]]:
    """One row per arm, mean +- standard deviation over seeds on fresh lives, then the unselected newborns."""
    threshold, found = config["inheritance"]["threshold"], []
    naive: list[dict[str, float]] = []
    for arm, entries in arms.items():
        ended = [e for e in entries if e["outcome"]]
        values = [_outcome(e["outcome"], "evolved", threshold) for e in ended]
        for value, e in zip(values, ended):
            value["genome bits"] = e["metrics"][-1]["genome_bits"]
        found.append(_row(arm, values))
        naive = naive or [_outcome(e["outcome"], "naive", threshold) for e in ended]
    if naive:
        found.append(_row(NAIVE, naive))
    return found


def _outcome(outcome: Mapping[str, Any], name: str, threshold: float) -> dict[str, float]:
    curve = np.array(outcome[name]["curve"])
    birth, adult = float(curve[:, 0].mean()), float(curve[:, -1].mean())
    share = assimilation(birth, adult, outcome["chance"])
    steps = steps_to_threshold(curve.mean(0), np.array(outcome[name]["steps"]), threshold)[0]
    found = {"birth": birth, "adult": adult, "gain": adult - birth, "steps": float(steps)}
    found["bits"] = float(np.mean(outcome[name]["bits"]))
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
            line = f"run {folder}: in progress: metalearn resume {folder}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    seeds = min((sum(bool(e["outcome"]) for e in entries) for entries in arms.values()), default=0)
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
        environment, command = store.environment, store.get("command", "metalearn baldwin")
    drawn = {}
    if arms:
        makers = {"life": life_panels, "measures": measure_panels, "best": best_panels, "curves": curve_panels}
        shown = {name: make(arms) for name, make in makers.items()}
        drawn = {name: panels.save(own, folder, name, png=name == "life") for name, own in shown.items() if own}
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
    body += ["</section>", repeat(command), conditions(config, environment)]
    generations = sum(len(e["metrics"]) for entries in arms.values() for e in entries)
    text = page(
        folder.name,
        f"{folder.name} - inheritance",
        f"What moves from lifetime to genome: {config['task']['name']}",
        f"{', '.join(arms)} on the same lives; {generations:,} generations in all.",
        body,
    )
    write_text_atomically(folder / "report.html", text)
    return folder / "report.html"


def jump_line(arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A sentence on jumps of the best fitness."""
    parts = []
    for arm, entries in arms.items():
        counts = [len(jumps(_best(e))) for e in entries]
        parts.append(f"{arm} {', '.join(map(str, counts))}")
    return f"Jumps of the best fitness per seed (sup-F against a straight line, p <= 0.01): {'; '.join(parts)}."


def _best(entry: Mapping[str, Any]) -> np.ndarray:
    return np.array([m["best"] for m in entry["metrics"]])
