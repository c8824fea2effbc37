"""Genomic bottleneck (Shuvaev et al. 2024): accuracy at birth of networks that are written by a genome of a hundredth of their size.

end to end   Adam on the genes, through the network that they write, on the images.
alternating  the paper's scheme: train the network on 10,000 images, train the genes to write its weights, and move the
             network towards what the genes write: W <- epsilon W + (1 - epsilon) W~.
Innate accuracy is on the 10,000 test images before any training of the network; its control is the same network with
the weights of each layer shuffled. Then a born network and a random one are trained, each at its best
learning rate, to see who learns faster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from inner.random import stream
from inner.tasks._images import idx_set
from outer.genome.label_net import LabelNet, accuracy, predict, random_network, train
from outer.studies import base
from outer.studies._bottleneck_notes import begin, note
from outer.studies.base import Notes, Panel, Results, Summary, Tell

SCHEMES = ("end to end", "alternating")
CURVE = (0, 10, 30, 100, 300)  # steps of training after birth
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)  # of SGD after birth; each network gets its best one
BATCH = 100
TRAIN, TEST = 60000, 10000


@dataclass(frozen=True)
class Study(base.Study):
    """Sizes of the genome, schemes, and how long they are trained."""

    hidden: int = 256
    widths: tuple[tuple[int, ...], ...] = ((30, 10), (20, 10), (10, 5))
    steps: int = 600  # end to end: steps of Adam
    batch: int = 500
    rate: float = 0.015
    iterations: int = 150  # alternating
    images: int = 10000  # that the network is trained on per iteration
    fits: int = 10  # steps of Adam per iteration that fit the genes to the network
    epsilon: float = 0.5
    schemes: tuple[str, ...] = SCHEMES

    def __post_init__(self) -> None:
        for key, example in (("widths", "[[30, 10]]"), ("schemes", "[end to end]")):
            value = getattr(self, key)
            if not isinstance(value, (list, tuple)) or not value or (key == "widths" and not _lists(value)):
                raise ValueError(f"study.{key}: expected a list like {example}, got {value!r}")
        object.__setattr__(self, "widths", tuple(tuple(w) for w in self.widths))
        object.__setattr__(self, "schemes", tuple(self.schemes))
        for net in self.nets:
            assert net.size
        for scheme in self.schemes:
            if scheme not in SCHEMES:
                raise ValueError(f"study.schemes: expected some of {', '.join(SCHEMES)}, got '{scheme}'")
        for key in ("steps", "batch", "iterations", "images", "fits"):
            if getattr(self, key) < 1:
                raise ValueError(f"study.{key}: expected a number >= 1, got {getattr(self, key)}")
        if self.images > TRAIN:
            raise ValueError(f"study.images: expected at most the {TRAIN} training images, got {self.images}")
        if not (self.rate > 0 and 0 <= self.epsilon <= 1):
            raise ValueError(
                f"study: expected rate > 0 and epsilon from 0 to 1, got {self.rate:g} and {self.epsilon:g}"
            )

    @property
    def nets(self) -> tuple[LabelNet, ...]:
        """The generators."""
        return tuple(LabelNet(self.hidden, widths) for widths in self.widths)

    def check(self) -> None:
        """MNIST must be there. Raises DataMissing."""
        _data()

    def size(self) -> tuple[float, float]:
        """All images, and for every synapse the activities of the networks that write it, with their gradient."""
        largest = max(net.synapses * (40.0 + 3.0 * sum(net.widths)) for net in self.nets)
        images = 4.0 * 784 * (2 * TRAIN + TEST)
        batch = 12.0 * max(self.batch, self.images) * (784 + 3 * self.hidden)
        fits = (self.steps if SCHEMES[0] in self.schemes else 0) + self.fits * self.iterations
        return images + 4.0 * 3 * largest + batch, len(self.nets) * fits * largest * 3e-9

    def parts(self) -> tuple[str, ...]:
        """Scheme and genome size."""
        return tuple(f"{scheme}, {net.size}" for scheme in self.schemes for net in self.nets)

    def run(self, part: str, seed: int, tell: Tell) -> Results:
        """Innate accuracy over training, the shuffled control, and learning curves after birth."""
        return self.go_on(part, seed, tell, {})

    def go_on(self, part: str, seed: int, tell: Tell, notes: Notes) -> Results:
        """As `run`; genes and the state of Adam are noted at every point of the course."""
        torch.set_num_threads(1)
        scheme, size = part.rsplit(", ", 1)
        net = next(net for net in self.nets if str(net.size) == size)
        x, y, test_x, test_y = _data()
        evolve = self._end_to_end if scheme == SCHEMES[0] else self._alternating
        genes, course = evolve(net, seed, x, y, (test_x[:2000], test_y[:2000]), tell, notes)
        with torch.no_grad():
            born = net.write(genes)
        rng = stream(seed, "bottleneck", "shuffle")
        shuffled = [w.flatten()[torch.from_numpy(rng.permutation(w.numel()))].reshape(w.shape) for w in born]
        return {
            "course": course,
            "innate": accuracy(born, test_x, test_y),
            "shuffled": accuracy(shuffled, test_x, test_y),
            "born": self._learn(born, seed, x, y, test_x, test_y),
            "random": self._learn(random_network(net, seed), seed, x, y, test_x, test_y),
            "genes": net.size,
            "synapses": net.synapses,
        }

    def _end_to_end(
        self, net: LabelNet, seed: int, x: Tensor, y: Tensor, test: tuple[Tensor, Tensor], tell: Tell, notes: Notes
    ) -> tuple[list[Tensor], list[list[float]]]:
        genes, adam, course, _ = begin(net, seed, self.rate, notes)
        for step in range(int(notes.get("done", 0)), self.steps):
            for group in adam.param_groups:
                group["lr"] = self.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))
            rng = stream(seed, "bottleneck", "batches", step)
            rows = torch.from_numpy(rng.integers(len(x), size=self.batch))
            loss = cross_entropy(predict(net.write(genes), x[rows]), y[rows])
            adam.zero_grad()
            torch.autograd.backward(loss)
            adam.step()
            if (step + 1) % max(self.steps // 20, 1) == 0:
                with torch.no_grad():
                    course.append([step + 1, accuracy(net.write(genes), *test)])
                note(notes, step + 1, genes, adam, course, [])
                tell(step + 1, self.steps)
        return [g.detach() for g in genes], course

    def _alternating(
        self, net: LabelNet, seed: int, x: Tensor, y: Tensor, test: tuple[Tensor, Tensor], tell: Tell, notes: Notes
    ) -> tuple[list[Tensor], list[list[float]]]:
        genes, adam, course, network = begin(net, seed, self.rate, notes)
        for iteration in range(int(notes.get("done", 0)), self.iterations):
            for group in adam.param_groups:
                group["lr"] = self.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * iteration / self.iterations)))
            rng = stream(seed, "bottleneck", "images", iteration)
            rows = torch.from_numpy(rng.permutation(len(x))[: self.images])
            network, _ = train(network, [rows[k : k + BATCH] for k in range(0, len(rows), BATCH)], x, y)
            for _ in range(self.fits):  # the genes see every weight; a layer's error is in units of its mean square
                written = net.write(genes)
                loss = torch.stack(
                    [(a - b).square().mean() / b.square().mean().clamp_min(1e-6) for a, b in zip(written, network)]
                ).sum()
                adam.zero_grad()
                torch.autograd.backward(loss)
                adam.step()
            with torch.no_grad():
                written = net.write(genes)
                network = [self.epsilon * w + (1 - self.epsilon) * v for w, v in zip(network, written)]
                if (iteration + 1) % max(self.iterations // 20, 1) == 0:
                    course.append([iteration + 1, accuracy(written, *test)])
                    note(notes, iteration + 1, genes, adam, course, network)
                    tell(iteration + 1, self.iterations)
        return [g.detach() for g in genes], course

    def _learn(
        self, network: Sequence[Tensor], seed: int, x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor
    ) -> Results:
        """Test accuracy after CURVE steps of SGD from birth, at the rate that names most training images before it
        has learned from them; the same images for all networks."""
        rng = stream(seed, "bottleneck", "life")
        batches = [torch.from_numpy(rng.integers(len(x), size=BATCH)) for _ in range(CURVE[-1])]
        tried: list[Results] = []
        for rate in RATES:
            curve, online, now = [], 0, list(network)
            for start, stop in zip((0, *CURVE), CURVE):
                now, right = train(now, batches[start:stop], x, y, rate)
                curve.append(accuracy(now, test_x, test_y))
                online += right
            tried.append({"rate": rate, "online": online / (CURVE[-1] * BATCH), "curve": curve})
        return max(tried, key=lambda one: one["online"]) | {"tried": tried}

    def summary(self, results: Mapping[str, Mapping[str, Any]]) -> Summary:
        """One row per scheme and size; the paper's figures are for 784-800-10."""
        rows, course, after = [], [], []
        for part, found in results.items():
            ratio = found["synapses"] / found["genes"]
            cells = [f"{found[key]:.3f}" for key in ("innate", "shuffled")]
            learned = [f"{found[key]['curve'][k]:.3f}" for k in (1, 4) for key in ("born", "random")]
            rows.append((part, f"{found['genes']:,}", f"{ratio:.0f}x", *cells, *learned))
            xs, ys = zip(*found["course"])
            top = max(xs)
            course.append({"label": part, "x": [v / top for v in xs], "y": list(ys)})
            after.append({"label": f"born, {part}", "x": [s + 1 for s in CURVE], "y": found["born"]["curve"]})
        first = next(iter(results.values()))
        after.append(
            {"label": "random weights", "x": [s + 1 for s in CURVE], "y": first["random"]["curve"], "dashed": True}
        )
        best = max(results.values(), key=lambda found: found["innate"])
        headline = (
            f"Innate accuracy up to {best['innate']:.1%} from {best['genes']:,} genes for {best['synapses']:,} synapses "
            f"({best['synapses'] / best['genes']:.0f} times fewer); shuffled {best['shuffled']:.1%}."
        )
        columns = (
            "scheme, genes",
            "genes",
            "fewer",
            "innate",
            "shuffled",
            *(f"{who}, {CURVE[k]} steps" for k in (1, 4) for who in ("born", "random")),
        )
        pictures: list[Panel] = [
            {"title": "Before birth", "x": "share of evolution", "y": "innate accuracy", "series": course},
            {"title": "After birth", "x": "1 + steps of SGD", "y": "test accuracy", "series": after, "log_x": True},
        ]
        return Summary(headline, columns, tuple(rows), {"bottleneck": pictures})


def _lists(value: Sequence[Any]) -> bool:
    """True for lists of whole numbers."""
    return all(isinstance(w, (list, tuple)) and w and all(type(n) is int for n in w) for w in value)


def _data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """MNIST, all official training and test images: x [60000, 784], y, test_x [10000, 784], test_y. Raises DataMissing."""
    data = idx_set("mnist", 28)
    x, y = torch.from_numpy(data.inputs(slice(None), 1.0)), torch.from_numpy(data.y)  # type: ignore[arg-type]
    return x[:TRAIN], y[:TRAIN], x[TRAIN : TRAIN + TEST], y[TRAIN : TRAIN + TEST]
