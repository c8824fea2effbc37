"""Beam search over programs: every way to put one more operation into a program, in a fixed order."""

from __future__ import annotations

from dataclasses import replace

from outer.programs.cgp import compacted, edges, inserted
from outer.programs.program import BINARY, Language, Program


def seeds(language: Language, numbers: tuple[float, ...]) -> list[Program]:
    """The smallest programs: single inputs."""
    nodes = ((language.operations[0], 0, 0),) * language.nodes
    return [Program(language, nodes, r, numbers) for r in range(len(language.inputs))]


def extended(program: Program) -> list[Program]:
    """operation(x, leaf), operation(leaf, x), operation(x, x) and function(x) in place of every x that something reads.

    Not on top alone: (target - post)*pre is a step away from target*pre, which earns more than target - post.
    """
    language = program.language
    nodes, output = compacted(program)
    if len(nodes) >= language.nodes:
        return []
    idle = ((language.operations[0], 0, 0),) * (language.nodes - len(nodes) - 1)
    found = []
    for edge in reversed(edges(nodes)):  # the output first
        for operation in language.operations:
            choices: list[tuple[int | None, bool]] = [(None, False)]
            if operation in BINARY:
                choices += [(leaf, swapped) for swapped in (False, True) for leaf in range(language.leaves)]
            for leaf, swapped in choices:
                new, result = inserted(language.leaves, nodes, output, edge, operation, leaf, swapped)
                found.append(replace(program, nodes=(*new, *idle), output=result))
    return found
