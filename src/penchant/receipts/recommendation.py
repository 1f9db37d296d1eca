"""Published cases of recommendation."""

from __future__ import annotations

from typing import Any

import torch

from penchant.evaluation.recommendation.fairness import fairness_metrics
from penchant.evaluation.recommendation.joint import distances_to_frontier, joint_metrics, reference_point
from penchant.evaluation.recommendation.relevance import relevance_metrics
from penchant.generation.constrained import constrained_log_probs
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.ranking_rewards import hit_rewards, ranking_rewards
from penchant.objectives.recommendation.rere import ReRe
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["constrained_beam_mask", "dpfr", "item_fairness", "joint_fairness_relevance", "rere_loss", "rere_reward"]


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


@adapter("constrained-beam-mask")
def constrained_beam_mask(case: Case) -> dict[str, Any]:
    """Log-probabilities of next tokens with a penalty on those that extend no item."""
    scores, allowed = torch.tensor(case.inputs["scores"], dtype=torch.float64), case.inputs["allowed_tokens"]
    rows = torch.tensor([row for row, tokens in enumerate(allowed) for _ in tokens], dtype=torch.long)
    tokens = torch.tensor([token for each in allowed for token in each], dtype=torch.long)
    masked = constrained_log_probs(scores, rows, tokens, penalty=case.params["penalty"])
    return {"masked_log_probs": masked.tolist()}


@adapter("item-fairness")
def item_fairness(case: Case) -> dict[str, Any]:
    """Measures of item fairness of recommended lists."""
    return fairness_metrics(case.inputs["recommendations"], case.params["num_items"])


@adapter("joint-fairness-relevance")
def joint_fairness_relevance(case: Case) -> dict[str, Any]:
    """Joint measures and relevance metrics at the length of the lists."""
    lists, relevant = case.inputs["recommendations"], case.inputs["relevant_items"]
    return {**joint_metrics(lists, relevant, case.params["num_items"]), **relevance_metrics(lists, relevant)}


@adapter("dpfr")
def dpfr(case: Case) -> dict[str, Any]:
    """The distance of models to the reference point of a frontier."""
    frontier, models = case.inputs["frontier"], case.inputs["models"]
    return {
        "reference_point": list(reference_point(frontier, case.params["alpha"])),
        "distances": distances_to_frontier(models, frontier, case.params["alpha"]),
    }
