"""Beam search over programs: every way to put one more operation on top of a program, in a fixed order."""

from __future__ import annotations

from dataclasses import replace

from outer.programs.program import BINARY, Language, Program


def seeds(language: Language, numbers: tuple[float, ...]) -> list[Program]:
    """The smallest programs: single inputs."""
    nodes = ((language.operations[0], 0, 0),) * language.nodes
    return [Program(language, nodes, r, numbers) for r in range(len(language.inputs))]


def extended(program: Program) -> list[Program]:
    """operation(program, leaf), operation(leaf, program), operation(program, program) and function(program)."""
    language, leaves = program.language, program.language.leaves
    compact = _compacted(program)
    used = len(program.active)
    if used >= language.nodes:
        return []
    found = []
    for operation in language.operations:
        pairs = [(compact.output, compact.output)]
        if operation in BINARY:
            pairs += [(compact.output, leaf) for leaf in range(leaves)]
            pairs += [(leaf, compact.output) for leaf in range(leaves)]
        for a, b in pairs:
            nodes = compact.nodes[:used] + ((operation, a, b),) + compact.nodes[used + 1 :]
            found.append(replace(compact, nodes=nodes, output=leaves + used))
    return found


def _compacted(program: Program) -> Program:
    """The same program with its active nodes in front."""
    leaves = program.language.leaves
    place = {leaves + n: leaves + s for s, n in enumerate(program.active)}
    active = [program.nodes[n] for n in program.active]
    front = tuple((operation, place.get(a, a), place.get(b, b if b < leaves else 0)) for operation, a, b in active)
    idle = ((program.language.operations[0], 0, 0),) * (program.language.nodes - len(front))
    return replace(program, nodes=front + idle, output=place.get(program.output, program.output))
