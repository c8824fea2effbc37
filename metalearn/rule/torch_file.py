"""The text of an exported torch file, with places for what a rule, its pathway and an activation put there."""

from __future__ import annotations

from string import Template

FILE = Template('''"""$title: needs only torch; `python` this file to see it learn a small problem.

    $formula

Feedback pathway: $pathway. Signals of one layer with I inputs and O outputs, B samples:
$signals
"""

import torch

VALUES = {
$values
}
TRACES = ($trace_names)
SIDED = ($sided_names)  # traces that see one side of a synapse: every sample has its own

$helpers
$functions

def update(signals, traces$layer_parameter):
    """dw [I, O] of one layer, averaged over its samples, and the new traces [I, O], or [B, I, O] where they see one side."""
    ones = torch.ones_like(signals["pre"] * signals["post"])
    seen = dict(signals, **traces)
    for name in SIDED:
        if seen[name].dim() and len(seen[name]) != len(ones):  # of another number of samples: go on from their mean
            seen[name] = seen[name].mean(0, keepdim=True)
    fresh = {}
$trace_updates
    seen.update(fresh)
    return (ones * dw($arguments)).mean(0), fresh


class Network:
    """Fully connected layers; the bias is a synapse from a unit that is always 1. Weights are [I + 1, O]."""

    def __init__(self, sizes, seed=0):
        generator = torch.Generator().manual_seed(seed)
        pairs = list(zip(sizes, sizes[1:]))
        self.weights = [
            torch.cat([torch.randn(below, above, generator=generator) / below**0.5, torch.zeros(1, above)])
            for below, above in pairs
        ]
$clock        self.own = [$own]  # feedback weights
        self.traces = [
            {name: torch.zeros(()) if name in SIDED else torch.zeros_like(w) for name in TRACES} for w in self.weights
        ]

    def forward(self, x):
        """Input, pre-activation and output of every layer; softmax at the output."""
        pres, drives, posts = [], [], []
        for k, w in enumerate(self.weights):
            pre = torch.cat([x, torch.ones_like(x[:, :1])], 1)
            drive = pre @ w
            x = torch.softmax(drive, 1) if k + 1 == len(self.weights) else $activation
            pres.append(pre)
            drives.append(drive)
            posts.append(x)
        return pres, drives, posts

    def feedback(self, k, err_above, err_out, reward, target):
        """What the units of layer k (0 is the input) hear of the error [B, units]."""
        w = self.weights[k][:-1]
        return $feedback

    @torch.no_grad()
    def step(self, x, target):
        """One update from x [B, I] and one-hot targets [B, O]; returns the output before it."""
$tick        pres, drives, posts = self.forward(x)
        output, top = posts[-1], len(self.weights)
        err_out = target - output
        right = output.argmax(1, keepdim=True) == target.argmax(1, keepdim=True)
        reward = right.to(x.dtype) * 2 - 1
        slopes = [torch.ones_like(x)]
        for drive, post in zip(drives[:-1], posts[:-1]):
            slopes.append($slope)
        slopes.append(torch.ones_like(output))
        feedback, err = {top: err_out}, {top: err_out}
        for k in range(top - 1, -1, -1):
            feedback[k] = self.feedback(k, err[k + 1], err_out, reward, target)
            err[k] = feedback[k] * slopes[k]
        changes = []
        for k, w in enumerate(self.weights):
            post = posts[k]
            signals = {  # pre side [B, I, 1], post side [B, 1, O], synapse side [I, O], global [B, 1, 1]
$held            }
            change, self.traces[k] = update(signals, self.traces[k]$layer_argument)
            changes.append(change)
        for k, change in enumerate(changes):
            self.weights[k] += change
$learn$keep        return output


def demo(steps=400, batch=16):
    """Four noisy clusters in eight dimensions: accuracy on fresh samples before and after learning."""
    generator = torch.Generator().manual_seed(1)
    centres = torch.randn(4, 8, generator=generator)

    def sample(count):
        labels = torch.randint(4, (count,), generator=generator)
        return centres[labels] + 0.5 * torch.randn(count, 8, generator=generator), labels

    network = Network([8, *$hidden, 4])
$life    test_x, test_labels = sample(1000)

    def accuracy():
        return (network.forward(test_x)[2][-1].argmax(1) == test_labels).float().mean().item()

    before = accuracy()
    for _ in range(steps):
        x, labels = sample(batch)
        network.step(x, torch.nn.functional.one_hot(labels, 4).float())
    print(f"accuracy before {before:.3f}, after {steps} steps {accuracy():.3f}")


if __name__ == "__main__":
    demo()
''')
