"""The notes of a long training in the genomic bottleneck: genes, the state of Adam, accuracies and the network, as JSON."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from outer.genome.label_net import LabelNet
from outer.studies.base import Notes


def begin(
    net: LabelNet, seed: int, rate: float, notes: Notes
) -> tuple[list[Tensor], torch.optim.Adam, list[list[float]], list[Tensor]]:
    """Genes, Adam, the accuracies so far and the network: at the start, or as they were noted."""
    genes = [g.requires_grad_(True) for g in net.init(seed)]
    adam = torch.optim.Adam(genes, lr=rate)
    if "done" not in notes:
        with torch.no_grad():
            return genes, adam, [], [w.clone() for w in net.write(genes)]
    with torch.no_grad():
        for gene, (value, mean, square) in zip(genes, notes["genes"]):
            gene.copy_(torch.tensor(value))
            step = torch.tensor(float(notes["updates"]))
            adam.state[gene] = {"step": step, "exp_avg": torch.tensor(mean), "exp_avg_sq": torch.tensor(square)}
    return genes, adam, [list(point) for point in notes["course"]], [torch.tensor(w) for w in notes["network"]]


def note(
    notes: Notes,
    done: int,
    genes: Sequence[Tensor],
    adam: torch.optim.Adam,
    accuracies: Sequence[Sequence[float]],
    network: Sequence[Tensor],
) -> None:
    """Write the notes that `begin` reads; numbers of 32 bits survive JSON."""
    held = [adam.state[gene] for gene in genes]
    values = [[gene.detach(), own["exp_avg"], own["exp_avg_sq"]] for gene, own in zip(genes, held)]
    notes.update(
        done=done,
        updates=int(held[0]["step"]),
        genes=[[value.tolist() for value in three] for three in values],
        course=[list(point) for point in accuracies],
        network=[w.tolist() for w in network],
    )
