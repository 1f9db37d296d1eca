"""Losses computed by hand: one or two rows for each method (reward models); a state of 0 has a reward of 0."""

from __future__ import annotations

import math

NOTHING = {"end_state": [[0.0, 0.0]], "start_state": [[0.0, 0.0]]}
PAIR = {"chosen": NOTHING, "rejected": NOTHING}
RATED = {"responses": NOTHING, "groups": [[0]]}

# id, hyper-parameters, views, the loss
BY_HAND = [
    ("bt-reward-model", {}, PAIR, math.log(2)),
    ("bt-reward-model", {"tau": 0.5, "use_margin": True}, {**PAIR, "margin": [1.0]}, math.log1p(math.exp(2.0))),
    ("bt-reward-model", {}, {**PAIR, "margin": [1.0]}, math.log(2)),
    ("bt-reward-model", {"label_smoothing": 0.1}, PAIR, math.log(2)),
    ("bt", {"center_rewards_coefficient": 0.01}, {**PAIR, "probability": [0.3]}, math.log(2)),
    (
        "bt-ties",
        {"threshold": 0.5, "eps": 0.0},  # the learned threshold starts as float32, which holds 0.5 exactly
        {**PAIR, "probability": [0.5]},
        -math.log(1 - 2 / (1 + math.exp(0.5))),
    ),
    ("bt-ties", {"form": "davidson", "threshold": 2.0, "eps": 0.0}, {**PAIR, "probability": [1.0]}, math.log(4)),
    ("bt-ties", {"form": "half-win"}, {**PAIR, "probability": [0.5]}, math.log(2)),
    ("pairwise-margin-regression", {"target_margin": 4.0}, PAIR, 8.0),
    ("pairwise-margin-regression", {}, {**PAIR, "margin": [0.0]}, 0.5 * 2.5**2),
    ("eurus-rm", {}, PAIR, 3 * math.log(2)),
    ("eurus-rm", {"direct_weight": 0.5}, {**PAIR, "direct": [0.0]}, math.log(2)),
    ("gpm", {"dimension": 4}, PAIR, math.log(2)),
    ("gpm", {"dimension": 2, "gate": True, "target_margin": 2.0}, PAIR, 2.0),
    (
        "gpm",
        {"dimension": 2, "sft_weight": 0.25},
        {side: {**NOTHING, "policy": [[-1.0, -2.0]]} for side in ("chosen", "rejected")},
        0.75 * math.log(2) + 0.25 * math.log1p(math.exp(0.1 * 3.0)),
    ),
    ("reward-regression", {}, {**RATED, "scores": [[3.0]]}, 9.0),
    *[
        (name, {}, {"chosen": NOTHING, "ratings": [[1.0, 3.0]]}, 5.0)
        for name in ("multi-objective-reward-regression", "multi-label-reward")
    ],
    ("quantile-reward", {"quantiles": 3}, {**RATED, "scores": [[2.0]]}, 1.0),
    ("gaussian-reward", {}, {**RATED, "scores": [[2.0]]}, 2.0),
    *[
        (name, {"bins": 4, "high": 3.0}, {**RATED, "scores": [[2.5]]}, math.log(4))
        for name in ("distributional-reward", "ldl-reward")
    ],
    ("pal", {"margin": 0.5}, {**PAIR, "annotator": [1.0]}, 0.5),
    ("pal", {"pair_loss": "logistic"}, {**PAIR, "annotator": [1.0]}, math.log(2.0)),
    # Even weights of K heads: the entropy term is −α log K.
    ("micro", {"heads": 4, "alpha": 0.5}, PAIR, math.log(2.0) - 0.5 * math.log(4.0)),
    ("micro", {"heads": 4, "route": True}, PAIR, math.log(4.0)),
    ("moe-reward", {}, PAIR, math.log(2.0)),
    # Ratings 1 and 3 against rewards of 0. Criteria and aspects: mean squares 5 and 1, 3 on average, weight 0.3 each;
    # overall: squares of 2 and 1, 2.5 on average; both aspects compared and even, the second one between 3 and -1.
    (
        "moe-reward",
        {"gate_weight": 0.0},
        {
            **PAIR,
            "chosen_ratings": [[1.0, 3.0]],
            "rejected_ratings": [[-1.0, -1.0]],
            "chosen_score": [2.0],
            "rejected_score": [1.0],
        },
        0.6 * 3.0 + 2.5 + 1.3 * math.log(2.0),
    ),
    ("four-class-preference", {"head": "joint"}, {**PAIR, "pair_class": [3.0]}, math.log(4.0)),
    # Two modalities of two classes each have one wrong class, with an output of 0.
    (
        "crmt",
        {"rho": 2.0},
        {"first_modality": NOTHING, "second_modality": NOTHING, "class_label": [1.0]},
        math.log(2.0) + 2.0 * math.log(2.0 + 1e-5),
    ),
    # ln 2 · Σλ / 3 where all rewards are 0, and ρ (2 − 0)² of a replayed text.
    ("remodetect", {}, {**PAIR, "mixed": NOTHING}, 1.6 * math.log(2) / 3),
    (
        "remodetect",
        {"mixed_weight": 1.0, "rho": 0.5},
        {**PAIR, "mixed": NOTHING, "replay": NOTHING, "replay_score": [2.0]},
        math.log(2) + 2.0,
    ),
]
