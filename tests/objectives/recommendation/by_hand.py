"""Losses computed by hand: one or two rows for each method (recommendation)."""

from __future__ import annotations

import math

from objectives.plain_views import sigmoid

# id, hyper-parameters, views, the loss
BY_HAND = [
    # log π: chosen −2; negatives −1 (of the boundary), −5, −6. m₁ = −1, m₂ = −1 + 5.5 = 4.5
    (
        "dynamicpo",
        {"beta": 0.5},
        {
            "responses": {
                "policy": [[-2.0], [-1.0], [-5.0], [-6.0]],
                "reference": [[-3.0], [-1.5], [-5.0], [-6.0]],
            },
            "groups": [[0, 1, 2, 3]],
            "ranks": [[1.0, 2.0, 2.0, 2.0]],
        },
        -math.log(sigmoid(0.5 * (1 + 0.5 * math.tanh(-7.5 / 5.5)) * (1.0 - 0.5))),
    ),
    # −2, and 0.5 (e^{−1} + 1 − 1)
    (
        "rere",
        {"beta": 0.5},
        {"responses": {"policy": [[-1.0]], "reference": [[-2.0]]}, "advantages": [2.0]},
        -2.0 + 0.5 * math.exp(-1.0),
    ),
]
