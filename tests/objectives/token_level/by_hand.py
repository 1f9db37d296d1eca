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
]
