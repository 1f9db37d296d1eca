"""Losses computed by hand: one or two rows for each method (unlearning)."""

from __future__ import annotations

from objectives.plain_views import one_each

# id, hyper-parameters, views, the loss
BY_HAND = [
    (
        "grad-diff",
        {"forget_coeff": 0.5, "retain_coeff": 2.0},
        {"forget": one_each(-1.25), "retain": one_each(-2.0)},
        3.375,
    ),
]
