"""The torch face of a formula: a flat list of tensor operations, differentiable, on any device, no generated code.

Numbers and constant parts stay Python floats, and a register is dropped after its last use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy
import torch
from torch import Tensor

from inner.rules.instructions import Compiler, Instruction, Value, operation


@dataclass(frozen=True)
class TorchFormula:
    """A compiled formula: call it with a mapping of names to broadcastable tensors, get the broadcast result.

    Numbers among the values are taken as 0-d tensors that do not change the result's type. A formula without names
    returns a Python float. Raises ValueError for a name without a value.
    """

    names: tuple[str, ...]  # inputs, registers 0 .. len(names) - 1
    instructions: tuple[Instruction, ...]
    result: int | float

    @classmethod
    def of(cls, expression: sympy.Expr) -> TorchFormula:
        """Compile `expression`."""
        compiler = Compiler([expression])
        (result,) = compiler.results
        made = cls(tuple(compiler.inputs), _with_lifetimes(compiler.instructions, result), result)
        assert len(made.steps) == len(made.instructions)  # looked up here, so that a missing operation is found here
        return made

    @cached_property
    def steps(self) -> tuple[tuple[Callable[..., Any], Instruction], ...]:
        """The instructions, each with what it does."""
        return tuple((operation(item.operation), item) for item in self.instructions)

    def __call__(self, values: Mapping[str, Tensor]) -> Value:
        registers: dict[int, Value] = {}
        for index, name in enumerate(self.names):
            if name not in values:
                raise ValueError(f"formula: no value for '{name}'; given: {', '.join(values) or 'none'}")
            value = values[name]
            registers[index] = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
        for run, step in self.steps:
            operands = [registers[item] if isinstance(item, int) else item for item in step.operands]
            registers[step.target] = run(*operands)
            for index in step.finished:
                del registers[index]
        return registers[self.result] if isinstance(self.result, int) else self.result


def _with_lifetimes(instructions: list[Instruction], result: int | float) -> tuple[Instruction, ...]:
    """Attach to each instruction the registers that it reads, or writes, as the last."""
    seen = {result} if isinstance(result, int) else set()
    finished: list[Instruction] = []
    for item in reversed(instructions):
        last = {register for register in (*item.operands, item.target) if isinstance(register, int)} - seen
        seen |= last
        finished.append(Instruction(item.operation, item.operands, item.target, tuple(sorted(last))))
    return tuple(reversed(finished))
