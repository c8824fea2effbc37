"""The part of a report that shows the rule: its formula as mathematics, its values, and its pruned form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from metalearn.rule.file import rule_of, values_of

LINE = 78  # visible characters of LaTeX per line, roughly
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def rule_section(rule: Mapping[str, Any], headed: bool = True) -> str:
    """HTML of the rule of a rule.json; a rule that cannot be parsed is shown as the text that it is."""
    if not rule:
        return "<section><h2>The rule</h2><p>No rule has been stored yet.</p></section>" if headed else ""
    from metalearn.pictures import search as pictures

    if "learner" in rule:
        parts = ["<section><h2>The learner</h2>"]
        name = str(rule["learner"].get("name", "")) if isinstance(rule["learner"], Mapping) else ""
        parts.append(_formula(None, str(rule.get("formula") or name), "formula", "learner", _caption(rule)))
        parts.append(f'<div class="scroll">{_values_table(rule)}</div></section>')
        return "".join(parts)
    parts = ["<section><h2>The rule</h2>"]
    lines = _latex(rule)
    parts.append(_formula(lines, _text(rule), "formula", "formula", _caption(rule)))
    if rule.get("formula"):
        parts.append("<h3>With the evolved values</h3>")
        parts.append(_formula(_latex_of(rule, str(rule["formula"])), str(rule["formula"]), "formula", "valued", ""))
    if rule.get("pruned") and rule["pruned"] != rule.get("formula"):
        parts.append("<h3>Pruned: without its smallest terms</h3>")
        parts.append(_formula(_latex_of(rule, str(rule["pruned"])), str(rule["pruned"]), "formula plain", "pruned", ""))
    bars = pictures.term_bars(terms(rule))
    table = f'<div class="scroll">{_values_table(rule)}</div>'
    caption = "Coefficient of every term of the expanded rule."
    picture = "" if bars is None else f"<figure>{inline(bars, caption)}<figcaption>{caption}</figcaption></figure>"
    parts.append(f'<div class="pictures">{picture}<div>{table if rule.get("values") else ""}</div></div></section>')
    return "".join(parts)


def _values_table(rule: Mapping[str, Any]) -> str:
    """The table of coefficient values."""
    values = "".join(
        f'<tr><td>{escape(str(k))}</td><td class="num">{_number(v)}</td></tr>'
        for k, v in rule.get("values", {}).items()
    )
    head = '<thead><tr><th>coefficient</th><th class="num">value</th></tr></thead>'
    return f"<table>{head}<tbody>{values}</tbody></table>"


def _text(rule: Mapping[str, Any]) -> str:
    """dw as it is written; with a formula per layer one after the other."""
    dw = rule.get("dw", rule.get("formula", ""))
    return "; ".join(f"{layer}: {text}" for layer, text in dw.items()) if isinstance(dw, Mapping) else str(dw)


def _number(value: Any) -> str:
    """A value of the table; of a list its size, mean and standard deviation."""
    if not isinstance(value, list):
        return f"{float(value):.6g}"
    from statistics import fmean, pstdev

    return f"{len(value):,} values: mean {fmean(value):.4g}, sd {pstdev(value):.4g}"


def inline(svg: str, label: str) -> str:
    """An <svg> as part of a page, with a text for screen readers."""
    bare = svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
    return bare.replace("<svg", f'<svg role="img" aria-label="{escape(label, quote=True)}"', 1)


def _caption(rule: Mapping[str, Any]) -> str:
    known = {"pathway": "feedback pathway", "activation": "hidden units", "network": "network", "task": "task"}
    said = [f"{label}: {_brief(rule[key])}" for key, label in known.items() if rule.get(key)]
    return "; ".join(said)


def _brief(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_brief(v)}" for k, v in value.items())
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _formula(lines: list[str] | None, text: str, kind: str, name: str, caption: str) -> str:
    """A formula as picture with its text below, or the text alone."""
    from metalearn.pictures import search as pictures

    svg = pictures.formula(lines, name) if lines else None
    shown = inline(svg, text) if svg else f"<code>{escape(text)}</code>"
    below = f"<code>dw = {escape(text)}</code>" if svg and len(text) <= 400 else ""
    note = f"<figcaption>{below}{'<br>' if below and caption else ''}{escape(caption)}</figcaption>"
    return f'<figure class="{kind}">{shown}{note if below or caption else ""}</figure>'


def _latex(rule: Mapping[str, Any]) -> list[str] | None:
    """LaTeX lines of the rule and its traces; None when it cannot be parsed."""
    try:
        parsed = rule_of(rule)
    except ValueError:
        return None
    return [line for latex in parsed.latex().split(" \\\\\n") for line in wrap_latex(latex)]


def _latex_of(rule: Mapping[str, Any], text: str) -> list[str] | None:
    """LaTeX lines of a formula text with the rule's names."""
    from inner.rules.faces import to_latex
    from inner.rules.parse import parse
    from inner.rules.signals import SIGNALS

    try:
        expression = parse(text, [*SIGNALS, *rule.get("traces", {})])
    except ValueError:
        return None
    return wrap_latex(r"\Delta w = " + to_latex(expression))


def wrap_latex(latex: str, width: int = LINE) -> list[str]:
    """Break a formula before a + or - outside braces, so that lines show about `width` characters at most."""
    if _visible(latex) <= width:
        return [latex]
    latex = latex.replace(r"\left(", "(").replace(r"\right)", ")")
    pieces, depth, start = [], 0, 0
    for k, character in enumerate(latex):
        depth += (character == "{") - (character == "}")
        if depth == 0 and latex[k : k + 3] in (" + ", " - "):
            pieces.append(latex[start:k])
            start = k
    pieces.append(latex[start:])
    lines = [""]
    for piece in pieces:
        if lines[-1] and _visible(lines[-1] + piece) > width:
            lines.append(r"\qquad ")
        lines[-1] += piece
    return lines


def _visible(latex: str) -> int:
    """Roughly how many characters a piece of LaTeX shows: a command counts as one, braces as none."""
    return len(
        re.sub(
            r"[{}^_\s]",
            "",
            re.sub(r"\\(?:operatorname|mathrm|left|right|frac)", "", re.sub(r"\\[a-z]+(?=\W)", "x", latex)),
        )
    )


def terms(rule: Mapping[str, Any]) -> dict[str, float]:
    """Number of every term of the rule after the evolved values are put in and products are expanded."""
    from inner.rules.faces import to_text

    try:
        found = rule_of(rule).numeric(values_of(rule), None)
    except ValueError:
        return {}
    return {
        pretty(to_text(basis)) + (f" ({key.removeprefix('dw.')})" if key != "dw" else ""): number
        for key, terms_of in found.items()
        for number, basis in terms_of
    }


def pretty(text: str) -> str:
    """Powers as superscripts, products as dots."""
    text = re.sub(r"\*\*\(?(-?\d+)\)?", lambda power: power.group(1).translate(SUPERSCRIPTS), text)
    return text.replace("*", " · ")
