"""Losses computed by hand: one or two rows for each method (binary)."""

from __future__ import annotations

import math

# id, hyper-parameters, views, the loss
BY_HAND = [
    (
        "diffusion-kto",
        {"beta": 1.0},
        {"errors": {"policy": [math.log(3.0)], "reference": [0.0]}, "labels": [0]},
        0.25,
    ),
]
