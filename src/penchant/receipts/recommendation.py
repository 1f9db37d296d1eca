"""Published cases of recommendation."""

from __future__ import annotations

from typing import Any

import torch

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.ranking_rewards import hit_rewards, ranking_rewards
from penchant.objectives.recommendation.rere import ReRe
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["rere_loss", "rere_reward"]


@adapter("rere-reward", evaluates="rere")
def rere_reward(case: Case) -> dict[str, Any]:
    """The rewards of generated items in beam order, and their advantages in each group."""
    hits, places, groups = [], [], []
    for number, (items, target) in enumerate(zip(case.inputs["generated"], case.inputs["targets"], strict=True)):
        hits += hit_rewards(items, target)
        places += ranking_rewards(items, target)
        groups += [number] * len(items)
    rewards = torch.tensor(hits, dtype=torch.float64) + torch.tensor(places, dtype=torch.float64)
    advantages = group_advantages(rewards, torch.tensor(groups), epsilon=1e-4)
    return {
        "rule_reward": hits,
        "ranking_reward": places,
        "reward": rewards.tolist(),
        "advantages": advantages.tolist(),
    }


@adapter("rere-loss", evaluates="rere")
def rere_loss(case: Case) -> dict[str, Any]:
    """The loss of one on-policy step."""
    params = dict(case.params)
    flags = {form for form in ("dapo", "gspo") if params.pop(form, False)}
    objective = ReRe(**params, form=next(iter(flags), "grpo"))
    return evaluate_plainly(objective, {"responses": case.inputs["responses"], "advantage": case.inputs["advantages"]})
