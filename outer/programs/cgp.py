"""Variation of programs, and when two of them are the same function.

Mutation redraws genes one by one until an active one is hit (`single`, Goldman & Punch 2013): every child differs in what
it may compute, while the genes that do nothing drift on the way. Two programs are taken for equal when they agree to six
digits on fixed random inputs; a search evaluates a function once and not once per way to write it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from inner.random import stream
from inner.rules.depth import MAX_TREE_DEPTH
from inner.rules.functions import rendering
from outer.programs.program import BINARY, GAIN, Language, Program

SAMPLES = 48
STEPS = (
    0.003,
    0.3,
)  # root mean square of a change, from adding up to settling in a life of hundreds: the grid of gains
GROWTH = 1 / 3  # of the changes of form
MAX_DEGREE = 8  # of the polynomial that a program may be: higher powers blow up, and the parser refuses them
_ARITHMETIC: dict[str, Callable[..., np.ndarray]] = {"add": np.add, "sub": np.subtract, "mul": np.multiply}


def drawn(language: Language, random: np.random.Generator) -> Program:
    """A random program; its gain and constants are near those of z = 0.9, values 0.02 and 1."""
    nodes = tuple(
        (language.operations[int(random.integers(len(language.operations)))], *_pair(language, n, random))
        for n in range(language.nodes)
    )
    output = language.leaves + int(random.integers(language.nodes))
    numbers = tuple((np.arcsinh(1.0) + 0.5 * random.standard_normal(1 + language.constants)).tolist())
    return Program(language, nodes, output, numbers)


def _pair(language: Language, node: int, random: np.random.Generator) -> tuple[int, int]:
    a, b = random.integers(0, language.leaves + node, 2).tolist()
    return a, b


def mutated(program: Program, random: np.random.Generator, sigma: float) -> Program:
    """A child: a change of form (three times in four), of numbers (one in two), at least one of the two."""
    form, numbers = random.random() < 0.75, random.random() < 0.5
    child = program
    if form or not numbers:
        grow = random.random() < GROWTH and len(program.active) < program.language.nodes
        child = (_grown if grow else _reformed)(program, random)
    if numbers:
        steps = sigma * random.standard_normal(len(program.numbers))
        child = replace(child, numbers=tuple((np.array(program.numbers) + steps).tolist()))
    return child


Nodes = list[tuple[str, int, int]]


def compacted(program: Program) -> tuple[Nodes, int]:
    """The active nodes alone, and the output register among them."""
    leaves = program.language.leaves
    place = {leaves + n: leaves + s for s, n in enumerate(program.active)}
    nodes = [
        (operation, place.get(a, a), place.get(b, b) if operation in BINARY else 0)
        for operation, a, b in (program.nodes[n] for n in program.active)
    ]
    return nodes, place.get(program.output, program.output)


def edges(nodes: Nodes) -> list[tuple[int, int]]:
    """Everything that is read: (node, 1 or 2) for its operands, and (number of nodes, 0) for the output."""
    readers = [(s, part) for s, (o, _, _) in enumerate(nodes) for part in ((1, 2) if o in BINARY else (1,))]
    return [*readers, (len(nodes), 0)]


def inserted(
    leaves: int, nodes: Nodes, output: int, edge: tuple[int, int], operation: str, leaf: int | None, swapped: bool
) -> tuple[Nodes, int]:
    """A new operation on what `edge` reads and a leaf (None: on it twice), which `edge` reads from then on."""
    s, part = edge
    read = output if part == 0 else nodes[s][1] if part == 1 else nodes[s][2]
    other = read if leaf is None else leaf
    new: tuple[str, int, int] = (operation, other, read) if swapped else (operation, read, other)

    def moved(register: int) -> int:  # the new node stands at s
        return register + 1 if register >= leaves + s else register

    later = [(o, moved(a), moved(b)) for o, a, b in nodes[s:]]
    if part == 0:
        output = leaves + s
    else:
        reader, a, b = later[0]
        later[0] = (reader, leaves + s, b) if part == 1 else (reader, a, leaves + s)
        output = moved(output)
    return [*nodes[:s], new, *later], output


def _grown(program: Program, random: np.random.Generator) -> Program:
    """A new operation on what some active node (or the output) reads and a leaf; the graph is laid out anew.

    Point mutations alone cannot put a node in front of the first one: a register must stand before its reader.
    """
    language = program.language
    nodes, output = compacted(program)
    places = edges(nodes)
    edge = places[int(random.integers(len(places)))]
    operation = language.operations[int(random.integers(len(language.operations)))]
    leaf = int(random.integers(language.leaves))
    swapped = operation in BINARY and random.random() < 0.5
    return _laid(program, *inserted(language.leaves, nodes, output, edge, operation, leaf, swapped), random)


def _laid(program: Program, nodes: list[tuple[str, int, int]], output: int, random: np.random.Generator) -> Program:
    """Active nodes at random places in their order, random idle ones between them."""
    language, leaves = program.language, program.language.leaves
    places = np.sort(random.permutation(language.nodes)[: len(nodes)]).tolist()
    where = {leaves + s: leaves + place for s, place in enumerate(places)}
    laid = list(drawn(language, random).nodes)
    for place, (operation, a, b) in zip(places, nodes):
        # the second operand of a function is not read: any register before the node will do
        laid[place] = (operation, where.get(a, a), where.get(b, b) if operation in BINARY else 0)
    return replace(program, nodes=tuple(laid), output=where.get(output, output))


def _reformed(program: Program, random: np.random.Generator) -> Program:
    """Genes redrawn one by one until an active one has changed."""
    language, nodes, output = program.language, list(program.nodes), program.output
    active = set(program.active)
    while True:
        gene = int(random.integers(3 * language.nodes + 1))
        if gene == 3 * language.nodes:
            new = int(random.integers(language.leaves + language.nodes))
            changed, output = new != output, new
        else:
            n, part = divmod(gene, 3)
            before = nodes[n]
            operation, a, b = before
            if part == 0:
                operation = language.operations[int(random.integers(len(language.operations)))]
            elif part == 1:
                a = _pair(language, n, random)[0]
            else:
                b = _pair(language, n, random)[0]
            nodes[n] = (operation, a, b)
            read = part < 2 or operation in BINARY
            changed = n in active and read and nodes[n] != before
        if changed:
            return replace(program, nodes=tuple(nodes), output=output)


def degree(program: Program) -> int:
    """The degree of the polynomial; functions count as their argument does."""
    leaves = program.language.leaves
    degrees: dict[int, int] = {}
    for n in program.active:
        operation, a, b = program.nodes[n]
        first, second = degrees.get(a, 1), degrees.get(b, 1)
        sums = first + second if operation == "mul" else max(first, second) if operation in BINARY else first
        degrees[leaves + n] = sums
    return degrees.get(program.output, 1)


def levels(program: Program) -> int:
    """Upper bound on the depth of a program's formula; a difference may count twice, for its minus."""
    leaves = program.language.leaves
    found: dict[int, int] = {}
    for n in program.active:
        operation, a, b = program.nodes[n]
        second = found.get(b, 0) if operation in BINARY else 0
        found[leaves + n] = 1 + max(found.get(a, 0), second + (operation == "sub"))
    return found.get(program.output, 0)


def outputs(program: Program, inputs: np.ndarray) -> np.ndarray:
    """gain * program on samples of the inputs [inputs, S]: [S]; a plain interpreter of one program."""
    values = program.values
    registers: dict[int, np.ndarray] = dict(enumerate(inputs))
    count = len(program.language.inputs)
    registers |= {count + c: np.full(inputs.shape[1], v) for c, v in enumerate(values[1:])}
    for n in program.active:
        operation, a, b = program.nodes[n]
        operands = (registers[a], registers[b]) if operation in BINARY else (registers[a],)
        run = _ARITHMETIC[operation] if operation in _ARITHMETIC else rendering(operation, "numpy")
        registers[program.language.leaves + n] = run(*operands)
    result: np.ndarray = values[0] * registers[program.output]
    return result


def fingerprint(program: Program, gain: bool = True) -> bytes | None:
    """Values of a program on fixed random inputs, to six digits, as bytes; None when it is no rule (constant 0, not finite, too
    high a power, too deep). gain: False takes programs that differ by a factor, of either sign, for equal."""
    if degree(program) > MAX_DEGREE or levels(program) > MAX_TREE_DEPTH:
        return None
    with np.errstate(all="ignore"):
        found = _probed(program)
        if not np.isfinite(found).all() or np.abs(found).max() < 1e-12:
            return None
        if not gain:
            found = found / found[np.argmax(np.abs(found))]
        size = 10.0 ** np.floor(np.log10(np.maximum(np.abs(found), 1e-12)))
    result: bytes = (np.round(found / size, 5) * size + 0.0).astype(np.float32).tobytes()
    return result


def at_gains(program: Program, count: int) -> list[Program]:
    """The program at `count` gains, half of either sign, that give it changes of STEPS on standard normal inputs.

    The gains are a log grid; they depend on the function alone, not on the gain that the program came with.
    """
    size = float(np.sqrt(np.square(_probed(program)).mean()))
    steps = np.geomspace(*STEPS, (count + 1) // 2) / size * program.values[0]
    return [
        replace(program, numbers=(float(GAIN.encode(sign * abs(step))), *program.numbers[1:]))
        for step in steps
        for sign in (1.0, -1.0)
    ][:count]


def _probed(program: Program) -> np.ndarray:
    """The program on fixed random inputs [SAMPLES]."""
    return outputs(program, stream(0, "fingerprint").standard_normal((len(program.language.inputs), SAMPLES)))
