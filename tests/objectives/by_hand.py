"""Losses computed by hand: the battery's rows of numbers, one or two for each method."""

from __future__ import annotations

import math
from typing import Any


def one_each(policy: float, reference: float | None = None) -> dict[str, Any]:
    """A view of one response of one token."""
    return {"policy": [[policy]], "reference": None if reference is None else [[reference]]}


def sigmoid(value: float) -> float:
    """σ of a number."""
    return 1 / (1 + math.exp(-value))


#: A pair whose chosen response has gained one nat.
UP_ONE = {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)}
#: A prompt with two responses of which the first has gained one nat and should have three quarters of the weight.
ONE_OF_TWO = {
    "responses": {"policy": [[-1.0], [-3.0]], "reference": [[-2.0], [-3.0]]},
    "groups": [[0, 1]],
    "scores": [[math.log(3), 0.0]],
}

# id, hyper-parameters, views of one token, the loss computed by hand
BY_HAND = [
    (
        "dpo",
        {"beta": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-0.5)),
    ),
    (
        "dpo",
        {"beta": 2.0, "reference_free": True},
        {"chosen": one_each(-1.0), "rejected": one_each(-1.5)},
        math.log1p(math.exp(-1.0)),
    ),
    ("ipo", {"beta": 0.5}, {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -5.0)}, 4.0),
    ("nll", {}, {"chosen": one_each(-1.25)}, 1.25),
    (
        "spin",
        {"beta": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-0.5)),
    ),
    (
        "spin",
        {"beta": 0.5, "loss_type": "hinge"},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        0.5,
    ),
    (
        "sppo",
        {"beta": 0.1},
        {
            "chosen": one_each(-1.0, -2.0),
            "rejected": one_each(-3.0, -3.0),
            "chosen_win_rate": [0.7],
            "rejected_win_rate": [0.4],
        },
        1.0,
    ),
    (
        "grpo",
        {},
        {"responses": {"policy": [[-1.0]], "old": [[-1.0 - math.log(1.5)]]}, "advantages": [2.0]},
        -2.4,
    ),
    (
        "rdpo",
        {"beta": 0.5, "label_smoothing": 0.25},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        2 * (0.75 * math.log1p(math.exp(-0.5)) - 0.25 * math.log1p(math.exp(0.5))),
    ),
    ("slic-hinge", {"beta": 0.5}, {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)}, 0.5),
    ("slic-hinge", {"beta": 2.0}, {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)}, 0.0),
    (
        "cdpo",
        {"beta": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0), "probabilities": [0.75]},
        0.75 * math.log1p(math.exp(-0.5)) + 0.25 * math.log1p(math.exp(0.5)),
    ),
    ("slic-hf", {"delta": 3.0, "lambda": 0.5}, {"chosen": one_each(-1.0), "rejected": one_each(-2.0)}, 2.5),
    ("rso-hinge-norm", {"gamma": 0.5}, {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)}, 0.5),
    (
        "rso-sigmoid-norm",
        {"gamma": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-0.5)),
    ),
    (
        "f-dpo",
        {"beta": 2.0, "divergence": "alpha", "alpha": 0.5},
        {"chosen": one_each(-1.0, -1.0), "rejected": one_each(-3.0, -3.0 + 2 * math.log(2))},
        math.log1p(math.exp(-4.0)),
    ),
    (
        "f-dpo",
        {"beta": 1.0, "divergence": "js"},
        {"chosen": one_each(-1.0, -1.0), "rejected": one_each(-3.0, -3.0 + math.log(3))},
        math.log(1.5),
    ),
    (
        "gdpo",
        {"beta": 0.5},
        {"chosen": one_each(-1.0, -3.0), "rejected": one_each(-3.0, -3.0), "probabilities": [0.75]},
        math.log1p(math.exp(-0.5)),
    ),
    (
        "cipo",
        {"beta": 0.25},
        {"chosen": one_each(-1.0, -3.0), "rejected": one_each(-3.0, -3.0), "probabilities": [0.75]},
        1.0,
    ),
    (
        "gipo",
        {"beta": 0.125},
        {"chosen": one_each(-1.0, -3.0), "rejected": one_each(-3.0, -3.0), "probabilities": [0.75]},
        1.0,
    ),
    (
        "gipo",
        {"beta": 0.125, "target": "fixed"},
        {"chosen": one_each(-1.0, -3.0), "rejected": one_each(-3.0, -3.0), "probabilities": [0.75]},
        9.0,
    ),
    (
        "ropo",
        {"beta": 0.5, "alpha": 4.0, "gamma": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        0.5 * math.log1p(math.exp(-0.5)) + 4 / (1 + math.exp(0.5)),
    ),
    (
        "gropo",
        {"beta": 0.5, "alpha": 4.0, "gamma": 0.5},
        {"chosen": one_each(-1.0, -3.0), "rejected": one_each(-3.0, -3.0), "probabilities": [0.75]},
        0.5 * math.log1p(math.exp(-0.5)) + 4 / (1 + math.exp(0.5)),
    ),
    (
        "cal-dpo",
        {"beta": 0.25, "calibration_weight": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-1.0)) + 0.5 * (1 + 4),
    ),
    (
        "rpo-regularized",
        {"beta": 0.5, "eta": 0.1},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-0.5)) + 0.05,
    ),
    (
        "dpop",
        {"beta": 0.5, "lambda": 2.0},
        {"chosen": one_each(-2.0, -1.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(1.5)),
    ),
    (
        "flex-dpo",
        {"beta_plus": 0.5, "beta_minus": 0.25},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -1.0)},
        math.log1p(math.exp(-1.0)),
    ),
    (
        "dpo-sft",
        {"beta": 0.5, "lambda": 0.1},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-0.5)) + 0.1,
    ),
    (
        "dpo-gamma-ref",
        {"beta": 0.5, "gamma": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -4.0)},
        math.log1p(math.exp(-0.5)),
    ),
    (
        "odpo",
        {"beta": 0.5, "alpha": 2.0},
        {
            "chosen": one_each(-1.0, -2.0),
            "rejected": one_each(-3.0, -3.0),
            "chosen_scores": [4.0],
            "rejected_scores": [1.0],
        },
        math.log1p(9 * math.exp(-0.5)),
    ),
    (
        "r-dpo",
        {"beta": 0.5, "alpha": 0.25},
        {
            "chosen": {"policy": [[-1.0, -1.0, -1.0]], "reference": [[-1.0, -2.0, -1.0]]},
            "rejected": one_each(-3.0, -3.0),
        },
        math.log1p(math.exp(-1.0)),
    ),
    *[
        # Log-ratio 1 of the chosen response, 0 of the rejected one, and β = log 3: σ(β Δ) = 3/4.
        (
            name,
            {"beta": math.log(3.0), **hyper},
            {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
            value,
        )
        for name, hyper, value in [
            ("exo-pref", {"label_smoothing": 0.25}, 0.0),
            ("exo-pref-official", {"log_epsilon": -1.0}, 0.75 * math.log(0.75) + 0.25 * (math.log(0.25) + 1)),
            ("nca", {}, -math.log(0.75) - 0.5 * math.log(0.25) - 0.5 * math.log(0.5)),
            ("infonca", {}, -math.log(0.75)),
            ("nca-biased", {}, -math.log(0.75) - math.log(0.5)),
            ("apo-zero", {}, 0.25 + 0.5),
            ("apo-down", {}, 0.75 + 0.25),
            ("aot-paired", {"label_smoothing": 0.1}, -0.9 * math.log(0.75) - 0.1 * math.log(0.25)),
            ("aot-unpaired", {"label_smoothing": 0.1}, -0.9 * math.log(0.75) - 0.1 * math.log(0.25)),
            ("discopop-lrml", {"tau": 1.0}, -0.25 * math.log(0.75) + 0.75 / 3),
            ("discopop-cell", {}, 0.5 / 3 - 0.5 * math.log(0.75)),
            ("discopop-padll", {}, -0.9 * math.log(0.75)),
            ("discopop-pfl", {}, -0.5 * math.log(0.75)),
            # A batch of one has no deviation; the hinge is 0 at z > 1.
            ("discopop-aql", {"tau": 1.0}, -math.log(0.75) / (1 + math.exp(math.log(3.0) - 0.5025))),
            ("discopop-aqfl", {"tau": 1.0}, -math.log(0.75) / (1 + math.exp(-0.1 * (math.log(3.0) - 0.0375)))),
            ("discopop-dbaql", {}, 0.5 * math.log1p(3 ** (-1 / 0.9)) + 0.5 * 3**-0.9),
            ("constrained-po", {}, -math.log(0.75)),
        ]
    ],
    (
        "constrained-po",
        {"beta": 2.0, "variant": "cpo", "gamma": 0.5, "tau": 1.0, "alpha": 2.0},
        {"chosen": one_each(-1.0, -2.5), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-2 * (1.5 - math.log(2.0) / 2))),
    ),
    (
        "constrained-po",
        {"beta": 2.0, "variant": "easy", "gamma": 0.6, "margin_sign": -1},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-(2.0 - 0.5))),
    ),
    ("simpo", {"gamma": 1.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, math.log(2.0)),
    ("cpo", {"beta": 2.0, "loss_type": "ipo"}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, 0.0625),
    ("cpo-simpo", {"beta": 2.0, "gamma": 1.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, math.log(2.0)),
    (
        "orpo",
        {"lambda": 0.5},
        {"chosen": one_each(math.log(0.5)), "rejected": one_each(math.log(0.25))},
        math.log(2.0) + 0.5 * math.log(4 / 3),
    ),
    (
        "madpo",
        {"beta": 0.5},
        {**UP_ONE, "chosen_score": [1.0], "rejected_score": [0.0]},
        sigmoid(0.5 + 1.5 / (1 + 2 * math.exp(-1.0))) / sigmoid(1.0) * math.log1p(math.exp(-0.5)),
    ),
    ("beta-dpo", {"beta": 0.5, "momentum": 0.5}, {**UP_ONE, "kept": [1]}, math.log1p(math.exp(-0.65))),
    (
        "power",
        {"beta": 2.0, "eta": 0.5},
        {"chosen": one_each(-1.0), "rejected": one_each(-3.0)},
        math.log1p(math.exp(-4.0)) + 1.0,
    ),
    (
        "power-dl",
        {"beta": 0.5, "eta": 0.0, "gamma": 0.5},
        {"chosen": one_each(-1.0), "rejected": one_each(-3.0)},
        math.log1p(math.exp(-1.0)) + 0.5 * (1 - sigmoid(1.0)),
    ),
    (
        "adpo-pairwise",
        {"tau": 2.0},
        {**UP_ONE, "probability": [0.75]},
        0.75 * math.log1p(math.exp(-0.5)) + 0.25 * math.log1p(math.exp(0.5)),
    ),
    (
        "adpo-listwise",
        {"tau": 1.0, "beta_reward": 1.0, "target": "softmax"},
        ONE_OF_TWO,
        math.log1p(math.exp(-1.0)) + 0.25,
    ),
    (
        "exo-rw",
        {"beta_policy": 1.0, "beta_reward": 1.0},
        ONE_OF_TWO,
        sigmoid(1.0) * math.log(sigmoid(1.0) / 0.75) + sigmoid(-1.0) * math.log(sigmoid(-1.0) / 0.25),
    ),
    ("dpo-rw", {"beta_policy": 1.0, "beta_reward": 1.0}, ONE_OF_TWO, math.log1p(math.exp(-1.0)) + 0.25),
    ("infonca-reward", {"beta": 1.0}, ONE_OF_TWO, math.log1p(math.exp(-1.0)) + 0.25),
    ("nca-reward", {"beta": 1.0}, ONE_OF_TWO, 1.25 * math.log1p(math.exp(-1.0)) + 0.5 + 0.75 * math.log(2)),
    (
        "ddo-rm",
        {},
        {
            "responses": {"policy": [[-1.0, -1.0], [-1.0 - math.log(3)]]},
            "groups": [[0, 1]],
            "rewards": [0.0, math.log(3)],
        },
        -0.5 * math.log(0.75 * 0.25),
    ),
    (
        "logic",
        {"formula": "M(l) implies M(w)", "beta": 2.0},
        {"chosen": one_each(math.log(0.5)), "rejected": one_each(math.log(0.8))},
        math.log1p((0.4 / 0.6) ** 2),
    ),
    (
        "dove",
        {"beta": 0.5},
        {
            "chosen": {**one_each(-1.0, -2.0), "prompt_policy": [[-1.0]], "prompt_reference": [[-4.0]]},
            "rejected": {**one_each(-3.0, -3.0), "prompt_policy": [[-2.0]], "prompt_reference": [[-1.0]]},
        },
        math.log1p(math.exp(-2.5)),
    ),
    (
        "rationale-dpo",
        {"beta": 0.5, "gamma": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0), "rationale": {"policy": [[-1.0, -1.0]]}},
        math.log1p(math.exp(-0.5)) + math.log1p(math.exp(1.0)),
    ),
    (
        "infifpo",
        {"beta": 2.0},
        {
            "chosen": one_each(-1.0, -2.0),
            "rejected": one_each(-3.0, -3.0),
            "chosen_sources": [[-1.25, -4.0]],
            "rejected_sources": [[-1.0, -3.5]],
        },
        math.log1p(math.exp(-1.0)),
    ),
    (
        "mapl",
        {"beta": 0.5},
        {
            "chosen": one_each(-1.0, -2.0),
            "rejected": one_each(-3.0, -3.0),
            "chosen_matching": one_each(-1.0, -3.0),
            "chosen_altered": one_each(-1.0, -1.0),
            "chosen_extended": one_each(-1.0, -4.0),
            "rejected_extended": one_each(-1.0, -1.0),
        },
        math.log1p(math.exp(-0.5)) + 2 * math.log1p(math.exp(-1.0)),
    ),
    (
        "kto",
        {"beta": 0.5, "undesirable_weight": 3.0},
        {"responses": one_each(-1.0, -2.0), "labels": [1.0], "mismatched": one_each(-1.5, -2.0)},
        sigmoid(-0.25),
    ),
    (
        "kto",
        {"beta": 0.5, "undesirable_weight": 3.0},
        {"responses": one_each(-1.0, -2.0), "labels": [0.0], "mismatched": one_each(-1.5, -2.0)},
        3 * sigmoid(0.25),
    ),
    (
        "grad-diff",
        {"forget_coeff": 0.5, "retain_coeff": 2.0},
        {"forget": one_each(-1.25), "retain": one_each(-2.0)},
        3.375,
    ),
]
