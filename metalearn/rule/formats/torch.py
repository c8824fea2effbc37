"""Writes the stand-alone torch file of a rule: formula, feedback pathway, and a small network that learns with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from metalearn.rule.file import rule_of, values_of
from metalearn.rule.source_names import functions_of, meanings, one_line, safe_names
from metalearn.rule.torch_file import FILE

if TYPE_CHECKING:
    from inner.pathways.base import TorchSource
    from inner.rules.rule import Rule

LISTS = False  # one value per coefficient

NORM = "            norm = self.weights[k].square().sum(0, keepdim=True).clamp(min=1e-30).sqrt()\n"
CLOCK = {  # for rules that know the time
    "clock": "        self.now, self.life = 0, 1000  # steps so far; steps of a whole life, of which progress is a share\n",
    "tick": "        self.now += 1\n",
    "life": "    network.life = steps\n",
}
KEEP = {  # homeostasis after the update
    "max_norm": NORM + "            self.weights[k] *= {c} / norm.clamp(min={c})\n",
    "normalise": NORM + "            self.weights[k] *= {c} / norm\n",
    "max_weight": "            self.weights[k].clamp_(-{c}, {c})\n",
}


def text(document: Mapping[str, Any]) -> str:
    """Source of the file of a rule.json."""
    rule, values = rule_of(document), values_of(document)
    return torch_source(rule, values, document, safe_names([*values, *rule.trace_expressions]))


def torch_source(rule: Rule, values: Mapping[str, float], document: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Source of the file; `names` maps coefficients and traces to names that shadow nothing in it.

    Raises ValueError, in one line, for what has no form in such a file: it is named.
    """
    from inner.activations import ACTIVATIONS
    from inner.rules.compiled import trace_sides
    from inner.rules.emit import Dialect
    from inner.rules.functions import functions_in, rendering
    from inner.rules.signals import SIGNALS

    activation = document.get("activation") or "tanh"
    network = document.get("network")
    kind = (network.get("name") if isinstance(network, Mapping) else None) or "mlp"
    sources = {name: row.torch_source for name, row in ACTIVATIONS.items() if row.torch_source}
    for what, name, held in (("activation", activation, sources), ("network", kind, ("mlp",))):
        if name not in held:
            raise ValueError(f"{what}: a torch file can hold {', '.join(held)}, got '{one_line(name)}'")
    pathway = pathway_source(rule)
    value, slope = sources[activation]
    dialect = Dialect(
        number=lambda number: repr(float(number)),
        name=lambda name: names.get(name, name),
        call=lambda name, arguments: f"_{name}({', '.join(arguments)})",
        power=lambda base, exponent: f"{base}**{exponent}",
        divide=lambda above, below: f"{above}/{below}",
    )
    known = [*SIGNALS, *rule.trace_expressions]
    sided = [name for name, side in trace_sides(rule).items() if side != "synapse"]
    functions, updates = [], []
    formulas, calls = functions_of(rule), {}
    for function, expression in formulas.items():
        source, call = _function(function, expression, known, values, names, dialect)
        functions.append(source)
        calls[function] = call
        if function.startswith("trace_"):
            mean = f"(ones * {function}({call})).mean(0)" if function[6:] not in sided else f"{function}({call})"
            updates.append(f'    fresh["{function[6:]}"] = {mean}')
    hidden = network.get("hidden") if isinstance(network, Mapping) else None
    whole = isinstance(hidden, list | tuple) and all(type(h) is int and 0 < h < 10_000 for h in hidden)
    rows = pathway.rows
    signals = signal_sources(rule, formulas)
    needed = [rendering(name, "torch_source").rstrip("\n") for name in functions_in(*formulas.values())]
    own = f"torch.randn({rows}, below, generator=generator) / {rows}**0.5 for below, above in pairs" if rows else ""
    timed = any(SIGNALS[name].per_step for name in signals)
    return FILE.substitute(
        {place: line if timed else "" for place, line in CLOCK.items()},
        title=one_line(document.get("name") or document.get("run") or "An evolved learning rule"),
        formula=f"dw = {rule.with_values(values, digits=6)}"
        + (f"\n    {rule.homeostasis.text}" if rule.homeostasis else ""),
        layer_parameter=", layer" if rule.layers else "",
        layer_argument=(", " + _layer(rule)) if rule.layers else "",
        held="".join(f'                "{name}": {text},\n' for name, text in signals.items()),
        keep=KEEP[rule.homeostasis.kind].format(c=repr(rule.homeostasis.bound)) if rule.homeostasis else "",
        pathway=rule.pathway,
        signals="\n".join(
            f"    {line}" for line in meanings(s.name for e in formulas.values() for s in e.free_symbols)
        ),
        values="\n".join(f'    "{names[n]}": {v!r},' for n, v in values.items()),
        trace_names="".join(f'"{name}", ' for name in rule.trace_expressions).rstrip(),
        sided_names="".join(f'"{name}", ' for name in sided).rstrip(),
        helpers="".join(f"\n{source}\n\n" for source in needed),
        functions="\n\n\n".join(functions + ([_dispatch(rule, calls)] if rule.layers else [])) + "\n",
        trace_updates="\n".join(updates) or "    # this rule has no traces",
        arguments="seen, layer" if rule.layers else calls["dw"],
        own=own,
        activation=value,
        feedback=pathway.feedback,
        slope=slope,
        learn="".join(f"            {line}\n" for line in pathway.after.splitlines()),
        hidden=repr(list(hidden)) if whole and hidden is not None else "[32]",
    )


def pathway_source(rule: Rule) -> TorchSource:
    """The form of the rule's pathway. Raises ValueError where it has none."""
    from inner.components import build, names
    from inner.pathways.base import Pathway

    pathway = cast("Pathway", build("pathway", {"name": rule.pathway, **rule.pathway_options}))
    found = pathway.torch_source()
    if found is None:
        held = [name for name in names("pathway") if cast("Pathway", build("pathway", name)).torch_source()]
        raise ValueError(f"pathway: a torch file can hold {', '.join(held)}, got '{one_line(rule.pathway)}'")
    return found


def signal_sources(rule: Rule, formulas: Mapping[str, Any]) -> dict[str, str]:
    """The form of every signal that the formulas use, and of the two that give a change its shape.

    Raises ValueError for a signal that has none, and for noise in the drives.
    """
    from inner.rules.signals import SIGNALS, before_names

    used = {symbol.name for expression in formulas.values() for symbol in expression.free_symbols}
    used -= set(rule.trace_expressions)
    strange = [name for name, row in SIGNALS.items() if name in used and not row.torch_source]
    strange += [name for name in before_names(rule.trace_expressions) if name in used - set(SIGNALS)]
    if strange:
        raise ValueError(f"signal: a torch file cannot hold '{strange[0]}'")
    if rule.noise:
        raise ValueError(f"noise: a torch file has none in the drives, got {rule.noise}")
    return {name: row.torch_source for name, row in SIGNALS.items() if name in used | {"pre", "post"}}


def _layer(rule: Rule) -> str:
    """The expression, in `step`, that says which formula layer k has."""
    single = {int(key): key for key in rule.layers if key.isdigit()}
    return f'{single}.get(k, "output" if k + 1 == top else "hidden")'


def _dispatch(rule: Rule, calls: Mapping[str, str]) -> str:
    """Source of `dw` for a rule with a formula per layer."""
    lines = ["def dw(seen, layer):", '    """The formula of one layer of synapses."""']
    lines += [f'    if layer == "{key}":\n        return dw_{key}({calls["dw_" + key]})' for key in rule.layers]
    return "\n".join([*lines, f"    return dw_hidden({calls['dw_hidden']})"])


def _function(
    function: str,
    expression: Any,
    known: list[str],
    values: Mapping[str, float],
    names: Mapping[str, str],
    dialect: Any,
) -> tuple[str, str]:
    """Source of one formula, and the arguments to call it with inside `update`."""
    from inner.rules.emit import emit

    used = {symbol.name for symbol in expression.free_symbols}
    seen, coefficients = [n for n in known if n in used], [names[n] for n in values if n in used]
    body = emit(expression, dialect)
    lines = [
        f"def {function}({', '.join(names.get(n, n) for n in seen)}):",
        '    """Elementwise, on tensors that broadcast."""',
    ]
    lines += [f'    {c} = torch.tensor(VALUES["{c}"], dtype=torch.float64)' for c in coefficients]
    lines.append(f"    return {body}")
    return "\n".join(lines), ", ".join(f'seen["{n}"]' for n in seen)
