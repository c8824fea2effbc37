"""`metalearn list`: what can be used by name."""

from __future__ import annotations

import click

from metalearn.cli import Command, console

KINDS = (
    "rules", "families", "learners", "networks", "tasks", "searches", "configs", "signals", "functions", "pathways", "fitness",
    "evaluators", "studies",
)  # fmt: skip


@click.command(cls=Command, name="list")
@click.argument("kind", required=False, metavar="[" + "|".join(KINDS) + "]")
def command(kind: str | None) -> None:
    """List what can be used by name."""
    from metalearn.report.printed import listing

    if kind is not None and kind not in KINDS:
        from inner.components import suggest

        raise ValueError(f"list: unknown kind '{kind}'{suggest(kind, KINDS)}; known: {', '.join(KINDS)}")
    for each in [kind] if kind else KINDS:
        listing(each, console(), titled=kind is None)
