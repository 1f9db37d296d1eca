"""Losses computed by hand: one or two rows for each method (listwise)."""

from __future__ import annotations

import math

from objectives.plain_views import ONE_OF_TWO, sigmoid

# id, hyper-parameters, views, the loss
BY_HAND = [
    (
        "adpo-bradley-terry",
        {"tau": 1.0, "beta_reward": 1.0},
        ONE_OF_TWO,
        0.75 * math.log1p(math.exp(-1.0)) + 0.25 * math.log1p(math.exp(1.0)),
    ),
    ("adpo-plackett-luce", {"tau": 1.0}, ONE_OF_TWO, math.log1p(math.exp(-1.0))),
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
]
