"""Published cases of reward and preference models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.functional.comparison_tables import max_logits, max_wins
from penchant.objectives.functional.general_preference import (
    antisymmetric,
    average_scores,
    block_weights,
    skew_score,
)
from penchant.objectives.functional.rating_regression import verbosity_penalty
from penchant.objectives.functional.reward_distributions import gaussian_loss, pinball
from penchant.objectives.functional.reward_pairs import centering, margin_regression, reward_logistic
from penchant.objectives.functional.ties import outcome_loss, rao_kupper
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import plain

__all__ = [
    "bt_reward_model",
    "bt_ties",
    "gaussian_reward",
    "general_preference_score",
    "gpm",
    "gpo",
    "multi_objective_reward_regression",
    "pairwise_margin_regression",
    "pairwise_ranking_aggregation",
    "quantile_reward",
]

#: From leaves by name to the loss of each example and what else the case lists.
Evaluation = Callable[[Mapping[str, Tensor]], tuple[Tensor, dict[str, Any]]]


def on_numbers(given: Mapping[str, Any], names: tuple[str, ...], evaluate: Evaluation) -> dict[str, Any]:
    """The losses of a function of a few tables of numbers, their mean, and its gradient in each table.

    Args:
        given: tables of numbers by name.
        names: those that the gradient is taken in.
        evaluate: maps them to the losses and further results.
    """
    leaves = {name: torch.tensor(given[name], dtype=torch.float64, requires_grad=True) for name in names}
    losses, further = evaluate(leaves)
    loss = losses.mean()
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    grad = {name: each.tolist() for name, each in zip(leaves, slopes, strict=True)}
    return {"loss": loss.item(), "losses": losses.tolist(), "grad": grad} | further


def _margin(case: Case) -> Tensor | None:
    given = case.inputs.get("margin")
    return None if given is None else torch.tensor(given, dtype=torch.float64)


def _probability(logit: Tensor) -> dict[str, Any]:
    """The probability of each preference; published code subtracts the margin in it too."""
    found = torch.sigmoid(logit).detach()
    return {"mean_prob": found.mean().item(), "preference_probability": found.tolist()}


_REWARDS = ("chosen_rewards", "rejected_rewards")
_EMBEDDINGS = ("chosen_embedding", "rejected_embedding")


@adapter("bt-reward-model")
def bt_reward_model(case: Case) -> dict[str, Any]:
    """Bradley-Terry on given rewards: loss, gradient, accuracy, mean margin, mean probability."""
    if _REWARDS[0] not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    margin, tau = _margin(case), case.params.get("tau", 1.0)
    weight = case.params.get("center_rewards_coefficient") or 0.0
    certain = case.inputs.get("probability", case.params.get("probability"))
    preferred = 1.0 - case.params.get("label_smoothing", 0.0)

    def losses(leaves: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Any]]:
        chosen, rejected = (leaves[name] for name in _REWARDS)
        gap = chosen - rejected
        soft = preferred if certain is None else torch.as_tensor(certain, dtype=gap.dtype)
        values = reward_logistic(gap, tau, margin, soft) + weight * centering(chosen, rejected)
        seen = {"accuracy": (gap > 0).double().mean().item(), "mean_margin": gap.mean().item()}
        return values, seen | _probability((gap if margin is None else gap - margin) / tau)

    return on_numbers(case.inputs, _REWARDS, losses)


@adapter("pairwise-margin-regression")
def pairwise_margin_regression(case: Case) -> dict[str, Any]:
    """Regression of differences of given rewards."""
    if _REWARDS[0] not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    margin, tau = _margin(case), case.params.get("tau", 1.0)
    named = {name: case.params[name] for name in ("target_margin", "margin_scale") if name in case.params}

    def losses(leaves: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Any]]:
        gap = leaves["chosen_rewards"] - leaves["rejected_rewards"]
        return margin_regression(gap, tau, margin=margin, **named), _probability(
            (gap if margin is None else gap - margin) / tau
        )

    return on_numbers(case.inputs, _REWARDS, losses)


@adapter("gpm")
def gpm(case: Case) -> dict[str, Any]:
    """GPM on given embeddings: the loss, or the score alone; ``target_margin`` selects the regression."""
    if "first" in case.inputs:
        return {"score": general_preference_score(case.inputs).tolist()}
    if _EMBEDDINGS[0] not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    return on_numbers(case.inputs, _EMBEDDINGS, lambda leaves: _general_preference(leaves, case))


def general_preference_score(inputs: Mapping[str, Any]) -> Tensor:
    """The scores of ``first`` over ``second``, with the gate of the prompt where one is given."""
    first, second = (torch.tensor(inputs[name], dtype=torch.float64) for name in ("first", "second"))
    weights = None
    if inputs.get("prompt_hidden") is not None:
        hidden, head = (
            torch.tensor(inputs[f"prompt_{name}"], dtype=torch.float64) for name in ("hidden", "head_weight")
        )
        weights = block_weights(hidden @ head.T)
    return skew_score(first, second, weights)


def _general_preference(leaves: Mapping[str, Tensor], case: Case) -> tuple[Tensor, dict[str, Any]]:
    score, margin, tau = skew_score(*(leaves[name] for name in _EMBEDDINGS)), _margin(case), case.params.get("tau", 1.0)
    seen = _probability((score if margin is None else score - margin) / tau) | {"scores": score.tolist()}
    if "target_margin" not in case.params:
        return reward_logistic(score, tau, margin), seen
    if margin is not None and "value_head_dim" in case.params:  # the published code for more than two dimensions
        return margin_regression(score - margin, tau, 0.0), seen
    return margin_regression(score, tau, case.params["target_margin"], margin), seen


@adapter("gpo", file="online", evaluates="gpm")
def gpo_score(case: Case) -> dict[str, Any]:
    """GPM's loss on pairs, or the antisymmetric table of raw scores with its averages."""
    if "raw_scores" not in case.inputs:
        return gpm(Case("gpm", {"tau": case.params.get("tau", 1.0)}, case.inputs))
    table = antisymmetric(torch.tensor(case.inputs["raw_scores"], dtype=torch.float64))
    return {"scores": table.tolist(), "average_score": average_scores(table).tolist()}


@adapter("gpo", file="reward-and-preference-models")
def gpo(case: Case) -> dict[str, Any]:
    """The policy loss of GPO, with the gradient of the sum of the losses in the summed log-probabilities."""
    found = evaluate_plainly(build("gpo", **case.params), case.inputs)
    count = len(found["losses"])
    sums = {
        f"{side}_policy_sequence_logp": [count * row[0] for row in found["grad"][f"{side}.policy"]]
        for side in ("chosen", "rejected")
    }
    return {**found, "grad_sum": sums}


@adapter("bt-ties")
def bt_ties(case: Case) -> dict[str, Any]:
    """Rao and Kupper's ties on given differences of rewards, with the gradient in them and in the threshold."""
    if "logits" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    given = {"logits": case.inputs["logits"], "eta": case.params.get("eta", 0.1)}
    outcomes = torch.tensor(case.inputs["outcomes"], dtype=torch.float64)

    def losses(leaves: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Any]]:
        logp = rao_kupper(leaves["logits"], leaves["eta"])
        return outcome_loss(logp, outcomes, case.params.get("eps", 1e-10)), {}

    return on_numbers(given, ("logits", "eta"), losses)


@adapter("pairwise-ranking-aggregation")
def pairwise_ranking_aggregation(case: Case) -> dict[str, Any]:
    """Scores of candidates from tables of comparisons; ``max_wins`` as published."""
    table = torch.tensor(case.inputs["comparison_table"])
    wins = case.params.get("policy", "max_logits") == "max_wins"
    return {"scores": (max_wins(table, symmetric=False) if wins else max_logits(table)).tolist()}


@adapter("quantile-reward")
def quantile_reward(case: Case) -> dict[str, Any]:
    """The pinball loss of each level, mean over examples."""
    if "predicted_quantiles" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    labels, predicted, levels = (
        torch.tensor(each, dtype=torch.float64)
        for each in (case.inputs["labels"], case.inputs["predicted_quantiles"], case.params["levels"])
    )
    found = pinball(labels, predicted, levels)
    return {"loss_per_level": found.mean(dim=0).tolist(), "loss": found.mean().item()}


@adapter("gaussian-reward")
def gaussian_reward(case: Case) -> dict[str, Any]:
    """The loss of given means and variances, with its gradient in both."""
    if "variance" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    labels = torch.tensor(case.inputs["labels"], dtype=torch.float64)
    eps = case.params.get("eps", 1e-6)

    def losses(leaves: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Any]]:
        return gaussian_loss(leaves["mean"], leaves["variance"].log(), labels, eps), {}

    return on_numbers(case.inputs, ("mean", "variance"), losses)


@adapter("multi-objective-reward-regression")
def multi_objective_reward_regression(case: Case) -> dict[str, Any]:
    """The search for the penalty on verbosity."""
    if "rewards" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    names = {"verbosity_dim": "verbosity", "corr_threshold": "threshold", "grid": "grid"}
    given = {names.get(name, name): value for name, value in case.params.items()}
    rewards = torch.tensor(case.inputs["rewards"], dtype=torch.float64)
    penalty, left = verbosity_penalty(rewards, **given)
    return {"penalty": penalty.tolist(), "correlation": left.tolist()}
