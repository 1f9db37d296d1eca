"""Published cases of PPO and its relatives: token rewards, GAE, losses of policy and critic, coefficients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.sampled.returns import (
    divergences,
    gae,
    next_coefficient,
    return_to_go,
    token_rewards,
    whiten,
)
from penchant.objectives.policy_gradient.ppo import PPO, value_losses
from penchant.online.roll_in import roll_in_shares
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import plain
from penchant.receipts.tokens import gradients_of, listed, padded, view_of

__all__ = ["dr_po", "ppo", "reinforce_pp"]


@adapter("ppo")
def ppo(case: Case) -> dict[str, Any]:
    """PPO: what is computed follows from the inputs (rewards and values, log-probabilities, divergences, scores)."""
    inputs, params = case.inputs, case.params
    if "hidden" in inputs.get("responses", {}):
        return plain(case.method, params, inputs)
    if "observed_kl" in inputs:
        return _coefficients(case)
    if "token_rewards" in inputs:
        return _advantages(*padded(inputs["token_rewards"]), case)
    if "token_kl" in inputs:
        return _shaped(case)
    if "scores" in inputs:
        return _shaped_beyond(case)
    if "estimator" in params:
        return _estimated(case)
    return _losses(case) if "responses" in inputs else _value_loss(case)


def _coefficients(case: Case) -> dict[str, Any]:
    coefficient, found, params = case.params["init_kl_coef"], [], case.params
    for observed in case.inputs["observed_kl"]:
        coefficient = next_coefficient(
            coefficient,
            observed,
            target=params["target"],
            horizon=params["horizon"],
            samples=params["n_steps"],
        )
        found.append(coefficient)
    return {"kl_coef_after_each": found}


def _advantages(rewards: Tensor, mask: Tensor, case: Case) -> dict[str, Any]:
    """Advantages and returns of token rewards, with the values of the case, or of zeros."""
    values = padded(case.inputs["values"])[0] if "values" in case.inputs else torch.zeros_like(rewards)
    gamma = case.params.get("gamma", 1.0)
    plain = gae(rewards, values, mask, gamma=gamma, lam=case.params.get("lam", 1.0))
    return {
        "advantages_unnormalised": listed(plain, mask),
        "advantages_whitened": listed(whiten(plain, mask), mask),
        "returns": listed(plain + values, mask),
        "return_to_go": listed(return_to_go(rewards, mask, gamma), mask),
    }


def _clip(case: Case) -> tuple[float, float] | None:
    given = case.params.get("reward_clip_range")
    return None if given is None else (given[0], given[1])


def _shaped(case: Case) -> dict[str, Any]:
    apart, mask = padded(case.inputs["token_kl"])
    scores = torch.tensor(case.inputs["scores"], dtype=torch.float64)
    rewards = token_rewards(scores, apart, mask, case.params["kl_coef"], _clip(case))
    return {"token_rewards": listed(rewards, mask), **_advantages(rewards, mask, case)}


def _shaped_beyond(case: Case) -> dict[str, Any]:
    """As in TRL: the score stands one position after the last token where there is room, with a value for it."""
    inputs, params = case.inputs, case.params
    width = params["response_length"]
    policy, own = padded(inputs["responses"]["policy"], width)
    reference, _ = padded(inputs["responses"]["reference"], width)
    mask = torch.arange(width) < (own.sum(-1, keepdim=True) + 1)
    apart = divergences(policy, reference, params.get("kl_estimator", "k1"))
    scores = torch.tensor(inputs["scores"], dtype=torch.float64)
    rewards = token_rewards(scores, apart, mask, params["kl_coef"])
    if params.get("whiten_rewards"):
        rewards = whiten(rewards, mask, shift=False)
    values, _ = padded(inputs["values"], width)
    plain = gae(rewards, values, mask, gamma=params["gamma"], lam=params["lam"])
    return {
        "token_rewards": rewards.tolist(),
        "advantages": listed(whiten(plain, own), own),
        "returns": listed(plain + values, mask),
    }


def _estimated(case: Case) -> dict[str, Any]:
    view = view_of(case.inputs["responses"]["policy"])
    reference, mask = padded(case.inputs["responses"]["reference"])
    each = divergences(view.policy, reference, case.params["estimator"])
    slopes = gradients_of(each[mask].sum(), {"responses.policy": (view.policy, mask)})
    return {"per_token": listed(each, mask), "grad": slopes}


def _value_loss(case: Case) -> dict[str, Any]:
    clip = case.params["cliprange_value"]
    values, mask = padded(case.inputs["value_predictions"])
    old, returns = (padded(case.inputs[name])[0] for name in ("old_values", "returns"))
    values.requires_grad_()
    loss = value_losses(values, old, returns, clip)[mask].mean()
    held = value_losses(values, old, returns, clip) > value_losses(values, old, returns, 0.0)
    slopes = gradients_of(loss, {"value_predictions": (values, mask)})
    return {"loss": loss.item(), "clip_fraction": held[mask].double().mean().item(), "grad": slopes}


def _losses(case: Case) -> dict[str, Any]:
    inputs, params = case.inputs, case.params
    low = params.get("clip_low", params.get("cliprange", 0.2))
    built = PPO(
        epsilon_low=low,
        epsilon_high=params.get("clip_high", low),
        dual_clip=params.get("dual_clip") or 0.0,
        value_clip=params.get("cliprange_value", 0.2),
        value_weight=params.get("vf_coef", 0.0),
        aggregation=params.get("aggregation", "token-mean"),
    ).double()
    advantage, mask = padded(inputs["advantages"])
    predicted = padded(inputs["value_predictions"])[0] if "value_predictions" in inputs else torch.zeros_like(advantage)
    predicted.requires_grad_()
    view = view_of(inputs["responses"]["policy"], hidden=predicted.unsqueeze(-1))
    _as_it_is(built)
    given = {
        "old_policy": padded(inputs["responses"]["old"])[0],
        "advantage": advantage,
        "returns": padded(inputs["returns"])[0] if "returns" in inputs else predicted.detach(),
        "old_values": padded(inputs["old_values"])[0] if "old_values" in inputs else predicted.detach(),
    }
    return _results(built, view, given, {"responses.policy": view.policy, "value_predictions": predicted}, mask)


def _as_it_is(built: PPO) -> None:
    """A critic that reads its value from a state of one number."""
    built.critic.bind(1)
    assert built.critic.weight is not None
    with torch.no_grad():
        built.critic.weight.fill_(1.0)
    built.critic.double()


def _results(
    built: PPO, view: Scored, given: dict[str, Tensor], leaves: dict[str, Tensor], mask: Tensor
) -> dict[str, Any]:
    losses = built(responses=view, **given)
    loss = losses.values.mean()
    tokens = view.length / view.length.sum()
    value_loss = losses.statistics["value_loss"].mean().item()
    apart = (given["old_policy"] - view.policy)[view.mask].mean().item()
    return {
        "loss": loss.item(),
        "policy_loss": loss.item() - built.value_weight * value_loss,
        "value_loss": value_loss,
        "clip_fraction": float((losses.statistics["clipped"] * tokens).sum()),
        "approx_kl_k1": apart,
        "grad": gradients_of(loss, {name: (table, mask) for name, table in leaves.items()}),
    }


@adapter("dr-po", evaluates="ppo")
def dr_po(case: Case) -> dict[str, Any]:
    """DR-PO: the policy's loss over the tokens beyond each roll-in, or the shares of roll-in lengths."""
    inputs, params = case.inputs, case.params
    if "hidden" in inputs.get("responses", {}):
        return plain("ppo", params, inputs)
    if "rollin_length" not in inputs:
        shares = roll_in_shares(inputs["reference_length"], params["beta"])
        return {"frequency_by_length": [*shares, *[0.0] * (inputs["buffer_length"] - len(shares))]}
    advantage, mask = padded(inputs["advantages"])
    built = PPO(epsilon_low=params["cliprange"], epsilon_high=params["cliprange"], value_weight=0.0).double()
    _as_it_is(built)
    own = mask & (torch.arange(mask.shape[1]) >= torch.tensor(inputs["rollin_length"]).unsqueeze(1))
    zeros = torch.zeros_like(advantage)
    view = view_of(inputs["responses"]["policy"], mask=own, hidden=zeros.unsqueeze(-1))
    given = {"old_policy": padded(inputs["responses"]["old"])[0], "advantage": advantage, "returns": zeros}
    return _results(built, view, given, {"responses.policy": view.policy}, mask)


@adapter("reinforce-pp")
def reinforce_pp(case: Case) -> dict[str, Any]:
    """REINFORCE++: whitened returns of token rewards, or scores against their group's mean, whitened over tokens."""
    if "responses" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    if "token_rewards" in case.inputs:
        rewards, mask = padded(case.inputs["token_rewards"])
        found = return_to_go(rewards, mask, case.params.get("gamma", 1.0))
        return {"returns": listed(found, mask), "advantages": listed(whiten(found, mask), mask)}
    return _BASELINES["nested" if isinstance(case.inputs["scores"][0], list) else "flat"](case)


def _nested(case: Case) -> dict[str, Any]:
    if case.params.get("estimator", "reinforce_baseline") != "reinforce_baseline":
        raise ConfigurationError(
            f"estimator is {case.params['estimator']!r}, expected 'reinforce_baseline'.", where=f"case {case.name!r}"
        )
    scores = torch.tensor(case.inputs["scores"], dtype=torch.float64)
    return {"shaped_scores": (scores - scores.mean(-1, keepdim=True)).tolist()}


def _flat(case: Case) -> dict[str, Any]:
    scores = torch.tensor(case.inputs["scores"], dtype=torch.float64)
    centred = group_advantages(scores, torch.tensor(case.inputs["group"]), scale="none")
    lengths = torch.tensor(case.inputs["lengths"])
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
    found = whiten(centred.unsqueeze(1).expand(mask.shape), mask)
    return {"advantages": found[:, 0].tolist()}


_BASELINES: dict[str, Callable[[Case], dict[str, Any]]] = {"nested": _nested, "flat": _flat}
