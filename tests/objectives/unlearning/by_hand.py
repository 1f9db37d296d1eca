"""Losses computed by hand: one or two rows for each method (unlearning)."""

from __future__ import annotations

import math

from objectives.plain_views import one_each, sigmoid


def stated(policy: float, **statistics: float) -> dict[str, object]:
    """A view of one response of one token, with statistics of its distribution."""
    return {**one_each(policy, policy), **{name: [[value]] for name, value in statistics.items()}}


def inside(policy: float, state: list[float], reference: list[float]) -> dict[str, object]:
    """A view of one response of one token, with its state in layer 7 under policy and reference."""
    layers = {"activations": {"7": [[state]]}, "reference_activations": {"7": [[reference]]}}
    return {**one_each(policy, policy), **layers}


BY_HAND = [
    (
        "grad-diff",
        {"forget_coeff": 0.5, "retain_coeff": 2.0},
        {"forget": one_each(-1.25), "retain": one_each(-2.0)},
        3.375,
    ),
    ("gradient-ascent", {}, {"forget": one_each(-1.25)}, -1.25),
    ("retain-nll", {}, {"retain": one_each(-2.0)}, 2.0),
    ("retain-kl", {}, {"retain": stated(-2.0, reference_kl=0.3)}, 0.3),
    ("retain-kl", {"positions": "all"}, {"retain_joint": stated(-2.0, reference_kl=0.3)}, 0.3),
    # d = 1: (2/0.5) log(1 + e^{0.5})
    ("npo", {"beta": 0.5}, {"forget": one_each(-1.0, -2.0)}, 4 * math.log1p(math.exp(0.5))),
    # 2/2 · −log σ(2 (1.5 − 0.5))
    ("simnpo", {"beta": 2.0, "gamma": 0.5}, {"forget": one_each(-1.5)}, -math.log(sigmoid(2.0))),
    # two tokens together: (1 + 3) / 2, of one example
    ("idk", {}, {"idk": one_each(-1.0), "retain": one_each(-3.0)}, 2.0),
    # d_idk − d_forget = 1 − (−0.5)
    (
        "idk-dpo",
        {"beta": 0.5},
        {"idk": one_each(-1.0, -2.0), "forget": one_each(-2.5, -2.0)},
        -4 * math.log(sigmoid(0.75)),
    ),
    ("wga", {"beta": 2.0}, {"forget": one_each(-0.5)}, -0.5 * math.exp(-1.0)),
    (
        "satimp",
        {"beta1": 2.0, "beta2": 1.0},
        {"forget": one_each(-0.5)},
        -0.5 * math.exp(-1.0) * (1 - math.exp(-0.5)),
    ),
    ("undial", {}, {"forget": stated(-1.0, **{"undial_cross_entropy(beta=10.0)": 0.7})}, 0.7),
    (
        "ce-u",
        {"ignore_first_n_answer_tokens": 0},
        {"forget": stated(-1.0, ceu_cross_entropy=0.7)},
        0.7,
    ),
    # 2 · 4 + w 1.5 with w = max(0, 1 + 0.5 (1.5 − 1))
    (
        "pdu",
        {"forget_coeff": 2.0, "step_size": 0.5},
        {"forget": stated(-1.0, logit_spread=4.0), "retain": stated(-1.5, logit_spread=0.0)},
        8.0 + 1.25 * 1.5,
    ),
    # c = 0: the mean of 1 and 9, and 3 times that of 0 and 4
    (
        "rmu",
        {"steering_coeff": 0.0, "alpha": 3.0},
        {"forget": inside(-1.0, [1.0, 3.0], [0.0, 0.0]), "retain": inside(-1.0, [1.0, 2.0], [1.0, 0.0])},
        5.0 + 3.0 * 2.0,
    ),
]
