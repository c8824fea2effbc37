"""Several formulas as one list of tensor operations, split into what happens once per life and what happens at every step.

Whatever depends on coefficients alone is computed when the coefficients are known (`bind`); the rest runs at every step
(`run`), products that are added on the spot in one operation, and coefficients spread along the units beforehand: a
processor adds and multiplies whole rows several times faster than a row and one number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy
from torch import Tensor

from inner.rules.functions import FUNCTIONS
from inner.rules.instructions import SIDES, Compiler, Instruction, Value, made, operation

Bound = tuple[Value | None, ...]  # registers after `bind`
Step = tuple[Callable[..., Any], int, int, int, int, tuple[int, ...]]  # operation, operands (-1: none), target, dropped


@dataclass(frozen=True)
class Tape:
    """Formulas `roots` of signals and coefficients; a register per name, number and operation."""

    inputs: tuple[tuple[int, str], ...]  # registers that `run` fills
    fixed: tuple[tuple[int, str], ...]  # registers that `bind` fills
    numbers: tuple[tuple[int, float], ...]
    once: tuple[Step, ...]
    spread: tuple[
        tuple[int, int, bool], ...
    ]  # (coefficient register, register for it along the units, of the pre side)
    steps: tuple[Step, ...]
    single: tuple[Step, ...]  # the same for one sample per step: means are what they are taken of
    reusing: tuple[Step, ...]  # the same, writing over what is read for the last time, where nothing is differentiated
    results: tuple[int, ...]
    masks: tuple[int, ...]  # what each result varies along at every step (see SIDES); 0 for one of coefficients alone
    size: int

    @classmethod
    def of(
        cls,
        roots: Sequence[sympy.Expr],
        sides: Mapping[str, str],
        fixed: frozenset[str],
        means: Mapping[sympy.Expr, sympy.Expr] | None = None,
        samples: bool = False,
    ) -> Tape:
        """Compile; `sides` and `fixed` (names that are no signals) as in `inner/rules/update.py`, `means` as in `Compiler`.

        samples: tensors are [N, B, I, O], so that only what varies along post units is spread.
        """
        compiler = Compiler(roots, sides, means, fixed)
        masks, varying, results = compiler.masks, compiler.varying, compiler.results
        instructions = _fused(compiler.instructions, results, varying, masks)
        numbers: dict[float, int] = {}
        spread: dict[tuple[int, bool], int] = {}

        def place(item: int | float, mask: int) -> int:
            """The register of an operand of something that varies along the axes of `mask`."""
            if not isinstance(item, int):
                return numbers.setdefault(item, -1 - len(numbers))
            pre = mask == SIDES["pre"]
            if varying[item] or masks[item] or not mask or (samples and pre):
                return item
            return spread.setdefault((item, pre), len(masks) + len(spread))

        # numbers are places from the end of the register file
        once: list[Instruction] = []
        steps: list[Instruction] = []
        for item in instructions:
            mask = masks[item.target] if varying[item.target] else 0
            operands = [place(operand, mask) for operand in item.operands]
            (steps if varying[item.target] else once).append(replace(item, operands=tuple(operands)))
        found = tuple(place(result, 0) for result in results)
        size = len(masks) + len(spread) + len(numbers)
        kept = found if samples else None
        named = list(enumerate(compiler.inputs))
        return cls(
            tuple((r, name) for r, name in named if varying[r]),
            tuple((r, name) for r, name in named if not varying[r]),
            tuple((size + r, number) for number, r in numbers.items()),
            _steps(once, size, None),
            tuple((source, target, pre) for (source, pre), target in spread.items()),
            _steps(steps, size, kept),
            _steps(_without_means(steps, found), size, kept),
            _reusing(_steps(_without_means(steps, found), size, kept), masks, varying),
            tuple(r % size for r in found),
            tuple(masks[r] if isinstance(r, int) and varying[r] else 0 for r in results),
            size,
        )

    def bind(self, values: Mapping[str, Tensor], inputs: int, outputs: int) -> Bound:
        """The registers of everything that does not change in a life of layers with I and O units."""
        registers: list[Any] = [None] * self.size
        for r, name in self.fixed:
            registers[r] = values[name]
        for r, number in self.numbers:
            registers[r] = number
        _play(self.once, registers)
        for source, target, pre in self.spread:
            value = registers[source]
            wide = isinstance(value, Tensor) and value.ndim > 2
            registers[target] = (
                value.expand(*value.shape[:-1], inputs if pre else outputs).contiguous() if wide else value
            )
        used = {r for step in self.steps for r in step[1:4]} | set(self.results)
        return tuple(value if r in used else None for r, value in enumerate(registers))

    def run(self, bound: Bound, values: Mapping[str, Tensor], batch: int, reuse: bool = False) -> list[Any]:
        """Values of the formulas for these signals of `batch` samples; reuse: no gradient is wanted."""
        registers = list(bound)
        for r, name in self.inputs:
            registers[r] = values[name]
        _play(self.steps if batch > 1 else self.reusing if reuse else self.single, registers)
        return [registers[r] for r in self.results]


def _play(steps: Sequence[Step], registers: list[Any]) -> None:
    for run, a, b, c, target, dropped in steps:
        if b < 0:
            registers[target] = run(registers[a])
        elif c < 0:
            registers[target] = run(registers[a], registers[b])
        else:
            registers[target] = run(registers[a], registers[b], registers[c])
        if dropped:
            for r in dropped:
                registers[r] = None


def _without_means(instructions: Sequence[Instruction], results: Sequence[int]) -> list[Instruction]:
    """The same for one sample; a mean that is a result stays, and is what it is taken of."""
    same = {
        item.target: item.operands[0]
        for item in instructions
        if item.operation == "over samples" and item.target not in results
    }
    left = [item for item in instructions if item.target not in same]
    return [replace(item, operands=tuple(same.get(int(r), r) for r in item.operands)) for item in left]


def _steps(instructions: Sequence[Instruction], size: int, results: Sequence[int] | None) -> tuple[Step, ...]:
    """Ready to play; where `results` are given, what operations have written is dropped after its last use."""
    written = {item.target for item in instructions} if results is not None else set()
    seen = set(results or ())
    found: list[Step] = []
    for item in reversed(instructions):
        last = {int(r) for r in item.operands if r in written} - seen
        seen |= last
        a, b, c = (*(int(r) % size for r in item.operands), -1, -1)[:3]
        found.append((operation(item.operation), a, b, c, item.target, tuple(sorted(last))))
    return tuple(reversed(found))


IN_PLACE: dict[str, Callable[..., Tensor]] = {
    "add": Tensor.add_,
    "subtract": Tensor.sub_,
    "multiply": Tensor.mul_,
    "divide": Tensor.div_,
    "addcmul": Tensor.addcmul_,
    "subcmul": lambda total, x, y: total.addcmul_(x, y, value=-1),
}


def _reusing(steps: Sequence[Step], masks: Sequence[int], varying: Sequence[bool]) -> tuple[Step, ...]:
    """Steps in which operations on synapses overwrite a first operand that is theirs and is not read again."""
    over: dict[Callable[..., Any], Callable[..., Any]] = {
        operation(name): function for name, function in IN_PLACE.items()
    }
    over |= {
        operation(row.name): made(row.torch_in_place) for row in FUNCTIONS.values() if row.torch and row.torch_in_place
    }
    found = []
    for run, a, b, c, target, dropped in steps:
        mine = a in dropped and a not in (b, c) and a < len(masks) and varying[a]
        if mine and masks[a] == masks[target] == SIDES["synapse"]:
            run = over.get(run, run)
        found.append((run, a, b, c, target, dropped))
    return tuple(found)


def _fused(
    instructions: Sequence[Instruction], results: Sequence[int | float], varying: Sequence[bool], masks: Sequence[int]
) -> list[Instruction]:
    """A product that is used once, in a sum or difference no wider than itself, becomes one operation with it."""
    used: dict[int | float, int] = {}
    for operand in [operand for item in instructions for operand in item.operands] + list(results):
        used[operand] = used.get(operand, 0) + 1
    made = {item.target: item for item in instructions}

    def product(operand: int | float, other: int | float) -> bool:
        if not (isinstance(operand, int) and isinstance(other, int) and varying[operand] and used[operand] == 1):
            return False
        item = made.get(operand)
        whole = item is not None and item.operation == "multiply" and all(isinstance(o, int) for o in item.operands)
        return whole and masks[operand] | masks[other] == masks[operand]

    gone: set[int | float] = set()
    found = []
    for item in instructions:
        if item.operation in ("add", "subtract"):
            first, second = item.operands
            if item.operation == "add" and not product(second, first) and product(first, second):
                first, second = second, first
            if product(second, first):
                name = "addcmul" if item.operation == "add" else "subcmul"
                found.append(Instruction(name, (first, *made[int(second)].operands), item.target))
                gone.add(second)
                continue
        found.append(item)
    return [item for item in found if item.target not in gone]
