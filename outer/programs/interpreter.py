"""Runs a different program for every network at once: one operation over all networks that need it, node by node.

Programs are cut down to their active nodes first; slot s holds the s-th of each. Per slot and operation the operands of
its networks are gathered from a register file [R, N, B, I, O], so that the number of tensor operations depends on the
language and the longest program, not on the population. Elementwise throughout: the bits of a network do not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inner.rules.instructions import operation
from inner.rules.signals import SIGNALS
from outer.programs.program import BINARY, Language, Program, constant

ARITHMETIC: dict[str, Callable[..., Tensor]] = {"add": torch.add, "sub": torch.sub, "mul": torch.mul}
AXES = {"pre": -1, "post": -2, "global": -1, "synapse": 1}  # where a signal's missing axis goes in [N, B, I, O]


@dataclass(frozen=True, eq=False)
class Instruction:
    """One operation over the networks `lanes` [G]: registers `first` and `second` [G] into register `target`."""

    operation: str
    lanes: Tensor
    first: Tensor
    second: Tensor
    target: int


@dataclass(frozen=True, eq=False)
class Interpreter:
    """The programs of N networks, as a formula that a learner can be given in place of a compiled rule."""

    language: Language
    instructions: tuple[Instruction, ...]
    output: Tensor  # [N]
    registers: int
    read: frozenset[int]  # leaves that some program reads
    sides: Mapping[str, str]  # of traces

    @classmethod
    def of(cls, programs: Sequence[Program], lives: int, sides: Mapping[str, str] | None = None) -> Interpreter:
        """For networks n = candidate * lives + lifetime; sides: those of traces (none: per synapse)."""
        language = programs[0].language
        leaves = language.leaves
        table: dict[tuple[int, str], list[tuple[int, int, int]]] = {}
        outputs, read = [], set()
        for p, program in enumerate(programs):
            place = {leaves + n: leaves + s for s, n in enumerate(program.active)}
            for s, n in enumerate(program.active):
                operation, a, b = program.nodes[n]
                a, b = place.get(a, a), place.get(b, b) if operation in BINARY else place.get(a, a)
                read |= {a, b}
                table.setdefault((s, operation), []).append((p, a, b))
            outputs.append(place.get(program.output, program.output))
        read |= set(outputs)
        spread = torch.arange(lives)
        instructions = []
        for (s, operation), rows in sorted(table.items()):
            p, a, b = torch.tensor(rows).T
            lanes = (p[:, None] * lives + spread).reshape(-1)
            first, second = a.repeat_interleave(lives), b.repeat_interleave(lives)
            instructions.append(Instruction(operation, lanes, first, second, leaves + s))
        longest = max(len(program.active) for program in programs)
        output = torch.tensor(outputs).repeat_interleave(lives)
        leaf = frozenset(r for r in read if r < leaves)
        return cls(language, tuple(instructions), output, leaves + longest, leaf, sides or {})

    def run(self, leaves: Mapping[int, Tensor], shape: Sequence[int]) -> Tensor:
        """Values of the output registers [N, B, I, O], from leaves that broadcast to `shape`."""
        like = next(iter(leaves.values()))
        file = like.new_zeros((self.registers, *shape))
        for r, value in leaves.items():
            file[r] = value
        for step in self.instructions:
            operands = [file[step.first, step.lanes]]
            if step.operation in BINARY:
                operands.append(file[step.second, step.lanes])
            run = ARITHMETIC.get(step.operation) or operation(step.operation)
            file[step.target, step.lanes] = run(*operands)
        return file[self.output, torch.arange(len(self.output))]

    def __call__(
        self, signals: Mapping[str, Tensor], shape: tuple[int, int, int], batch: int, base: Tensor | None = None
    ) -> Tensor:
        """eta * (mean over samples of every network's program) [N, I, O], added to `base` where one is given."""
        n, inputs, outputs = shape
        leaves = {}
        for r in sorted(self.read):
            name = self._name(r)
            if name in SIGNALS and SIGNALS[name].per_sample:
                leaves[r] = signals[name]
            else:
                side = SIGNALS[name].side if name in SIGNALS else "synapse"
                leaves[r] = signals[name].unsqueeze(AXES[self.sides.get(name, side)])
        change = self.run(leaves, (n, batch, inputs, outputs)).mean(1) * signals["eta"]
        return change if base is None else base + change

    def _name(self, r: int) -> str:
        inputs = self.language.inputs
        return inputs[r] if r < len(inputs) else constant(r - len(inputs))
