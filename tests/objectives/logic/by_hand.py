"""Losses computed by hand: one or two rows for each method (logic)."""

from __future__ import annotations

import math

from objectives.plain_views import one_each

# id, hyper-parameters, views, the loss
BY_HAND = [
    (
        "logic",
        {"formula": "M(l) implies M(w)", "beta": 2.0},
        {"chosen": one_each(math.log(0.5)), "rejected": one_each(math.log(0.8))},
        math.log1p((0.4 / 0.6) ** 2),
    ),
]
