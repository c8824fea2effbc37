"""Draws a search and its rule as SVG text, and holds the style of all pictures; the same input gives the same bytes."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from outer.generation import Generation

EVOLVED = "#c8401d"  # the one emphasised colour; no other line uses a red or an orange
OTHERS = ("#0072b2", "#009e73", "#8a5aa8", "#3d3d3d", "#56b4e9", "#8c8c1e", "#999999", "#6b4f3a")
INK, MUTED, GRID = "#1c2430", "#667080", "#e4e7ec"
WIDTH, HEIGHT = 4.8, 3.1  # inches; two of them stand side by side on a laptop, one on a phone
STYLE: Mapping[str, object] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#aab2bd",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def to_svg(figure: Figure, name: str, tight: bool = False) -> str:
    """The figure as one <svg> element; ids start with `name`, so that several pictures can share a page."""
    import io

    out = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        figure.savefig(out, format="svg", metadata=metadata, bbox_inches="tight" if tight else None, pad_inches=0.04)
    text = out.getvalue()
    text = text[text.index("<svg") :].strip()

    def own(tag: re.Match[str]) -> str:
        marked = tag.group().replace(' id="', f' id="{name}-').replace("url(#", f"url(#{name}-")
        return marked.replace('xlink:href="#', f'href="#{name}-').replace(
            ' xmlns:xlink="http://www.w3.org/1999/xlink"', ""
        )

    return re.sub(r"<[^<>]*>", own, text)


def style(name: str) -> Any:
    from matplotlib import rc_context

    settings: dict[Any, Any] = {**STYLE, "svg.hashsalt": name}
    return rc_context(settings)


def plain_numbers(axis: Any) -> None:
    """Numbers of a logarithmic axis as 0.1 and 100; matplotlib's own are TeX, which `parse_math: False` leaves as it is."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write labels (x, y, text, colour) to the right of their lines, moved apart where they would overlap."""
    if not ends:
        return
    to_axes = axes.transAxes.inverted()
    height = [to_axes.transform(axes.transData.transform((x, y)))[1] for x, y, _, _ in ends]
    gap = min(12.5 / (72 * HEIGHT * 0.74), 1 / max(len(ends) - 1, 1))
    order = np.argsort(height, kind="stable")
    placed = apart(np.array(height)[order], gap)
    for k, y in zip(order, placed):
        _, _, text, colour = ends[k]
        weight = "bold" if colour == EVOLVED else "normal"
        axes.text(1.02, y, text, color=colour, weight=weight, va="center", transform=axes.transAxes, fontsize=8.5)


def apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """The places nearest to sorted `heights` (least squares) that stay `gap` apart and within 0 .. 1."""
    blocks: list[list[float]] = []  # [sum, count] of runs that share one offset: pool adjacent violators
    for k, height in enumerate(heights):
        blocks.append([float(height) - k * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    offsets = np.array([total / count for total, count in blocks for _ in range(int(count))])
    return np.clip(offsets, 0, max(0.0, 1 - (len(heights) - 1) * gap)) + gap * np.arange(len(heights))


def _whole_generations(axes: Axes, count: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("generation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_xlim(-0.5 if count == 1 else 0, 0.5 if count == 1 else count - 1)


def fitness(generations: Sequence[Generation]) -> str:
    """Fitness of the candidates of each generation: best, median, worst, and the band of the middle 80 %."""
    with style("fitness"):
        figure, axes = new_figure()
        x = np.arange(len(generations))
        quantiles = np.array([np.quantile(g.fitness, (0, 0.1, 0.5, 0.9, 1)) for g in generations]).T  # [5, generations]
        mark = "o" if len(x) < 3 else None
        axes.fill_between(x, quantiles[1], quantiles[3], color=EVOLVED, alpha=0.15, linewidth=0)
        axes.plot(x, quantiles[4], color=EVOLVED, linewidth=1.9, marker=mark)
        axes.plot(x, quantiles[2], color=OTHERS[0], linewidth=1.4, marker=mark)
        axes.plot(x, quantiles[0], color=OTHERS[6], linewidth=0.9, marker=mark)
        inner_low, top = float(quantiles[1].min()), float(quantiles[4].max())
        room = max(top - inner_low, 1e-9)
        axes.set_ylim(max(float(quantiles[0].min()), inner_low - 0.35 * room) - 0.03 * room, top + 0.05 * room)
        _whole_generations(axes, len(x))
        axes.set_ylabel("fitness (higher is better)")
        ends = [
            (x[-1], quantiles[k][-1], text, c)
            for k, text, c in ((4, "best", EVOLVED), (2, "median", OTHERS[0]), (0, "worst", OTHERS[6]))
        ]
        label_ends(axes, ends)
        return to_svg(figure, "fitness")


def sigma(generations: Sequence[Generation]) -> str | None:
    """Step size of the search per generation on a log axis; None when the search has none."""
    values = np.array([g.metrics.get("sigma", math.nan) for g in generations], dtype=float)
    good = np.isfinite(values) & (values > 0)
    if not good.any():
        return None
    with style("sigma"):
        figure, axes = new_figure()
        x = np.arange(len(values))
        axes.plot(x[good], values[good], color=OTHERS[0], linewidth=1.6, marker="o" if good.sum() < 3 else None)
        axes.set_yscale("log")
        from matplotlib.ticker import LogLocator

        wide = values[good].max() / values[good].min() > 300
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
        plain_numbers(axes.yaxis)
        _whole_generations(axes, len(values))
        axes.set_ylabel("step size sigma (log axis)")
        return to_svg(figure, "sigma")


def coefficient_paths(generations: Sequence[Generation], most: int = 8) -> str | None:
    """Coefficients of the search's recommendation per generation (metrics `theta/<name>`); the largest are labelled."""
    names = [key for key in dict.fromkeys(k for g in generations for k in g.metrics) if key.startswith("theta/")]
    if not names:
        return None
    table = {n: np.array([g.metrics.get(n, math.nan) for g in generations], dtype=float) for n in names}
    table = {n: values for n, values in table.items() if np.isfinite(values).any()}
    if not table:
        return None
    last = {n: values[np.isfinite(values)][-1] for n, values in table.items()}
    shown = sorted(table, key=lambda n: -abs(last[n]))[:most]
    with style("paths"):
        figure, axes = new_figure()
        x, ends = np.arange(len(generations)), []
        for n, values in table.items():
            colour = OTHERS[shown.index(n) % len(OTHERS)] if n in shown else "#c9ced6"
            axes.plot(x, values, color=colour, linewidth=1.4 if n in shown else 0.7, marker="o" if len(x) < 3 else None)
            if n in shown:
                ends.append((float(x[-1]), float(last[n]), n.removeprefix("theta/"), colour))
        axes.axhline(0, color=MUTED, linewidth=0.8)
        sizes = [abs(v) for v in last.values() if v]
        if sizes and max(sizes) / min(sizes) > 300:
            axes.set_yscale("symlog", linthresh=max(min(sizes), max(sizes) * 1e-4))
            plain_numbers(axes.yaxis)
        _whole_generations(axes, len(x))
        axes.set_ylabel("coefficient (recommended)")
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, "paths")


def term_bars(terms: Mapping[str, float]) -> str | None:
    """One bar per term of the evolved rule, largest first, with its number; terms beyond 24 are left out."""
    ranked = sorted(terms.items(), key=lambda item: -abs(item[1]))[:24]
    if not ranked:
        return None
    with style("terms"):
        figure, axes = new_figure(height=0.75 + 0.25 * len(ranked))
        rows, values = np.arange(len(ranked)), np.array([v for _, v in ranked])
        axes.barh(rows, values, height=0.6, color=[EVOLVED if v > 0 else OTHERS[0] for v in values])
        axes.axvline(0, color=MUTED, linewidth=0.8)
        reach = max(float(np.abs(values).max()), 1e-30)
        axes.set_xlim((-1.3 if (values < 0).any() else -0.04) * reach, (1.3 if (values > 0).any() else 0.04) * reach)
        for row, v in enumerate(values):
            side = "left" if v >= 0 else "right"
            axes.text(v + math.copysign(0.02 * reach, v), row, f"{v:+.3g}", va="center", ha=side, fontsize=8)
        axes.set_yticks(rows, [n if len(n) < 34 else n[:32] + "…" for n, _ in ranked])
        axes.tick_params(axis="y", colors=INK)
        axes.grid(axis="y", visible=False)
        axes.set_ylim(len(ranked) - 0.4, -0.6)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("coefficient of the term in dw")
        return to_svg(figure, "terms")


def formula(lines: Sequence[str], name: str) -> str | None:
    """LaTeX lines set with mathtext; None when mathtext does not know something in them, or they nest too deeply for it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "path",
        "mathtext.fontset": "cm",
        "svg.hashsalt": name,
        "text.parse_math": True,
        "figure.facecolor": "none",
        "text.color": INK,
    }
    with rc_context(settings):
        figure = Figure(figsize=(1, 0.42 * len(lines)))
        for k, line in enumerate(lines):
            figure.text(0, 1 - (k + 0.7) / len(lines), f"${line}$", fontsize=16)
        try:
            return to_svg(figure, name, tight=True)
        except (ValueError, RecursionError):
            return None
