"""The shared design of NoProp learners (Li, Teh & Pascanu 2025): denoisers of an embedding of the label, given the input.

A denoiser is the network with further synapses to its first layer: from a noisy embedding z [d], and from features of time
where one denoiser serves all times. Embeddings of classes [C, d] are one-hot, learned (orthonormal at birth), or prototypes:
of every class the first sample seen with the smallest median distance to the others of its class in that batch, learned on.
Gradients stay inside one denoiser; they are those of automatic differentiation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.activations import activation
from inner.axes import fold
from inner.learners._own import Groups, Own, State, extended, steps
from inner.learners._values import chosen, whole
from inner.learners.base import KEPT, Cost, Spec
from inner.life_data import Label
from inner.networks.base import born
from inner.rules.coefficient import Coefficient
from inner.sources import Told

Params = dict[str, Any]  # weights: tuple of [N, T, I (+ 1), O]; the others tensors [N, ...]
DRAWS = 2**15  # site of the draws of noise while learning; the sites after it: times, and inference
EMBEDDINGS = ("one_hot", "learned", "prototype")
FEATURES = 8  # of time
ETA = Coefficient("eta", 0.003, "log")
WEIGHT = Coefficient("weight", 0.1, "log", fixed=True)  # of the denoising losses: eta of the paper


@dataclass(frozen=True)
class NoProp(Own):
    """Abstract: T denoisers (`blocks` of a concrete one) of the same shape."""

    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    timed: ClassVar[bool] = False
    optimiser: str = "adam"
    embeddings: str = "one_hot"  # or learned, prototype
    dimension: int = 20  # d of learned embeddings
    inference: str = "mean"  # no noise is drawn; or sampled

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("embeddings", self.embeddings, EMBEDDINGS)
        chosen("inference", self.inference, ("mean", "sampled"))
        whole("dimension", self.dimension)

    @property
    def depth(self) -> int:
        """T, the denoisers."""
        return 1

    @property
    def passes(self) -> float:
        """Passes through one denoiser that an answer takes."""
        return float(self.depth)

    @property
    def knows(self) -> frozenset[str]:
        """The error of its own denoiser, backwards inside it, and the label."""
        return frozenset({"local", "layer", "transported weights"})

    @abstractmethod
    def loss(self, params: Params, state: State, x: Tensor, y: Tensor, t: int | Tensor) -> Tensor:
        """Loss [N, B] of samples x [N, B, I] with labels y [N, B, C], whose gradient is followed."""

    @abstractmethod
    def denoised(self, params: Params, state: State, x: Tensor, noise: Tensor | None) -> Tensor:
        """Outputs [N, V, C] for x [N, V, I]; noise: standard normals [N, passes + 1, V, d], or None."""

    def width(self, spec: Spec) -> int:
        """d, the numbers of an embedding."""
        return {"one_hot": spec.outputs, "learned": self.dimension, "prototype": spec.inputs}[self.embeddings]

    def cost(self, spec: Spec) -> Cost:
        """The passes of an answer; of every denoiser a pass and two backwards, and the update."""
        usual = self.cost_of(spec, self.passes + 3.0 * self.depth)
        sizes, width = self.network.sizes(spec.inputs, spec.outputs), self.width(spec)
        denoiser = self.weights_of(spec) + (width + FEATURES * self.timed) * sizes[1]
        weights = self.depth * denoiser + (2 if self.embeddings != "one_hot" else 1) * width * spec.outputs
        kept = (3.0 if self.optimiser == "adam" else 1.0) * weights
        work = (self.passes + 3.0 * self.depth + 1.0 / spec.batch) * denoiser
        floats = KEPT * self.depth * (sum(sizes) + width) + 2.0 * kept / spec.batch
        return replace(usual, multiply_adds=work, floats=floats, state=kept)

    def footprint(self, spec: Spec) -> int:
        """Those of every denoiser."""
        return super().footprint(spec) * self.depth

    def born(self, spec: Spec, seed: int, labels: Sequence[Label]) -> Sequence[Tensor]:
        """Initial weights [L, T, I (+ 1), O] per group, each denoiser with draws of its own."""
        apart = [super(NoProp, self).born(spec, seed, [(*each, "denoiser", k) for each in labels]) for k in range(self.depth)]
        return [torch.stack(group, 1) for group in zip(*apart)]

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """Synapses from z [N, T, d, H] and from time, embeddings [N, C, d], and the readout of z [N, d, C]."""
        spec, network = state.spec, self.network
        wide, first, classes = self.width(spec), state.weights[0].shape[3], spec.outputs

        def drawn(rows: int, columns: int, what: str, k: int, birth: str = "gaussian") -> Tensor:
            own = [(*each, what, k) for each in labels]
            return torch.from_numpy(born((rows, columns), birth, 1.0, rows, seed, k, own))

        gain = network.gain  # type: ignore[attr-defined]
        made = {"z": torch.stack([drawn(wide, first, "z", k) for k in range(self.depth)], 1) * gain}
        if self.timed:
            made["time"] = torch.stack([drawn(FEATURES, first, "time", k) for k in range(self.depth)], 1)
        if self.embeddings == "learned":
            made["embed"] = drawn(classes, wide, "embed", 0, "orthogonal")
        elif self.embeddings == "one_hot":
            made["embed"] = torch.eye(classes).expand(len(labels), -1, -1)
        else:
            made["embed"] = torch.zeros(len(labels), classes, wide)
            made["seen"] = torch.zeros(len(labels), classes)
        made["out"] = drawn(wide, classes, "out", 0)
        return {name: fold(each, population).contiguous() for name, each in made.items()} | self.further(state)

    def further(self, state: State) -> dict[str, Tensor]:
        """Further tensors [N, ...] of newborn networks that are learned."""
        return {}

    def learnable(self, memory: Mapping[str, Any]) -> tuple[str, ...]:
        """The names in memory that descend, in order."""
        kept = ("first", "second", "left", "seen") + (("embed",) if self.embeddings == "one_hot" else ())
        return tuple(name for name in memory if name not in kept)

    def learned(self, weights: Groups, memory: Mapping[str, Any]) -> Groups:
        """The weights, then what descends in memory."""
        return (*weights, *(memory[name] for name in self.learnable(memory)))

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state that remembers the inputs, and the output [N, B, C]."""
        return replace(state, shown=x), self.answered(state, x, t)

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, C]."""
        return self.answered(state, x, 0)

    def view(self, state: State, batch: int) -> State:
        """The same networks: sampled inference draws its noise in tests too."""
        return replace(state, shown=None)

    def answered(self, state: State, x: Tensor, t: int | Tensor) -> Tensor:
        """Outputs [N, V, C]."""
        noise = None
        if self.inference == "sampled" and state.noise is not None:
            shape = (int(self.passes) + 1, x.shape[1], state.memory["embed"].shape[2])
            noise = state.noise.normal(t, DRAWS + 2, shape).to(x.dtype)
        return self.denoised(self.params(state), state, x, noise)

    def params(self, state: State) -> Params:
        """Everything that a loss may depend on."""
        return {"weights": state.weights, **{n: v for n, v in state.memory.items() if n not in ("first", "second", "left")}}

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after one step of every denoiser."""
        x, y = state.shown, told.y
        assert y is not None
        if self.embeddings == "prototype":
            state = prototyped(state, x, y)
        names = self.learnable(state.memory)
        rest = {name: value for name, value in self.params(state).items() if name not in names}

        def total(moving: Params) -> Tensor:
            each = self.loss(rest | moving, state, x, y, t)
            if told.scored is not None:
                each = each * told.scored.to(each.dtype)
            return each.mean(1).sum()

        found = torch.func.grad(total)({"weights": state.weights, **{name: state.memory[name] for name in names}})
        moves, memory = steps(state, [-g for g in (*found["weights"], *(found[name] for name in names))])
        weights = tuple(w + dw for w, dw in zip(state.weights, moves))
        later = zip(names, moves[len(weights) :])
        return replace(state, weights=weights, memory=memory | {n: memory[n] + dw for n, dw in later}, shown=None)

    def logits(self, params: Params, x: Tensor, z: Tensor, only: int | None = None, time: Tensor | None = None) -> Tensor:
        """Logits [N, T, B, C] of every denoiser for z [N, T, B, d], or of one of them; time: features [N, T, B, F]."""
        part = slice(None) if only is None else slice(only, only + 1)
        f, signal = activation(self.network.activation).value, x[:, None]
        weights = params["weights"]
        for k, w in enumerate(weights):
            drive = torch.matmul(extended(self.network, signal), w[:, part])
            if k == 0:
                drive = drive + torch.matmul(z, params["z"][:, part])
                if time is not None:
                    drive = drive + torch.matmul(time, params["time"][:, part])
            signal = f(drive) if k + 1 < len(weights) else drive
        return signal


def normal_noise(state: State, t: int | Tensor, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Standard normals [N, *shape] of a step of learning."""
    assert state.noise is not None
    return state.noise.normal(t, DRAWS, shape).to(like.dtype)


def classified(embedded: Tensor, out: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy [N, B] of labels y given z [N, B, d] through the readout."""
    return -(torch.log_softmax(torch.bmm(embedded, out), -1) * y).sum(-1)


def features(time: Tensor) -> Tensor:
    """Bumps over [0, 1] at times [...], [..., F]."""
    centres = torch.linspace(0.0, 1.0, FEATURES, dtype=time.dtype, device=time.device)
    return torch.exp(-0.5 * ((time.unsqueeze(-1) - centres) * (FEATURES - 1)).square())


def prototyped(state: State, x: Tensor, y: Tensor) -> State:
    """Embeddings of classes that are seen for the first time: the sample with the smallest median distance in its class."""
    seen, embed = state.memory["seen"], state.memory["embed"]
    square = x.square().sum(2)
    apart = square[:, :, None] + square[:, None] - 2 * torch.bmm(x, x.transpose(1, 2))  # [N, B, B]
    same = torch.bmm(y, y.transpose(1, 2)) > 0.5
    ordered = torch.where(same, apart, torch.inf).sort(2).values
    middle = ((same.sum(2) - 1) // 2).clamp(min=0).unsqueeze(2)
    median = ordered.gather(2, middle).squeeze(2)  # [N, B]
    best = torch.where(y.transpose(1, 2) > 0.5, median[:, None], torch.inf).argmin(2)  # [N, C]
    here = y.amax(1)  # 1 for classes in this batch
    new = (here * (1 - seen)).unsqueeze(2)
    chosen_x = torch.take_along_dim(x, best.unsqueeze(2), 1)
    memory = state.memory | {"embed": torch.where(new > 0.5, chosen_x, embed), "seen": torch.maximum(seen, here)}
    return replace(state, memory=memory)


