"""Losses computed by hand: one or two rows for each method (binary)."""

from __future__ import annotations

import math

from objectives.plain_views import one_each, sigmoid

# id, hyper-parameters, views, the loss
BY_HAND = [
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
]
