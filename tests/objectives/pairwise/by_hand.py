"""Losses computed by hand: one or two rows for each method (pairwise)."""

from __future__ import annotations

import math

from objectives.plain_views import UP_ONE, one_each, sigmoid

# id, hyper-parameters, views, the loss
BY_HAND = [
    (
        "dpo",
        {"beta": 0.5},
        UP_ONE,
        math.log1p(math.exp(-0.5)),
    ),
    (
        "dpo",
        {"beta": 2.0, "reference_free": True},
        {"chosen": one_each(-1.0), "rejected": one_each(-1.5)},
        math.log1p(math.exp(-1.0)),
    ),
    ("ipo", {"beta": 0.5}, {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -5.0)}, 4.0),
    ("fdiv-sft", {"beta": 0.5}, {"chosen": one_each(-1.0, -2.0)}, -0.4375),
    (
        "spin",
        {"beta": 0.5},
        UP_ONE,
        math.log1p(math.exp(-0.5)),
    ),
    (
        "spin",
        {"beta": 0.5, "loss_type": "hinge"},
        UP_ONE,
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
        "gpo",
        {"beta": 0.5},
        {
            "chosen": one_each(-1.0, -2.0),
            "rejected": one_each(-3.0, -3.0),
            "chosen_score": [1.0],
            "rejected_score": [-1.0],
        },
        2.5,
    ),
    (
        "rdpo",
        {"beta": 0.5, "label_smoothing": 0.25},
        UP_ONE,
        2 * (0.75 * math.log1p(math.exp(-0.5)) - 0.25 * math.log1p(math.exp(0.5))),
    ),
    # h_chosen = (0.5 · 1 − 0.25 · 2) / 0.5 = 0, h_rejected = (0 − 0.25 · 4) / 0.5 = −2
    (
        "modpo",
        {"beta": 0.5, "weights": [0.5, 0.25]},
        {**UP_ONE, "chosen_margin_rewards": [[2.0]], "rejected_margin_rewards": [[4.0]]},
        math.log1p(math.exp(-2.0)),
    ),
    (
        "modpo",
        {"beta": 0.5, "weights": [1.0, 0.0], "loss_type": "hinge"},
        UP_ONE,
        0.5,
    ),
    ("slic-hinge", {"beta": 0.5}, UP_ONE, 0.5),
    ("slic-hinge", {"beta": 2.0}, UP_ONE, 0.0),
    (
        "cdpo",
        {"beta": 0.5},
        {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0), "probabilities": [0.75]},
        0.75 * math.log1p(math.exp(-0.5)) + 0.25 * math.log1p(math.exp(0.5)),
    ),
    ("rso-hinge-norm", {"beta": 0.5}, UP_ONE, 0.5),
    (
        "rso-sigmoid-norm",
        {"beta": 0.5},
        UP_ONE,
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
        UP_ONE,
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
        UP_ONE,
        math.log1p(math.exp(-1.0)) + 0.5 * (1 + 4),
    ),
    (
        "rpo-regularized",
        {"beta": 0.5, "eta": 0.1},
        UP_ONE,
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
        UP_ONE,
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
    ("exo-pref", {"beta": math.log(3.0), "label_smoothing": 0.25}, UP_ONE, 0.0),
    (
        "exo-pref-official",
        {"beta": math.log(3.0), "log_epsilon": -1.0},
        UP_ONE,
        0.75 * math.log(0.75) + 0.25 * (math.log(0.25) + 1),
    ),
    ("nca", {"beta": math.log(3.0)}, UP_ONE, -math.log(0.75) - 0.5 * math.log(0.25) - 0.5 * math.log(0.5)),
    ("infonca", {"beta": math.log(3.0)}, UP_ONE, -math.log(0.75)),
    ("nca-biased", {"beta": math.log(3.0)}, UP_ONE, -math.log(0.75) - math.log(0.5)),
    ("apo-zero", {"beta": math.log(3.0)}, UP_ONE, 0.25 + 0.5),
    ("apo-down", {"beta": math.log(3.0)}, UP_ONE, 0.75 + 0.25),
    (
        "aot-paired",
        {"beta": math.log(3.0), "label_smoothing": 0.1},
        UP_ONE,
        -0.9 * math.log(0.75) - 0.1 * math.log(0.25),
    ),
    (
        "aot-unpaired",
        {"beta": math.log(3.0), "label_smoothing": 0.1},
        UP_ONE,
        -0.9 * math.log(0.75) - 0.1 * math.log(0.25),
    ),
    ("discopop-lrml", {"beta": math.log(3.0), "tau": 1.0}, UP_ONE, -0.25 * math.log(0.75) + 0.75 / 3),
    ("discopop-cell", {"beta": math.log(3.0)}, UP_ONE, 0.5 / 3 - 0.5 * math.log(0.75)),
    ("discopop-padll", {"beta": math.log(3.0)}, UP_ONE, -0.9 * math.log(0.75)),
    ("discopop-pfl", {"beta": math.log(3.0)}, UP_ONE, -0.5 * math.log(0.75)),
    # A batch of one has no deviation; the hinge is 0 at z > 1.
    (
        "discopop-aql",
        {"beta": math.log(3.0), "tau": 1.0},
        UP_ONE,
        -math.log(0.75) / (1 + math.exp(math.log(3.0) - 0.5025)),
    ),
    (
        "discopop-aqfl",
        {"beta": math.log(3.0), "tau": 1.0},
        UP_ONE,
        -math.log(0.75) / (1 + math.exp(-0.1 * (math.log(3.0) - 0.0375))),
    ),
    ("discopop-dbaql", {"beta": math.log(3.0)}, UP_ONE, 0.5 * math.log1p(3 ** (-1 / 0.9)) + 0.5 * 3**-0.9),
    ("constrained-po", {"beta": math.log(3.0)}, UP_ONE, -math.log(0.75)),
    (
        "constrained-po-soft",
        {"beta": 2.0, "gamma": 0.5, "tau": 1.0, "alpha": 2.0},
        {"chosen": one_each(-1.0, -2.5), "rejected": one_each(-3.0, -3.0)},
        math.log1p(math.exp(-2 * (1.5 - math.log(2.0) / 2))),
    ),
    (
        "constrained-po-easy",
        {"beta": 2.0, "gamma": 0.6, "margin_sign": -1},
        UP_ONE,
        math.log1p(math.exp(-(2.0 - 0.5))),
    ),
    (
        "madpo",
        {"beta": 0.5},
        {**UP_ONE, "chosen_score": [1.0], "rejected_score": [0.0]},
        sigmoid(0.5 + 1.5 / (1 + 2 * math.exp(-1.0))) / sigmoid(1.0) * math.log1p(math.exp(-0.5)),
    ),
    ("beta-dpo", {"beta": 0.5, "momentum": 0.5}, {**UP_ONE, "kept": [1]}, math.log1p(math.exp(-0.65))),
    (
        "adpo-pairwise",
        {"tau": 2.0},
        {**UP_ONE, "probability": [0.75]},
        0.75 * math.log1p(math.exp(-0.5)) + 0.25 * math.log1p(math.exp(0.5)),
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
        "ld-dpo",
        {"beta": 0.5, "ld_alpha": 0.5},
        {
            "chosen": {"policy": [[-1.0, -1.0, -1.0]], "reference": [[-1.0, -3.0, -3.0]]},
            "rejected": one_each(-3.0, -3.0),
        },
        math.log1p(math.exp(-1.0)),
    ),
    (
        "pairwise-normalized-gradient",
        {"beta": 0.5},
        {
            "chosen": {**one_each(-1.0, -2.0), "gradient_norm": [2.0]},
            "rejected": {**one_each(-3.0, -3.0), "gradient_norm": [4.0]},
        },
        math.log1p(math.exp(-0.5)),
    ),
    (
        "rationale-dpo-nll",
        {"beta": 0.5, "gamma": 0.5},
        {**UP_ONE, "rationale": {"policy": [[-1.0, -1.0]]}},
        math.log1p(math.exp(-0.5)) + 1.0,
    ),
    ("sppo-single", {"beta": 0.1}, {**UP_ONE, "preference_probability": [0.7]}, 2.5),
    ("sppo-hard", {"beta": 0.25}, UP_ONE, 5.0),
    # ((1/3) · 1 + (2/3) · (2 − 0.5) − 1)²
    (
        "inpo",
        {"eta": 0.5, "ratio": 1 / 3},
        {
            "chosen": {**one_each(-1.0, -2.0), "previous": [[-3.0]]},
            "rejected": {**one_each(-3.0, -3.0), "previous": [[-3.5]]},
        },
        (1 / 3) ** 2,
    ),
    # (1 − (0.7 − 0.4) / 0.1)²
    ("egpo", {"beta": 0.1}, {**UP_ONE, "chosen_win_rate": [0.7], "rejected_win_rate": [0.4]}, 4.0),
    ("egpo-pair", {"beta": 0.1}, {**UP_ONE, "preference_probability": [0.8]}, 4.0),
    ("rebel", {"eta": 2.0}, {**UP_ONE, "chosen_score": [1.5], "rejected_score": [0.5]}, 1.0),
    # log(1 + e^-½) + (1 − c) · ½ with c = σ(1)
    (
        "dno",
        {"eta": 0.5},
        {**UP_ONE, "chosen_win_rate": [1.0], "rejected_win_rate": [0.0]},
        math.log1p(math.exp(-0.5)) + 0.5 * sigmoid(-1.0),
    ),
    ("dno-prct", {"beta": 0.5}, UP_ONE, math.log1p(math.exp(-0.5))),
    # log(1 + e^-½) + 0.25 · ½
    ("cream", {"beta": 0.5}, {**UP_ONE, "probability": [0.75]}, math.log1p(math.exp(-0.5)) + 0.125),
    # the bonus: 0.1 · (−3), the log-probability of the rejected response, which the reference sampled
    (
        "xpo",
        {"beta": 0.5, "alpha": 0.1},
        {**UP_ONE, "chosen_from_reference": [0.0], "rejected_from_reference": [1.0]},
        math.log1p(math.exp(-0.5)) - 0.3,
    ),
    (
        "xpo",
        {"beta": 0.5, "alpha": 0.1, "loss_type": "ipo"},
        {**UP_ONE, "chosen_from_reference": [1.0], "rejected_from_reference": [0.0]},
        -0.1,
    ),
    # the fresh sample has gained two nats and has log-probability −1
    (
        "hypo",
        {"beta": 0.5, "weight": 0.1},
        {**UP_ONE, "fresh": one_each(-1.0, -3.0)},
        math.log1p(math.exp(-0.5)) - 0.2,
    ),
    ("selfie", {"beta": 0.5}, UP_ONE, math.log1p(math.exp(-0.5))),
    # a pair that is doubted: log(1 + e^½) smoothed by a quarter
    (
        "selfie",
        {"beta": 0.5, "strength": 0.25},
        {"chosen": UP_ONE["rejected"], "rejected": UP_ONE["chosen"]},
        0.75 * math.log1p(math.exp(0.5)) + 0.25 * math.log1p(math.exp(-0.5)),
    ),
]
