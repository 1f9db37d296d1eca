"""Losses computed by hand: one or two rows for each method (reward models)."""

from __future__ import annotations

import math

# States of zero have rewards of zero, whatever the heads are.
ZERO = {"end_state": [[0.0, 0.0]], "start_state": [[0.0, 0.0]]}
BOTH = {"chosen": ZERO, "rejected": ZERO}

# id, hyper-parameters, views, the loss
BY_HAND = [
    ("pal", {"margin": 0.5}, {**BOTH, "annotator": [1.0]}, 0.5),
    ("pal", {"pair_loss": "logistic"}, {**BOTH, "annotator": [1.0]}, math.log(2.0)),
    # Even weights of K heads: the entropy term is −α log K.
    ("micro", {"heads": 4, "alpha": 0.5}, BOTH, math.log(2.0) - 0.5 * math.log(4.0)),
    ("micro", {"heads": 4, "route": True}, BOTH, math.log(4.0)),
    ("four-class-preference", {"head": "joint"}, {**BOTH, "pair_class": [3.0]}, math.log(4.0)),
]
