"""Losses computed by hand: one or two rows for each method (token level)."""

from __future__ import annotations

import math

from objectives.plain_views import UP_ONE, one_each

# id, hyper-parameters, views, the loss
BY_HAND = [
    # u = 1, K = 0.5 and 1.5
    *[
        (
            name,
            {"beta": 0.5, **more},
            {
                "chosen": {**one_each(-1.0, -2.0), "reference_kl": [[0.5]]},
                "rejected": {**one_each(-3.0, -3.0), "reference_kl": [[1.5]]},
            },
            expected,
        )
        for name, more, expected in [
            ("tdpo1", {}, math.log(2.0)),
            ("tdpo2", {"alpha": 0.5}, math.log1p(math.exp(-0.25))),
        ]
    ],
    (
        "wpo",
        {"beta": 1.0},
        {
            "chosen": {"policy": [[math.log(0.5)]], "reference": [[math.log(0.5) - 1]], "sum_p2": [[0.5]]},
            "rejected": {"policy": [[math.log(0.25)]], "reference": [[math.log(0.25)]], "sum_p2": [[0.5]]},
        },
        0.5 * math.log1p(math.exp(-1.0)),
    ),
    # Averages 1.5 and −1; the second token alone is less likely than a half, and its share is 2 · 3/4.
    (
        "tab-po",
        {"beta": 1.0, "prob_threshold": 0.5, "barrier_weight": 0.5, "difference_weight": 3.0},
        {
            "chosen": {"policy": [[-0.5, -2.0]], "reference": [[-0.5, -4.0]]},
            "rejected": {"policy": [[-3.0]], "reference": [[-2.0]]},
            "chosen_token_weights": [[1.0, 1.0]],
            "rejected_token_weights": [[7.0]],
            "chosen_differs": [[0.0, 1.0]],
            "rejected_differs": [[0.0]],
        },
        math.log1p(math.exp(-2.5)) + 0.5 * 2.0,
    ),
    # A state of zeros gives masks of 0, so neither log-ratio nor divergence counts.
    (
        "sparsepo",
        {"l1_reward": 1.0},
        {
            "chosen": {
                **one_each(-1.0, -2.0),
                "reference_kl": [[0.5]],
                "reference_activations": {"every layer": [[[[0.0, 0.0]]]]},
            },
            "rejected": {
                **one_each(-3.0, -3.0),
                "reference_kl": [[1.5]],
                "reference_activations": {"every layer": [[[[0.0, 0.0]]]]},
            },
        },
        math.log(2.0),
    ),
    # Masks 0, 1 and 1/2 of log-ratios 5, 1, −1 and divergences 9, 2, 1; one token alone has mask 1.
    (
        "sparsepo-mapo",
        {"beta": 0.5},
        {
            "chosen": {
                "policy": [[-1.0, -1.0, -3.0]],
                "reference": [[-6.0, -2.0, -2.0]],
                "reference_kl": [[9.0, 2.0, 1.0]],
                "reference_activations": {"means of units": [[[[1.0]], [[3.0]], [[2.0]]]]},
            },
            "rejected": {
                **one_each(-3.0, -3.0),
                "reference_kl": [[1.0]],
                "reference_activations": {"means of units": [[[[7.0]]]]},
            },
        },
        math.log1p(math.exp(-0.5 * (0.5 - (1.0 - 2.5)))),
    ),
    # Phrases have gained 1 and lost 1; K = 0.75
    (
        "rrpo",
        {"beta": 0.5, "alpha": 0.2},
        {
            "chosen": {"policy": [[-1.0, -9.0]], "reference": [[-2.0, -1.0]], "reference_kl": [[0.25, 0.5]]},
            "rejected": {**one_each(-3.0, -2.0), "reference_kl": [[2.0]]},
            "chosen_phrase_ids": [[1.0, 0.0]],
            "rejected_phrase_ids": [[1.0]],
        },
        math.log1p(math.exp(-1.0)) + 0.2 * 0.75,
    ),
    (
        "sparse-token-mask",
        {"beta": 1.0, "lambda": 0.1, "initial_mask": 0.5},
        {
            "chosen": {**one_each(-1.0, -2.0), "hidden": [[[3.0]]]},
            "rejected": {**one_each(-3.0, -3.0), "hidden": [[[4.0]]]},
        },
        math.log1p(math.exp(-0.5)) + 0.1,
    ),
    (
        "spo-degree",
        {"beta": 0.5, "gamma": 0.5, "levels": 2},
        {
            **UP_ONE,
            "chosen_degraded": {"policy": [[-1.0], [-2.0]], "hidden": [[[3.0]], [[4.0]]]},
            "rejected_degraded": {"policy": [[-1.0], [-2.0]], "hidden": [[[5.0]], [[6.0]]]},
            "groups": [[0, 1]],
        },
        math.log1p(math.exp(-0.5)) + 0.5 * math.log(2.0),
    ),
    # The mean of two tokens.
    (
        "on-policy-distillation",
        {},
        {
            "chosen": {
                "policy": [[-1.0, -2.0]],
                "reference": [[-2.0, -1.0]],
                "generalised_jsd(beta=0.5, temperature=1.0)": [[0.5, 0.25]],
            }
        },
        0.375,
    ),
]
