"""Penchant turns what people prefer into how a generative model behaves.

Names are loaded when they are first used, so that ``import penchant`` costs milliseconds::

    import penchant

    penchant.train(model="models/small", data="pairs.jsonl", objective="dpo", output="runs/first")
    penchant.score(model="runs/first/model", data="pairs.jsonl")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import penchant.deferred  # noqa: F401  # its import defers what transformers imports needlessly
from penchant.lazy import load

if TYPE_CHECKING:
    from penchant import (
        curation,
        diagnostics,
        errors,
        evaluation,
        feedback,
        forest,
        generation,
        lab,
        likelihood,
        objectives,
        online,
        receipts,
        rewards,
        training,
    )
    from penchant.evaluation.scoring import score
    from penchant.training.api import train
    from penchant.training.compare import compare
    from penchant.training.unlearning.api import unlearn

__all__ = [
    "__version__",
    "compare",
    "curation",
    "diagnostics",
    "errors",
    "evaluation",
    "feedback",
    "forest",
    "generation",
    "lab",
    "likelihood",
    "objectives",
    "online",
    "receipts",
    "rewards",
    "score",
    "train",
    "training",
    "unlearn",
]

# The one place where the version stands; the build backend reads it from here.
__version__ = "0.1.0"

_HOMES = {
    "compare": "penchant.training.compare",
    "score": "penchant.evaluation.scoring",
    "train": "penchant.training.api",
    "unlearn": "penchant.training.unlearning.api",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
