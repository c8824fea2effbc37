"""Exploration of a rule: noise in the drives of its units, and the baseline that a reward is compared with.

    noise: sigma                                         # a number, or the name of a coefficient
    surprise: {baseline: mean, rate: 0.05, over: sample, of: reward}

baseline `mean` is a running mean of the reward, m <- m + max(rate, 1 / n) (R - m) after n scored steps, so that it is the
plain mean at first; `clean` is the reward of the same samples without noise, at the cost of a second forward pass. over:
`sample` compares every sample's reward, `step` the mean reward of the step's samples (one number for the whole batch). of:
`reward`, which for classes says right or wrong alone, or `loss`, minus the loss of the target in nats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inner.components import Plain, suggest

BASELINES = ("mean", "clean")
SCOPES = ("sample", "step")
OF = ("reward", "loss")


@dataclass(frozen=True)
class Surprise:
    """How `surprise` is made of the reward. Raises ValueError, in one line, for an option that makes no sense."""

    baseline: str = "mean"
    rate: float = 0.05  # of the running mean
    over: str = "sample"
    of: str = "reward"

    def __post_init__(self) -> None:
        for name, allowed in (("baseline", BASELINES), ("over", SCOPES), ("of", OF)):
            value = getattr(self, name)
            if value not in allowed:
                near = suggest(str(value), allowed)
                raise ValueError(
                    f"rule.surprise.{name}: expected one of {', '.join(allowed)}, got {str(value)[:40]!r}{near}"
                )
        number = isinstance(self.rate, int | float) and not isinstance(self.rate, bool)
        if not number or not 0 < self.rate <= 1:
            raise ValueError(f"rule.surprise.rate: expected a number above 0 and at most 1, got {str(self.rate)[:40]}")

    @classmethod
    def from_dict(cls, mapping: Any) -> Surprise:
        """From its options; nothing gives the defaults."""
        if mapping is None:
            return cls()
        known = [field.name for field in fields(cls)]
        if not isinstance(mapping, Mapping):
            raise ValueError(f"rule.surprise: expected a mapping of {', '.join(known)}, got {str(mapping)[:40]!r}")
        for key in mapping:
            if key not in known:
                near = suggest(str(key), known)
                raise ValueError(f"rule.surprise: unknown key {str(key)[:40]!r}{near}; known: {', '.join(known)}")
        return cls(**mapping)

    def to_dict(self) -> Plain:
        """Such that `from_dict(to_dict())` is the same."""
        made: Plain = {"baseline": self.baseline, "rate": self.rate, "over": self.over}
        return made if self.of == "reward" else made | {"of": self.of}


def check_noise(noise: Any) -> None:
    """Raise ValueError unless `noise` is a standard deviation or the name of a coefficient."""
    if isinstance(noise, str) and noise.isidentifier():
        return
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise <= 1e6:
        raise ValueError(f"rule.noise: expected a number from 0 to 1e6 or a coefficient's name, got {str(noise)[:40]!r}")
