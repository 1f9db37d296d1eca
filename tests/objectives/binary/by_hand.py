"""Losses computed by hand: one or two rows for each method (binary)."""

from __future__ import annotations

import math

from objectives.plain_views import one_each, sigmoid

# id, hyper-parameters, views, the loss
BY_HAND = [
    # S = 0.3 / (0.3 + 0.1), and the solution is wrong
    (
        "verdict-cross-entropy",
        {},
        {
            "called_correct": {"policy": [[math.log(0.3), -5.0]]},
            "called_incorrect": {"policy": [[math.log(0.1), -7.0]]},
            "labels": [0.0],
        },
        math.log(4.0),
    ),
    (
        "diffusion-kto",
        {"beta": 1.0},
        {"errors": {"policy": [math.log(3.0)], "reference": [0.0]}, "labels": [0]},
        0.25,
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
    # z₀ = 3 / 2: the third log-ratio is 0 and is not counted
    (
        "kto-halos",
        {"beta": 0.5},
        {
            "responses": one_each(-1.0, -2.0),
            "labels": [1.0],
            "mismatched": {"policy": [[-1.0], [-1.0], [-1.0]], "reference": [[-3.0], [-2.0], [-1.0]]},
        },
        sigmoid(0.25),
    ),
    # the log-ratio 3 is clamped to 1.5, the mismatched one to −1, whose mean is below 0
    (
        "kto-halos",
        {"beta": 0.5, "humanline": True},
        {"responses": one_each(-1.0, -4.0), "labels": [1.0], "mismatched": one_each(-5.0, -1.0)},
        sigmoid(-0.75),
    ),
    (
        "apo-zero-unpaired",
        {"beta": 0.5, "undesirable_weight": 3.0},
        {"responses": one_each(-1.0, -2.0), "labels": [0.0]},
        3 * sigmoid(0.5),
    ),
    # r = 0.5 is its own mean in the first batch
    ("bco", {"beta": 0.5}, {"responses": one_each(-1.0, -2.0), "labels": [1.0]}, math.log(2)),
    # p / (1 − p) = 3
    (
        "bco",
        {"beta": 0.5, "shift": "none"},
        {"responses": one_each(-1.0, -2.0), "labels": [0.0], "prob_desirable": [0.75]},
        -0.75 / (0.25 + 1e-8) * math.log(sigmoid(-0.5)),
    ),
    # R = e^{−0.5}; ω = 0.75
    (
        "nft",
        {"token_normalizer": 1.0},
        {"responses": {"policy": [[-1.0]]}, "old_policy": [[-0.5]], "labels": [1.0], "correct_rate": [0.25]},
        0.75 * 0.5,
    ),
    # (1 − 0.25 e^{−0.5}) / 0.75 is above 1
    (
        "nft",
        {"token_normalizer": 1.0, "normalize": 0},
        {"responses": {"policy": [[-1.0]]}, "old_policy": [[-0.5]], "labels": [0.0], "correct_rate": [0.25]},
        -math.log((1 - 0.25 * math.exp(-0.5)) / 0.75),
    ),
    # 0.5 (1 + 0) / 2 − 0.25 · 2
    (
        "d2o",
        {"beta": 0.5, "alpha": 0.25},
        {
            "bad": one_each(-1.0, -3.0),
            "samples": {"policy": [[-1.0], [-2.0]], "reference": [[-2.0], [-2.0]]},
            "groups": [[0, 1]],
        },
        -math.log(sigmoid(-0.25)),
    ),
]
