"""The start models and teachers of the lab's worlds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.lab.worlds.language.model import tiny_model

if TYPE_CHECKING:
    from penchant.training.run import Result

__all__ = ["reads_teacher", "train_small"]


def train_small(
    tokenizer: Any,
    shown: list[dict[str, Any]],
    output: Path,
    *,
    overwrite: bool,
    progress: bool,
    hidden: int = 96,
    seed: int = 0,
    **settings: Any,
) -> Result:
    """Train a tiny model on demonstrations.

    Args:
        tokenizer: of the world.
        shown: ``{"prompt", "completion"}``.
        output: folder of the run.
        overwrite: replace what is there.
        progress: show the progress on stderr.
        hidden: width of the model.
        seed: of the model and the order.
        settings: further keys of the recipe.
    """
    from penchant.training.api import train

    keys = {"accumulate": 1, "samples": 0, "seed": seed, "overwrite": overwrite, "progress": progress, **settings}
    model = tiny_model(tokenizer, seed=seed, hidden=hidden)
    return train(model, shown, "nll", output, tokenizer=tokenizer, **keys)


def reads_teacher(method: str) -> bool:
    """Whether a recipe reads the probabilities of a teacher.

    Args:
        method: id of an online recipe.

    Example:
        >>> reads_teacher("on-policy-distillation"), reads_teacher("grpo")
        (True, False)
    """
    from penchant.online.recipe import packaged_keys

    return bool(packaged_keys(method)["reference"] == "teacher")
