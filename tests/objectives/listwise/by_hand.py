"""Losses computed by hand: one or two rows for each method (listwise)."""

from __future__ import annotations

import math

from objectives.plain_views import ONE_OF_TWO, sigmoid

#: A prompt with three responses whose log-ratios are 2, 0 and −1.
THREE = {
    "responses": {"policy": [[-1.0], [-2.0], [-3.0]], "reference": [[-3.0], [-2.0], [-2.0]]},
    "groups": [[0, 1, 2]],
}

# id, hyper-parameters, views, the loss
BY_HAND = [
    (
        "adpo-bradley-terry",
        {"tau": 1.0, "beta_reward": 1.0},
        ONE_OF_TWO,
        0.75 * math.log1p(math.exp(-1.0)) + 0.25 * math.log1p(math.exp(1.0)),
    ),
    (
        "soft-label-distillation",
        {"tau": 1.0, "beta_reward": 1.0},
        ONE_OF_TWO,
        0.75 * math.log1p(math.exp(-1.0)) + 0.25 * math.log1p(math.exp(1.0)),
    ),
    ("adpo-plackett-luce", {"tau": 1.0}, ONE_OF_TWO, math.log1p(math.exp(-1.0))),
    (
        "pad",
        {"beta": 1.0},
        ONE_OF_TWO,
        0.5
        * sum(
            p * math.log(2 * p / (p + q)) + q * math.log(2 * q / (p + q))
            for p, q in [(0.75, sigmoid(2.0)), (0.25, sigmoid(-2.0))]
        ),
    ),
    ("pad-vanilla", {"beta": 1.0}, ONE_OF_TWO, math.log1p(math.exp(-2.0))),
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
    # s = (1, 0, -0.5): of three, then of two
    (
        "plackett-luce-dpo",
        {"beta": 0.5},
        THREE | {"ranks": [[1.0, 2.0, 3.0]]},
        math.log(1 + math.exp(-1) + math.exp(-1.5)) + math.log(1 + math.exp(-0.5)),
    ),
    ("s-dpo", {"beta": 0.5}, THREE | {"ranks": [[1.0, 2.0, 2.0]]}, math.log(1 + math.exp(-1) + math.exp(-1.5))),
    ("dmpo", {"beta": 0.5}, THREE | {"ranks": [[1.0, 2.0, 2.0]]}, -math.log(sigmoid(1.25))),
    # places 1 and 2; gains 3 and 1
    (
        "lipo-lambda",
        {"beta": 1.0},
        ONE_OF_TWO | {"scores": [[2.0, 1.0]]},
        2.0 * (1 / math.log(2) - 1 / math.log(3)) * math.log1p(math.exp(-1.0)),
    ),
    # p = (−1, −3), R gap 2: log(e^{−2} + e^{−6}) + 2, and 0.05 · 1 · 1
    ("pro", {}, ONE_OF_TWO | {"scores": [[2.0, 0.0]]}, math.log1p(math.exp(-4.0)) + 0.05),
    # a = (1, 0); w = (3 / log₂ 2, 1 / log₂ 3)
    (
        "irpo",
        {},
        {**{name: ONE_OF_TWO[name] for name in ("responses", "groups")}, "relevance": [[2, 1]], "positions": [[1, 2]]},
        (3 * math.log1p(math.exp(-1.0)) + math.log1p(math.exp(1.0)) / math.log2(3)) / 2,
    ),
    # two steps of one token each; the steps of the best weigh 2 and 2, those of the other 1 and 2: s = (1, -4/3)
    (
        "tpo-tree",
        {"beta": 0.5},
        {
            "responses": {
                "policy": [[-1.0, -2.0], [-3.0, -3.0]],
                "reference": [[-2.0, -3.0], [-3.0, -1.0]],
                "hidden": [[[1.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [2.0, 2.0]]],
            },
            "groups": [[0, 1]],
            "scores": [[1.0, -1.0]],
            "step_index": [[[1.0, 2.0], [1.0, 2.0]]],
        },
        -math.log(sigmoid(0.5 * (1 + 4 / 3))),
    ),
    # V = (1, 0)
    ("oprl", {"beta": 1.0}, ONE_OF_TWO | {"scores": [[1.0, 0.0]]}, math.log1p(math.exp(-1.0))),
]
