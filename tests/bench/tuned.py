"""The yardstick's workloads as somebody would write them by hand in torch: what the eager engine is measured against.

Every term folded, one product per distinct factor, weights changed in place, as many candidates at once as is fastest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

AT_ONCE = {
    "W1, P=64, B=1": 64,
    "W1, P=64, B=32": 16,
    "W2, P=16, B=32": 2,
    "W2, P=64, B=32": 2,
    "W3, P=64, B=1": 4,
}  # found by trying
Coefficients = tuple[Tensor, ...]  # c0 .. c7 of one layer [N, 1, O], eta and 1 / B multiplied in; c4 + 1
Change = Callable[[Tensor, Tensor, Tensor, Tensor, Coefficients], None]  # w, pre, post, err, coefficients: w in place


def lives(title: str, d: dict, names: list[str], steps: int) -> Callable[[], list[tuple[Tensor, Tensor]]]:
    """Whole lives of all candidates from the first one's weights, by the arrays of `workloads.inputs`."""
    x, y, feedback = (torch.tensor(d[key]) for key in ("x", "y", "feedback"))
    order = torch.tensor(np.resize(d["order"], (steps, d["order"].shape[1])).astype(np.int64))
    population, batch, size = len(d["rows"]), order.shape[1], AT_ONCE[title]
    change = synapse_by_synapse if title.startswith("W3") else one_sample if batch == 1 else samples
    theta = torch.tensor(d["rows"], dtype=torch.float32)[:, :1].expand(-1, 2, -1)

    def values(start: int, layer: int, units: int) -> Coefficients:
        own = {name: theta[start : start + size, layer, n, None, None] for n, name in enumerate(names)}
        if title.startswith("W3"):
            return tuple(torch.cat([own[f"{letter}{k}"] for k in range(8)], 1) for letter in "abcdgo")
        scaled = [own["eta"] * own[f"c{k}"] for k in range(8)]
        scaled[4] = scaled[4] + 1
        for k in (3, 6, 7):
            scaled[k] = scaled[k] / batch
        return tuple(value.expand(-1, 1, units).contiguous() for value in scaled)

    def work() -> list[tuple[Tensor, Tensor]]:
        found = []
        for start in range(0, population, size):
            w1, w2 = (torch.tensor(d[key][:1]).float().repeat(size, 1, 1) for key in ("w1", "w2"))
            each = feedback.expand(size, -1, -1).contiguous()
            lower, upper = values(start, 0, w1.shape[2]), values(start, 1, w2.shape[2])
            for picks in order:
                pre = x.index_select(0, picks).expand(size, -1, -1)
                h = torch.bmm(pre, w1).tanh_()
                p = torch.bmm(h, w2)
                p = p.sub_(p.amax(-1, keepdim=True)).exp_()
                p.div_(p.sum(-1, keepdim=True))
                error = y.index_select(0, picks) - p
                back = torch.bmm(error, each)
                back = torch.addcmul(back, back * h, h, value=-1)
                change(w1, pre, h, back, lower)
                change(w2, h, p, error, upper)
            found.append((w1, w2))
        return found

    return work


def one_sample(w: Tensor, pre: Tensor, post: Tensor, err: Tensor, c: Coefficients) -> None:
    gain = torch.addcmul(torch.addcmul(c[5], c[1], err), post, torch.addcmul(c[0], c[2], err))
    w.mul_(torch.addcmul(c[4], c[3], post * post)).add_(torch.addcmul(c[6] * post, c[7], err))
    w.addcmul_(pre.transpose(1, 2), gain)


def samples(w: Tensor, pre: Tensor, post: Tensor, err: Tensor, c: Coefficients) -> None:
    gain = torch.addcmul(torch.addcmul(c[5], c[1], err), post, torch.addcmul(c[0], c[2], err))
    scale = torch.addcmul(c[4], c[3], (post * post).sum(1, keepdim=True))
    offset = torch.addcmul(c[6] * post.sum(1, keepdim=True), c[7], err.sum(1, keepdim=True))
    torch.addcmul(offset, w, scale, out=w).baddbmm_(pre.transpose(1, 2), gain, alpha=1 / pre.shape[1])


def synapse_by_synapse(w: Tensor, pre: Tensor, post: Tensor, err: Tensor, c: Coefficients) -> None:
    a, b, own_err, own_w, bias, out = c  # each [N, 8, 1]
    columns = torch.addcmul(torch.addcmul(bias, b, post), own_err, err)[:, :, None]
    inside = (a * pre)[..., None] + columns  # [N, 8, I, O]
    inside.addcmul_(w[:, None], own_w[..., None]).tanh_()
    n, rows, units = w.shape
    w.view(n, 1, -1).baddbmm_(out.transpose(1, 2), inside.view(n, 8, rows * units))
