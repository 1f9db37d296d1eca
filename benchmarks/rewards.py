"""``python -m benchmarks --only rewards``: a Bradley-Terry reward model on the same pairs, beside TRL's RewardTrainer.

Both start from the same layers and the same head, and read the same tokens in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.setting import BATCH, MAX_LENGTH, Setting, prepare

SIDES = ["penchant-reward", "trl-reward", "trl-reward-no-checkpointing"]


def _head(width: int) -> Any:
    """The head from which both sides start."""
    import torch

    from penchant.objectives import build

    torch.manual_seed(0)
    objective = build("bt")
    objective.bind(width)
    return objective


def penchant_reward(setting: Setting) -> dict[str, Any]:
    """Penchant's trainer with the objective bt."""
    from benchmarks.side import penchant

    return penchant(setting, kind="none", method=_head(512))


def trl_reward(setting: Setting, **changes: Any) -> dict[str, Any]:
    """TRL's RewardTrainer with its defaults except batch size, length, precision, and the order of the pairs."""
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    from benchmarks.side import _arguments, _trained

    args = RewardConfig(
        **_arguments(setting.folder / "trl-reward", **changes),
        max_length=MAX_LENGTH,
        train_sampling_strategy="sequential",
    )
    model = AutoModelForSequenceClassification.from_pretrained(setting.model, num_labels=1)
    model.score.weight.data.copy_(_head(model.config.hidden_size).reward_head.weight)
    return _trained(RewardTrainer, args, setting, setting.pairs, model)


def trl_reward_no_checkpointing(setting: Setting) -> dict[str, Any]:
    """The same without recomputing activations."""
    return trl_reward(setting, gradient_checkpointing=False)


def measure(folder: Path, pairs: int, rounds: Callable[..., Any], tools: Any) -> None:
    """Print the table."""
    setting = prepare(folder / "rewards", pairs)
    results = rounds(SIDES, setting)
    ours, rows = results[SIDES[0]], []
    for side in SIDES:
        theirs = results[side]
        speeds = [tools.ratio(theirs, ours), tools.ratio(theirs, ours, "cpu")]
        memory = [f"{tools.median(theirs, 'peak_mib'):.0f}", tools.ratio(ours, theirs, "peak_mib")]
        memory += [f"{tools.median(theirs, 'added_mib'):.0f}", tools.ratio(ours, theirs, "added_mib")]
        pace = f"{pairs / tools.median(theirs):.2f}"
        rows.append([side, pace, *speeds, *memory, f"{tools.gap(ours, theirs):.1e}"])
    heading = ["side", "pairs/s", "penchant is faster by", "the same in core seconds", "peak MiB"]
    heading += ["penchant's memory / its", "MiB that training adds", "penchant's / its", "largest loss difference"]
    tools.table(f"Reward models against TRL ({pairs} pairs, batch {BATCH})", heading, rows)
