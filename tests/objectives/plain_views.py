"""Views and numbers that the rows of losses computed by hand are written in."""

from __future__ import annotations

import math
from typing import Any


def one_each(policy: float, reference: float | None = None) -> dict[str, Any]:
    """A view of one response of one token."""
    return {"policy": [[policy]], "reference": None if reference is None else [[reference]]}


def sigmoid(value: float) -> float:
    """σ of a number."""
    return 1 / (1 + math.exp(-value))


#: A pair whose chosen response has gained one nat.
UP_ONE = {"chosen": one_each(-1.0, -2.0), "rejected": one_each(-3.0, -3.0)}
#: A prompt with two responses of which the first has gained one nat and should have three quarters of the weight.
ONE_OF_TWO = {
    "responses": {"policy": [[-1.0], [-3.0]], "reference": [[-2.0], [-3.0]]},
    "groups": [[0, 1]],
    "scores": [[math.log(3), 0.0]],
}
