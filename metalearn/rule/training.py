"""Trains a user's own torch module with an evolved rule: the same signals and signs as the project's own networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inner.components import trusting
from metalearn.rule import file as rule_file
from metalearn.rule.module_activity import Seen, check_module, look

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inner.criteria import Criterion
    from inner.rules.rule import Rule

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
    values: dict[str, Any]  # a number each, or a list where a coefficient has a value per layer, unit or synapse
    document: dict[str, Any] = field(default_factory=dict, repr=False)

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

    def trainer(self, module: nn.Module, seed: int = 0, output: str = "auto") -> Trainer:
        """A trainer of `module`: nn.Linear layers that run in order, elementwise activations between them.

        seed: address of the feedback weights; output: "softmax" or "linear", by default softmax for integer labels.
        Raises ValueError for a module with trainable parameters outside nn.Linear layers.
        """
        return Trainer(self.rule, self.values, module, seed, output)


class Trainer:
    """`step(x, target)` changes the weights of a module by one update of a rule, in place. Gradients are left alone."""

    def __init__(self, rule: Rule, values: dict[str, Any], module: nn.Module, seed: int = 0, output: str = "auto"):
        from inner.components import build, suggest
        from inner.pathways.base import Pathway

        if output not in OUTPUTS:
            raise ValueError(f"output: expected one of {', '.join(OUTPUTS)}, got '{output}'{suggest(output, OUTPUTS)}")
        check_module(module)
        self.rule, self.values, self.module, self.seed, self.output = rule, dict(values), module, seed, output
        self._pathway = cast(Pathway, build("pathway", rule.pathway))
        self._layers: list[nn.Linear] = []
        self._own: tuple[Tensor, ...] = ()  # feedback weights
        self._traces: list[dict[str, Tensor]] = []  # per layer, each [1, I (+ 1), O], or [1, B, units] of one side

    def step(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        """Learn from x [B, ...]; returns the output before the update [B, O] (probabilities for labels).

        target: integer labels [B], or float targets [B, O], or nothing for an unsupervised rule.
        """
        import torch

        changes, traces, seen, output = self._changes(x, target)
        with torch.no_grad():
            before = tuple(_weights(layer) for layer in seen.layers)
            moved = tuple(w + dw for w, dw in zip(before, changes))
            self._own, after = self._pathway.after(self._own, moved, changes)
            if self.rule.homeostasis is not None:
                after = tuple(self.rule.homeostasis.apply(w) for w in after)
            for k, layer in enumerate(seen.layers):
                change = (changes[k] if after[k] is moved[k] else after[k] - before[k])[0].to(layer.weight.dtype)
                if layer.weight.requires_grad:
                    layer.weight.add_(change[: layer.in_features].T)
                if layer.bias is not None and layer.bias.requires_grad:
                    layer.bias.add_(change[-1])
        self._traces = traces
        return output

    def changes(self, x: Tensor, target: Tensor | None = None) -> list[Tensor]:
        """dw per Linear layer [I (+ 1), O], bias row last, that `step` would add (before homeostasis); nothing changes."""
        return [dw[0] for dw in self._changes(x, target)[0]]

    def _changes(self, x: Tensor, target: Tensor | None) -> tuple[list[Tensor], list[dict[str, Tensor]], Seen, Tensor]:
        """dw and traces per layer [1, I (+ 1), O], the forward pass, and the output as probabilities or as it is."""
        import torch

        from inner.learners._signals import of_samples
        from inner.rules import sharing
        from inner.rules.compiled import SidedTrace, compiled
        from inner.rules.signals import BEFORE, observed, totals

        seen = look(self.module, x, check=not self._layers)
        self._start(seen.layers)
        output, wanted, criterion = _output_and_target(seen, target, self.output)
        with torch.no_grad():
            weights = [_weights(layer) for layer in seen.layers]
            err_out = criterion.error(output, wanted)
            reward = criterion.reward(output, wanted)
            feedback, err = self._errors(seen, weights, err_out, reward)
            rules, trace_rules = compiled(self.rule)
            sizes = [(w.shape[1], w.shape[2]) for w in weights]
            theta = torch.from_numpy(sharing.flat(self.rule.coefficients, self.values, sizes)[None])
            common, own = sharing.split(self.rule.coefficients, theta.float().to(output.device), sizes)
            used = observed(self.rule.signals)
            changes, traces, last = [], [], len(weights) - 1
            for k, w in enumerate(weights):
                post = output if k == last else seen.pre[k + 1].float()[None]
                bias = w.shape[1] > seen.pre[k].shape[1]
                signals = {
                    "pre": _with_bias(seen.pre[k].float()[None], 1.0, bias),
                    "post": post,
                    "w": w,
                    "drive": seen.drive[k].float()[None],
                    "slope": seen.slope[k].float()[None],
                    "reward": reward,
                    "recon": torch.bmm(post, w.transpose(1, 2)),
                    "target": wanted if k == last else torch.zeros_like(post),
                }
                if k + 1 in err:
                    signals |= {"err": err[k + 1], "feedback": feedback[k + 1]}
                if k in err:
                    signals["pre_err"] = _with_bias(err[k], 0.0, bias)
                signals |= totals(used, signals) | common | (own[k] if own else {})
                rule = rules[self.rule.key_of(k, last + 1)]
                shape, batch = (1, w.shape[1], w.shape[2]), post.shape[1]
                sided = {name for name, update in trace_rules if isinstance(update, SidedTrace)}
                old = self._traces[k] | of_samples({name: self._traces[k][name] for name in sided}, batch)
                signals |= old
                fresh = {name: update(signals, shape, batch) for name, update in trace_rules}
                signals |= {name + BEFORE: value for name, value in old.items()}
                changes.append(rule(signals | fresh, shape, batch))
                traces.append(fresh)
        return changes, traces, seen, output[0]

    def _start(self, layers: list[nn.Linear]) -> None:
        """Draw feedback weights and clear traces, once; afterwards the layers must stay the same."""
        import torch

        from inner.rules.compiled import SidedTrace, compiled

        if self._layers:
            if [id(layer) for layer in layers] != [id(layer) for layer in self._layers]:
                raise ValueError("module: expected the same nn.Linear layers in the same order at every step")
            return
        sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
        device = layers[0].weight.device
        self._own = tuple(b.to(device) for b in self._pathway.init(sizes, self.seed, [("trainer",)]))
        with torch.no_grad():
            zeros = [torch.zeros_like(_weights(layer)) for layer in layers]
        self._traces = []
        for z in zeros:
            layer = {name: z.clone() for name in self.rule.trace_expressions}
            for name, update in compiled(self.rule)[1]:
                if isinstance(update, SidedTrace):
                    layer[name] = z.new_zeros(1, 1, update.width(z.shape[1], z.shape[2]))
            self._traces.append(layer)
        self._layers = layers

    def _errors(
        self, seen: Seen, weights: list[Tensor], err_out: Tensor, reward: Tensor
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """`feedback` and `err` [1, B, units] per layer of units, as in `inner/learners/local_rule.py`."""
        from inner.networks.base import ForwardRecord
        from inner.pathways.base import Delivery
        from inner.rules.signals import observed

        top = len(weights)
        feedback, err = {top: err_out}, {top: err_out}
        wanted = observed(self.rule.signals)
        if not {"err", "feedback", "pre_err"} & wanted:
            return feedback, err
        plain = [w[:, : layer.in_features] for w, layer in zip(weights, seen.layers)]
        record = ForwardRecord((), (), (), seen.output)
        at = Delivery(self._own, plain, err, err_out, reward, record, None, None, 0)
        for k in range(top - 1, -1 if "pre_err" in wanted else 0, -1):
            feedback[k] = self._pathway.feedback(k, at)
            err[k] = feedback[k] * seen.slope[k - 1].float()[None] if k > 0 else feedback[k]
        return feedback, err


def _output_and_target(seen: Seen, target: Tensor | None, output: str) -> tuple[Tensor, Tensor, Criterion]:
    """Output and wanted output [1, B, O], and the criterion, from what the user handed over."""
    import torch

    from inner.activations import softmax
    from inner.criteria import CLASSES, NONE, VALUES

    out = seen.output.float()[None]
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
        wanted = target.float()[None]
    if wanted.shape != out.shape:
        raise ValueError(f"target: expected shape {list(out.shape[1:])}, got {list(target.shape)}")
    return out, wanted, CLASSES if probabilities else VALUES


def _weights(layer: nn.Linear) -> Tensor:
    """Weights as the rule sees them: [1, I (+ 1), O] float32, the bias as the last row."""
    import torch

    rows: Sequence[Tensor] = [layer.weight.T] if layer.bias is None else [layer.weight.T, layer.bias[None]]
    return torch.cat([row.detach().float() for row in rows])[None]


def _with_bias(value: Tensor, fill: float, bias: bool) -> Tensor:
    import torch

    return torch.cat([value, torch.full_like(value[..., :1], fill)], -1) if bias else value
