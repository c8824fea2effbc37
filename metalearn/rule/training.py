"""Trains a user's own torch module with an evolved rule: the same signals and signs as the project's own networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from inner.components import trusting
from inner.rules.coefficient import Values
from metalearn.rule import file as rule_file
from metalearn.rule.file import RuleDocument

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from inner.criteria import Criterion
    from inner.learners._rule_state import State
    from inner.networks._module_record import Layers, Pass
    from inner.rules.rule import Rule
    from inner.sources import Told

OUTPUTS = ("auto", "softmax", "linear")


def load_rule(path: str | Path, trust: Sequence[str] = ()) -> LoadedRule:
    """Load a rule.json or the run folder that holds one. Raises ValueError in one line; nothing in it is executed.

    trust: modules outside the project that the rule may name, such as a pathway of your own.
    """
    with trusting(trust):
        document = rule_file.read(path)
        if "learner" in document and (learner := rule_file.learner_of(document)).formula is None:
            raise ValueError(f"rule: {path}: learner '{learner.name}' has no formula: nothing to train a module with")
        return LoadedRule(rule_file.rule_of(document), rule_file.values_of(document), document)


@dataclass(frozen=True)
class LoadedRule:
    """An evolved rule: its formula, its values, and the way to train a torch module with it."""

    rule: Rule
    values: Values  # a number each, or a list where a coefficient has a value per layer, unit or synapse
    document: RuleDocument = field(default_factory=RuleDocument, repr=False)

    @property
    def formula(self) -> str:
        """dw as text, expanded, with the evolved values to six digits in place of the coefficients."""
        return self.rule.with_values(self.values, digits=6)

    @property
    def latex(self) -> str:
        """dw and traces as LaTeX, with the names of the coefficients."""
        return self.rule.latex()

    @property
    def pathway(self) -> str:
        """Name of the feedback pathway that the rule was evolved with."""
        return self.rule.pathway

    def trainer(self, module: nn.Module, seed: int = 0, output: str = "auto", steps: int = 0) -> Trainer:
        """A trainer of `module`: nn.Linear layers that run in order, elementwise activations between them.

        seed: address of the feedback weights; output: "softmax" or "linear", by default softmax for integer labels;
        steps: how many there will be, which a rule with `progress` must know.
        Raises ValueError for a module with trainable parameters outside nn.Linear layers.
        """
        return Trainer(self.rule, self.values, module, seed, output, steps)


class Trainer:
    """`step(x, target)` changes the weights of a module by one update of a rule, in place. Gradients are left alone.

    Samples stand alone; a rule with noise runs the module with it, a second time where it asks for the clean output.
    """

    def __init__(
        self, rule: Rule, values: Values, module: nn.Module, seed: int = 0, output: str = "auto", steps: int = 0
    ):
        from inner.components import suggest
        from inner.learners.local_rule import Learner
        from inner.networks._module_record import check_module

        if output not in OUTPUTS:
            raise ValueError(f"output: expected one of {', '.join(OUTPUTS)}, got '{output}'{suggest(output, OUTPUTS)}")
        if "progress" in rule.signals and steps < 1:
            raise ValueError(f"steps: expected how many there will be, as the rule has `progress`, got {steps}")
        check_module(module)
        way = Learner(rule).pathway
        if way.draws or way.runs:
            why = "draws random numbers at the address of a life" if way.draws else "runs units of its own"
            raise ValueError(f"rule: the pathway '{way.title}' {why}, which the trainer of a module does not have")
        self.rule, self.values, self.module, self.seed, self.output = rule, dict(values), module, seed, output
        self._learner, self._steps = Learner(rule), steps
        self._layers: list[nn.Linear] = []
        self._state: State | None = None
        self._now = 0  # steps that were learned from

    def step(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        """Learn from x [B, ...]; returns the output before the update [B, O] (probabilities for labels).

        target: integer labels [B], or float targets [B, O], or nothing for an unsupervised rule.
        """
        import torch

        state, told = self._act(x, target)
        assert state.acted is not None
        with torch.no_grad():
            after = self._learner.learn(state, told, self._now)
            for layer, old, new in zip(self._layers, state.weights, after.weights):
                _move(layer, old[0], new[0])
        output = state.acted.record.output
        self._state = after.but(spec=replace(after.spec, batch=output.shape[1]))  # of what is kept for every sample
        self._now += 1
        return output[0]

    def changes(self, x: Tensor, target: Tensor | None = None) -> list[Tensor]:
        """dw per Linear layer [I (+ 1), O], bias row last, that `step` would add (before homeostasis); nothing changes."""
        import torch

        state, told = self._act(x, target)
        with torch.no_grad():
            return [dw[0] for dw in self._learner.proposed(state, told, self._now)[0]]

    def _act(self, x: Tensor, target: Tensor | None) -> tuple[State, Told]:
        """The learner's state after a forward pass of the module, as one network, and what it is told."""
        import torch

        from inner.learners._rule_state import Acted
        from inner.networks._module_record import record_of, slopes
        from inner.sources import Told

        first, noise, clean = not self._layers, None, None
        twice = self._learner.explores and self.rule.surprise.baseline == "clean"
        if first or twice or not self._learner.explores:
            clean, leaves = self._pass(x, None)
            self._start(clean.layers)
        seen, learner = clean, self._learner
        weights = tuple(_weights(layer) for layer in self._layers)
        assert self._state is not None
        state = self._state.but(weights=weights)
        if learner.explores:
            noise = learner.drive_noise(state, len(x), self._now)
            seen, leaves = self._pass(x, noise)
        assert seen is not None
        self._start(seen.layers)
        with torch.enable_grad():
            slope = slopes(seen.pre, leaves, check=first)
        kind = weights[0].dtype
        if target is None and learner.pathway.aims:
            raise ValueError(f"target: the pathway '{learner.pathway.title}' needs one, got None")
        output, wanted, criterion = _output_and_target(seen, target, self.output, kind)
        quiet = _output_and_target(clean, target, self.output, kind)[0] if twice and clean is not None else None
        pre, drive, slope = ([each.detach().to(kind)[None] for each in part] for part in (seen.pre, seen.drive, slope))
        network = cast("Layers", learner.network)
        record = record_of(network.biases, pre, drive, slope, output)
        spec = replace(state.spec, criterion=criterion)
        return state.but(spec=spec, acted=Acted(record, noise, quiet, None)), Told(wanted)

    def _pass(self, x: Tensor, noise: Sequence[Tensor] | None) -> tuple[Pass, list[Tensor]]:
        """One forward pass with noise [1, B, units] in the drives; each drive is cut from the graph, so slopes stay apart."""
        import torch

        from inner.networks._module_record import watched

        leaves: list[Tensor] = []

        def cut(k: int, drive: Tensor) -> Tensor:
            if noise is not None:
                drive = drive + noise[k][0].to(drive.dtype)
            leaves.append(drive.detach().requires_grad_(True))
            return leaves[-1]

        with torch.enable_grad():
            return watched(self.module, lambda: self.module(x), cut), leaves

    def _start(self, layers: list[nn.Linear]) -> None:
        """Draw feedback weights and clear traces, once; afterwards the layers must stay the same."""
        import torch

        from inner.criteria import NONE
        from inner.life.states import map_all, map_tensors
        from inner.networks._module_record import layers_of
        from inner.spec import Spec

        if self._layers:
            if [id(layer) for layer in layers] != [id(layer) for layer in self._layers]:
                raise ValueError("module: expected the same nn.Linear layers in the same order at every step")
            return
        network = layers_of(layers)
        learner = replace(self._learner, network=network)
        spec = Spec(network.units[0], network.units[-1], NONE, self._steps)
        born = [_weights(layer) for layer in layers]
        theta = torch.from_numpy(learner.flat(self.values, spec)[None]).to(born[0].dtype)
        with torch.no_grad():
            state = learner.init(spec, theta, 1, self.seed, [("trainer",)], [w.cpu() for w in born])
            state = map_tensors(lambda tensor: tensor.to(born[0].dtype), state)
            self._state = map_all(lambda tensor: tensor.to(born[0].device), state)
        self._learner, self._layers = learner, layers


def _output_and_target(
    seen: Pass, target: Tensor | None, output: str, kind: torch.dtype
) -> tuple[Tensor, Tensor, Criterion]:
    """Output and wanted output [1, B, O], and the criterion, from what the user handed over."""
    import torch

    from inner.activations import softmax
    from inner.criteria import CLASSES, NONE, VALUES

    out = seen.output.detach().to(kind)[None]
    same = torch.equal(seen.output, seen.drive[-1])
    if target is None:
        return out, torch.zeros_like(out), NONE
    labels = not target.is_floating_point()
    probabilities = output == "softmax" or (output == "auto" and labels)
    if probabilities and same:
        out = softmax(out)
    elif probabilities and not torch.allclose(out.sum(-1), torch.ones_like(out.sum(-1)), atol=1e-3):
        raise ValueError("module: for labels, end with nn.Linear (softmax is applied here) or with nn.Softmax")
    count = out.shape[2]
    if labels:
        if target.shape != out.shape[1:2]:
            raise ValueError(f"target: expected labels [{out.shape[1]}], got shape {list(target.shape)}")
        if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < count:
            raise ValueError(
                f"target: expected labels 0 .. {count - 1}, got {int(target.min())} .. {int(target.max())}"
            )
        wanted = torch.nn.functional.one_hot(target.long(), count).to(out.dtype)[None]
    else:
        wanted = target.to(kind)[None]
    if wanted.shape != out.shape:
        raise ValueError(f"target: expected shape {list(out.shape[1:])}, got {list(target.shape)}")
    return out, wanted, CLASSES if probabilities else VALUES


def _weights(layer: nn.Linear) -> Tensor:
    """Weights as the rule sees them: [1, I (+ 1), O], the bias as the last row; float32, or float64 where they are."""
    import torch

    rows: Sequence[Tensor] = [layer.weight.T] if layer.bias is None else [layer.weight.T, layer.bias[None]]
    kind = torch.float64 if layer.weight.dtype == torch.float64 else torch.float32
    return torch.cat([row.detach().to(kind) for row in rows])[None]


def _move(layer: nn.Linear, old: Tensor, new: Tensor) -> None:
    """Write new weights [I (+ 1), O] into a layer that had the old ones; what is frozen stays."""
    for parameter, rows in ((layer.weight, slice(0, layer.in_features)), (layer.bias, slice(layer.in_features, None))):
        if parameter is not None and parameter.requires_grad:
            before, after = (w[rows].T.reshape(parameter.shape) for w in (old, new))
            if parameter.dtype == new.dtype:
                parameter.copy_(after)
            else:
                parameter.add_((after - before).to(parameter.dtype))
