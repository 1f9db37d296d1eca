"""Losses computed by hand: one or two rows for each method (policy gradient)."""

from __future__ import annotations

import math

from objectives.plain_views import one_each

# id, hyper-parameters, views, the loss
BY_HAND = [
    *[
        # One token with advantage 2, half as likely again as when it was sampled.
        (
            name,
            hyper,
            {"responses": one_each(-1.0), "old_policy": [[-1.0 - math.log(1.5)]], "advantages": [2.0]},
            value,
        )
        for name, hyper, value in [
            ("grpo", {}, -2.4),
            ("dr-grpo", {"max_completion_length": 4}, -0.6),
            ("bnpo", {}, -2.4),
            ("dapo", {}, -2.56),
            ("cispo", {}, 2.56),
            ("gmpo", {}, -2 * math.exp(0.4)),
            ("rloo", {}, -2.4),
            ("gspo", {"epsilon_low": 0.1, "epsilon_high": 0.3}, -2.6),
        ]
    ],
    # And β · ½ (−1 + 3)².
    (
        "reinforce-pp",
        {"beta": 0.1},
        {"responses": one_each(-1.0, -3.0), "old_policy": [[-1.0 - math.log(1.5)]], "advantages": [[2.0]]},
        -2.2,
    ),
    # The critic says 0, held to 0.3 by its clip: the plain error is the worse, ½ (0 − 1)².
    *[
        (
            name,
            {"value_weight": 0.2},
            {
                "responses": {**one_each(-1.0), "hidden": [[[3.0]]]},
                "old_policy": [[-1.0 - math.log(1.5)]],
                "advantages": [[2.0]],
                "returns": [[1.0]],
                "old_values": [[0.5]],
            },
            -2.3,
        )
        for name in ("ppo", "dr-po")
    ],
    (
        "sapo",
        {"tau_pos": 2.0},
        {
            "responses": one_each(-1.0),
            "old_policy": [[-1.0 - math.log(1 + math.log(3.0) / 2)]],
            "advantages": [2.0],
        },
        -3.0,
    ),
    # two tokens that have gained 1 and 2 nats: −A Σ log π + β Σ_t Δ_t · Σ_t log π, or β Σ_t Δ_t log π_t
    *[
        (
            "nash-md",
            {"beta": 0.5, "kl_credit": credit},
            {"responses": {"policy": [[-1.0, -2.0]], "reference": [[-2.0, -4.0]]}, "advantages": [0.25]},
            value,
        )
        for credit, value in (("sequence", 0.75 - 0.5 * 3 * 3), ("token", 0.75 - 0.5 * (1 + 4)))
    ],
]
