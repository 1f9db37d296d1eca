"""Losses computed by hand: one or two rows for each method (reference free)."""

from __future__ import annotations

import math

from objectives.plain_views import one_each, sigmoid

# id, hyper-parameters, views, the loss
BY_HAND = [
    # S = 0.6 of the right solution, 0.3 of the wrong one
    (
        "verdict-margin",
        {"lambda": 1.0},
        {
            "chosen_called_correct": one_each(math.log(0.3)),
            "chosen_called_incorrect": one_each(math.log(0.2)),
            "rejected_called_correct": one_each(math.log(0.03)),
            "rejected_called_incorrect": one_each(math.log(0.07)),
        },
        1.0 - math.log(2.0),
    ),
    ("nll", {}, {"chosen": one_each(-1.25)}, 1.25),
    # odds 1 of the chosen response, 1 / 3 of the rejected one
    (
        "asft",
        {"beta": 2.0, "lambda": 0.5, "ce_coef": 2.0},
        {"chosen": one_each(math.log(0.5)), "rejected": one_each(math.log(0.25))},
        2 * math.log(2.0) + 0.5 * (math.log(2.0) + math.log(10 / 9)),
    ),
    # the chosen response leads by half a nat; published without the likelihood of the gold response
    *[
        (
            name,
            {"beta": 2.0, "alpha": 0.5, **more},
            {"chosen": one_each(-1.0), "rejected": one_each(-1.5), "gold": one_each(-2.0)},
            preference,
        )
        for name, more, preference in [
            ("tpo-triple", {}, math.log1p(math.exp(-1.0))),
            ("tpo-triple-hinge", {}, 0.0),
            ("tpo-triple-ipo", {}, 0.0625),
            ("tpo-triple-l", {"gamma": 1.0}, math.log(2.0)),
        ]
    ],
    # the mean of the aligned models is −2
    (
        "poft",
        {"beta": 2.0, "gamma": -2.0},
        {"chosen": one_each(-1.0), "chosen_sources": [[-1.5, -2.5]]},
        math.log(2.0),
    ),
    ("sft", {}, {"chosen": one_each(-1.25)}, 1.25),
    # losses 1 and 3, rests 4 and 3, so weights 8 / 7 and 6 / 7
    (
        "ift",
        {"discount": 1.0},
        {"chosen": {"policy": [[0.0, 0.0]], "residual_logp": [[-1.0, -3.0]]}},
        (8 / 7 * 1.0 + 6 / 7 * 3.0) / 2,
    ),
    ("slic-hf", {"delta": 3.0, "lambda": 0.5}, {"chosen": one_each(-1.0), "rejected": one_each(-2.0)}, 2.5),
    ("simpo", {"gamma": 1.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, math.log(2.0)),
    ("cpo-ipo", {"beta": 2.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, 0.0625),
    ("cpo-simpo", {"beta": 2.0, "gamma": 1.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, math.log(2.0)),
    (
        "orpo",
        {"lambda": 0.5},
        {"chosen": one_each(math.log(0.5)), "rejected": one_each(math.log(0.25))},
        math.log(2.0) + 0.5 * math.log(4 / 3),
    ),
    (
        "power",
        {"beta": 2.0, "eta": 0.5},
        {"chosen": one_each(-1.0), "rejected": one_each(-3.0)},
        math.log1p(math.exp(-4.0)) + 1.0,
    ),
    (
        "power-dl",
        {"beta": 0.5, "eta": 0.0, "gamma": 0.5},
        {"chosen": one_each(-1.0), "rejected": one_each(-3.0)},
        math.log1p(math.exp(-1.0)) + 0.5 * (1 - sigmoid(1.0)),
    ),
    ("cpo", {"beta": 2.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, math.log1p(math.exp(-1.0))),
    ("cpo-hinge", {"beta": 1.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, 0.5),
    ("simpo-hinge", {"beta": 2.0, "gamma": 1.0}, {"chosen": one_each(-1.0), "rejected": one_each(-1.5)}, 1.0),
    (
        "mapo",
        {"beta": 1.0, "snr": 1.0, "num_train_timesteps": 1},
        {"errors": {"winner": {"policy": [math.log(2.0)]}, "loser": {"policy": [2 * math.log(2.0)]}}},
        math.log(2.0) + math.log1p(2 ** (-1 / 3)),
    ),
    *[
        # Published without the likelihood of the chosen response, and with the other sign. The odds are 1 and 1 / 3.
        (
            name,
            {"beta": 0.5, "gamma": 2.0},
            {
                "chosen": one_each(math.log(0.5)),
                "rejected": one_each(math.log(0.25)),
                "rationale": one_each(-0.5),
            },
            0.5 * math.log(0.75) + reason,
        )
        for name, reason in [("rationale-orpo", -math.log1p(math.e)), ("rationale-orpo-simple", -1.0)]
    ],
]
