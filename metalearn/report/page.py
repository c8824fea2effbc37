"""The page that every report is printed on: frame, tables, figures and the conditions of the run; no script, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from metalearn.report.rule_section import inline
from metalearn.report.tables import title


def page(
    run: str,
    name: str,
    heading: str,
    headline: str,
    body: Sequence[str],
    facts: str = "",
    footer: str = "This page is self-contained.",
) -> str:
    """The whole page as text. `facts` and the parts of `body` are HTML, everything else is plain text."""
    return Template(_resource("_report.html")).substitute(
        title=escape(name),
        css=_resource("_report.css"),
        eyebrow=f"Run <b>{escape(run)}</b>",
        heading=escape(heading),
        headline=escape(headline),
        facts=facts,
        body="\n".join(part for part in body if part),
        footer=footer,
    )


def repeat(command: str) -> str:
    """The section with the command that makes the run again."""
    return f"<section><h2>Repeat</h2><pre>{escape(command)}</pre></section>"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], classes: Sequence[Sequence[str]], kind: str = ""
) -> str:
    """A table of escaped text; `classes` has one class per entry, `kind` the classes of the table or its rows."""
    head = "".join(f'<th class="{"num" if k else ""}" scope="col">{escape(h)}</th>' for k, h in enumerate(header))
    lines = []
    for row, marks in zip(rows, classes):
        entries = "".join(f'<td class="{c}">{escape(v)}</td>' for v, c in zip(row, marks))
        lines.append(f'<tr class="{kind if "reference" in marks else ""}">{entries}</tr>')
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def figure(svg: str | None, caption: str, kind: str = "") -> str:
    """An inline picture with its caption; nothing when there is no picture."""
    if svg is None:
        return ""
    return f'<figure class="{kind}">{inline(svg, caption)}<figcaption>{escape(caption)}</figcaption></figure>'


def conditions(config: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """The section with the resolved configuration and the environment."""
    import yaml

    text = yaml.safe_dump(json.loads(json.dumps(dict(config), default=str)), sort_keys=False, allow_unicode=True)
    return (
        "<section><h2>Conditions</h2><details open><summary>Configuration, as resolved</summary>"
        f"<pre>{escape(text)}</pre></details>"
        f"<details open><summary>Environment</summary>{value(environment)}</details></section>"
    )


def value(content: object) -> str:
    """Any JSON value as HTML: mappings and lists of mappings become tables."""
    if isinstance(content, Mapping):
        lines = (f'<tr><th scope="row">{escape(title(k))}</th><td>{value(v)}</td></tr>' for k, v in content.items())
        return f'<table class="wrap">{"".join(lines)}</table>'
    if isinstance(content, list | tuple) and content and all(isinstance(v, Mapping) for v in content):
        keys = list(dict.fromkeys(k for v in content for k in v))
        rows = [[_short(v.get(k)) for k in keys] for v in content]
        return table([title(k) for k in keys], rows, [["", *["num"] * (len(keys) - 1)]] * len(rows))
    return escape(_short(content))


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return "" if value is None else json.dumps(value, default=str) if isinstance(value, Mapping) else str(value)


def _resource(name: str) -> str:
    return resources.files("metalearn.report").joinpath(name).read_text(encoding="utf-8")
