"""Gradient descent as formulas: methods, schedules, power gradient and normalised steps, composed to one local rule.

    g = mean_b err pre                                          the direction of descent of the pathway's errors
    sgd       dw = eta g
    momentum  m <- momentum m + g;  dw = eta m                                     (Polyak 1964)
    nesterov  m <- momentum m + g;  dw = eta (g + momentum m)                      (Nesterov 1983; Sutskever et al. 2013)
    rmsprop   v <- beta2 v + (1 - beta2) g^2;  dw = eta g / (sqrt(v) + epsilon)    (Tieleman & Hinton 2012)
    adam      m <- beta1 m + (1 - beta1) g;  v as rmsprop;
              dw = eta sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)   (Kingma & Ba 2015, end of section 2)
    amsgrad   as adam with max over time of v in place of v                        (Reddi, Kale & Kumar 2018)

A trace sees the traces before a step, so that `v` and `v_max` lag by one step, and dw adds what this step brings.
power: g -> sign(g) |g|^H (Baiesi 2019). normalise: linear methods divide what each sample adds to g by 1 + k sum pre^2,
the others their step by its mean; the others would not feel a smaller g.
"""

from __future__ import annotations

from inner.components import Plain
from inner.rules.coefficient import Coefficient
from inner.rules.rule import Rule

LINEAR = ("sgd", "momentum", "nesterov")
PLAIN = "plain"  # g itself, for what finds the length of its steps
ADAPTIVE = ("rmsprop", "adam", "amsgrad")
SCHEDULES = {  # factor on eta; progress goes from 0 to 1 in a life, updates counts its steps from 1
    "constant": "",
    "linear": "1 - progress",
    "cosine": "0.5 + 0.5*cos(3.141592653589793*progress)",
    "inverse": "1/(1 + (updates - 1)/tau)",
}
SOURCES = {
    "sgd": "Robbins & Monro 1951",
    "momentum": "Polyak 1964",
    "nesterov": "Nesterov 1983; Sutskever et al. 2013",
    "rmsprop": "Tieleman & Hinton 2012",
    "adam": "Kingma & Ba 2015",
    "amsgrad": "Reddi, Kale & Kumar 2018",
    "muon": "Jordan et al. 2024",
    "foof": "Benzing 2022",
    "fletcher_reeves": "Fletcher & Reeves 1964",
    "polak_ribiere": "Polak & Ribiere 1969",
}
TINY = "1e-30"  # keeps log(|g|) finite where g is 0

KNOWN = {
    c.name: c
    for c in (
        Coefficient("eta", 0.03, "log", low=1e-6, high=10.0),
        Coefficient("momentum", 0.9, "linear", 0.1, low=0.0, high=0.99),
        Coefficient("beta1", 0.9, "linear", 0.1, low=0.0, high=0.99, fixed=True),
        Coefficient("beta2", 0.999, "linear", 0.01, low=0.0, high=0.9999, fixed=True),
        Coefficient("epsilon", 1e-8, "log", fixed=True),
        Coefficient("k", 0.02, "log", low=1e-4, high=100.0),
        Coefficient("H", 0.7, "linear", 0.1, low=0.0, high=1.0),
        Coefficient("tau", 300.0, "log", low=1.0, high=1e5),
        Coefficient("damping", 0.2, "log", low=1e-4, high=100.0),
        Coefficient("memory", 0.95, "linear", 0.1, low=0.8, high=0.999, fixed=True),
    )
}
INITIAL = {  # where a search starts, from lives on digits of 1 to 5 hidden layers and 100 to 800 steps of one sample
    "momentum": {"eta": 0.003}, "nesterov": {"eta": 0.003}, "rmsprop": {"eta": 0.0008}, "adam": {"eta": 0.003},
    "amsgrad": {"eta": 0.003}, "muon": {"eta": 0.01}, "foof": {"eta": 0.08},
    "fletcher_reeves": {"eta": 0.5, "damping": 0.3}, "polak_ribiere": {"eta": 0.5, "damping": 0.3},
}  # fmt: skip


def coefficients_of(
    method: str, names: tuple[str, ...], others: tuple[Coefficient, ...] = ()
) -> tuple[Coefficient, ...]:
    """The coefficients of these names with a method's own initial values; `others` are those of a pathway's options."""
    known = {c.name: c for c in others} | KNOWN
    rows = {name: known[name].to_dict() for name in names}
    for name in set(rows) & set(INITIAL.get(method, {})):
        rows[name]["init"] = INITIAL[method][name]
    return tuple(Coefficient.from_dict(name, row) for name, row in rows.items())


def factor_of(schedule: str, warmup: float) -> str:
    """The formula of the factor on eta; "" for 1."""
    parts = [f"({SCHEDULES[schedule]})"] if SCHEDULES[schedule] else []
    parts += [f"min(1, progress/{warmup!r})"] if warmup else []
    return "*".join(parts)


def gradient(normalise: bool) -> str:
    """What a sample adds to g."""
    return "err*pre/(1 + k*pre_power)" if normalise else "err*pre"


def powered(text: str) -> str:
    """sign(x) |x|^H."""
    return f"sign({text})*exp(H*log(abs({text}) + {TINY}))"


def direction(method: str, normalise: bool, power: bool) -> tuple[str, dict[str, str]]:
    """dw without eta and schedule, and the traces that it reads."""
    linear = method in (*LINEAR, PLAIN)
    sample = gradient(normalise and linear and not power)
    if linear and not power:
        remembered = {"m": f"momentum*m + {sample}"}
        return {
            "momentum": ("m", remembered), "nesterov": (f"({sample} + momentum*m)", remembered),
        }.get(method, (sample, {}))  # fmt: skip
    g = powered("g") if power else "g"
    traces = {"g": sample}
    if linear:
        m = f"(momentum*m + {g})"
        traces |= {"m": m} if method != "sgd" else {}
        return {"sgd": g, "momentum": m, "nesterov": f"({g} + momentum*{m})"}[method], traces
    square = f"({g})**2" if power else "g**2"
    v = f"(beta2*v + (1 - beta2)*{square})"
    traces["v"] = v
    if method == "rmsprop":
        return f"{g}/(sqrt{v} + epsilon)", traces
    if power:
        traces["m"] = m = f"(beta1*m + (1 - beta1)*{g})"
    else:
        traces["m"], m = f"beta1*m + (1 - beta1)*{sample}", "m"
    if method == "amsgrad":
        traces["v_max"], v = f"max(v_max, {v})", f"(max(v_max, {v}))"
    return f"{m}/(sqrt{v} + epsilon)", traces


def rule_of(
    method: str, pathway: str | Plain, schedule: str, warmup: float, normalise: bool, power: bool, name: str = ""
) -> Rule:
    """The local rule of a method. Its coefficients have the initial values from which a search of their values starts."""
    dw, traces = direction(method, normalise, power)
    parts = [factor_of(schedule, warmup)] if factor_of(schedule, warmup) else []
    if method in ("adam", "amsgrad"):
        traces |= {"born1": "beta1*born1 + (1 - beta1)", "born2": "beta2*born2 + (1 - beta2)"}  # 1 - beta^t
        parts += ["sqrt(beta2*born2 + (1 - beta2))/(beta1*born1 + (1 - beta1))"]
    by_step = normalise and (method not in (*LINEAR, PLAIN) or power)
    if parts or by_step:  # of its own: a formula with two denominators would be computed sample by sample
        traces["rate"] = ("*".join(parts) or "1") + ("/(1 + k*pre_power)" if by_step else "")
        dw = f"rate*{dw}"
    plain = {"name": name, "dw": dw if method == PLAIN else f"eta*{dw}", "traces": traces, "pathway": pathway}
    bare = Rule.from_dict(plain)
    names = tuple(c.name for c in bare.coefficients)
    rows = {c.name: c.to_dict() for c in coefficients_of(method, names, bare.coefficients)}
    return Rule.from_dict({**plain, "coefficients": rows})
