"""Devices of lives: the processor, or a GPU that torch can use. Random draws stay on the processor, so births are the same."""

from __future__ import annotations

import torch

from inner.components import suggest

DEVICES = ("cpu", "cuda", "auto")


def resolve(name: str) -> str:
    """ "cpu" or "cuda"; `auto` is the GPU where there is one. Raises ValueError for an unknown name, and without a GPU."""
    if name not in DEVICES:
        raise ValueError(f"device: unknown name '{name}'{suggest(str(name), DEVICES)}; known: {', '.join(DEVICES)}")
    if name == "cpu":
        return name
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ValueError("device: expected cpu or auto, because torch finds no GPU here, got cuda")
    return "cuda" if there else "cpu"


def describe(name: str) -> str:
    """The printed name of a resolved device: "cpu", or the GPU's name."""
    return torch.cuda.get_device_name() if name == "cuda" else name
