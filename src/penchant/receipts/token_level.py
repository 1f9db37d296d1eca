"""Published cases of losses with per-token statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.core.requirements import UNIT_MEANS
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.token_masks import LayerMask, Masks
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.implicit_rewards import evaluate_with_rewards
from penchant.receipts.plain import plain

__all__ = ["rrpo", "sequential", "sparsepo", "sparsepo_mapo", "summary", "tab_po", "view_of_two_models", "wpo"]


@adapter("wpo")
def wpo(case: Case) -> dict[str, Any]:
    """WPO: full token distributions as logits, and the reference as one number per response."""
    if "policy_logits" not in case.inputs["chosen"]:
        return plain(case.method, case.params, case.inputs)
    views, leaves = {}, {}
    for side in ("chosen", "rejected"):
        views[side], leaves[side] = _view_of_logits(case.inputs[side])
    result = build(case.method, **case.params)(**views)
    loss = result.values.mean()
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    grad = {
        f"{side}.policy_logits": [
            row[: len(each)].tolist() for row, each in zip(gradient, case.inputs[side]["tokens"], strict=True)
        ]
        for side, gradient in zip(leaves, gradients, strict=True)
    }
    weights = result.statistics["weight"].tolist()
    return {"weights": weights, "losses": result.values.tolist(), "loss": loss.item(), "grad": grad}


@adapter("tdpo1", "tdpo2")
def sequential(case: Case) -> dict[str, Any]:
    """TDPO, with the divergence at each position as an input, or with both distributions as logits."""
    # The published record of the first form names the second form's weight, and gives none.
    own = {name: value for name, value in case.params.items() if value is not None}
    objective = build(case.method, **own)
    if any("policy_logits" in view for view in case.inputs.values()):
        return _of_distributions(objective, case.inputs)
    inputs = {
        side: {("reference_kl" if name == "position_kl" else name): each for name, each in view.items()}
        for side, view in case.inputs.items()
    }
    found = evaluate_with_rewards(objective, inputs, {side: f"{side}_rewards" for side in inputs})
    grad = {name.replace("reference_kl", "position_kl"): each for name, each in found["grad"].items()}
    for side, view in case.inputs.items():  # a divergence without gradient has none in our results
        grad.setdefault(f"{side}.position_kl", [[0.0] * len(row) for row in view["policy"]])
    return found | {"grad": grad} | {f"{side}_position_kl_sum": found[f"position_kl/{side}"] for side in inputs}


def _of_distributions(objective: Objective, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Losses, rewards and summed divergences of TDPO, and its gradient in the policy's logits."""
    views, leaves = {}, {}
    for side, given in inputs.items():
        views[side], leaves[f"{side}.policy_logits"] = view_of_two_models(given)
    result = objective(**views)
    found = summary(result.values, leaves, {side: view.length for side, view in views.items()})
    for side, view in views.items():
        rewards = objective.rewards(view)
        assert rewards is not None
        found[f"{side}_rewards"] = rewards.tolist()
        found[f"{side}_position_kl_sum"] = result.statistics[f"position_kl/{side}"].tolist()
    return found


def _view_of_logits(given: Mapping[str, Any]) -> tuple[Scored, Tensor]:
    """A view with the statistics of its distributions, and the logits [R, T, V] for the gradients."""
    rows = [torch.tensor(each, dtype=torch.float64) for each in given["policy_logits"]]
    logits = pad_sequence(rows, batch_first=True).requires_grad_()
    tokens = pad_sequence([torch.tensor(each) for each in given["tokens"]], batch_first=True)
    mask = torch.arange(tokens.shape[1]) < torch.tensor([[len(each)] for each in rows])
    every = logits.log_softmax(-1)
    policy, distribution = every.gather(-1, tokens.unsqueeze(-1)).squeeze(-1), every.exp()
    reference = torch.zeros_like(policy)
    reference[:, 0] = torch.tensor(given["reference_sequence_logps"], dtype=torch.float64)
    stats = {"sum_p2": distribution.square().sum(-1), "max_p": distribution.amax(-1)}
    return Scored(policy, reference, mask, stats), logits


@adapter("tab-po")
def tab_po(case: Case) -> dict[str, Any]:
    """TAB-PO: weights of tokens as part of the views, which already count tokens that differ."""
    if "chosen_token_weights" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    inputs = {side: {name: view[name] for name in ("policy", "reference")} for side, view in case.inputs.items()}
    weights = {f"{side}_token_weights": view["token_weight"] for side, view in case.inputs.items()}
    objective = build(case.method, **case.params)
    found = evaluate_plainly(objective, {**inputs, **weights})
    base, barrier = (torch.tensor(found[name]).mean().item() for name in ("base_loss", "barrier"))
    return found | {"dpo_loss": base, "barrier_loss": objective.hyper["barrier_weight"] * barrier}


@adapter("rrpo")
def rrpo(case: Case) -> dict[str, Any]:
    """RRPO: the distributions of policy and reference as logits, and the phrase of each token."""
    if "chosen_phrase_ids" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    views, leaves, ids = {}, {}, {}
    for side, given in case.inputs.items():
        views[side], leaves[f"{side}.policy_logits"] = view_of_two_models(given)
        ids[side] = pad_sequence([torch.tensor(row) for row in given["phrase_id"]], batch_first=True)
    objective = build(case.method, **case.params)
    result = objective(**views, **{f"{side}_phrase_ids": each for side, each in ids.items()})
    found = summary(result.values, leaves, {side: view.length for side, view in views.items()})
    count = max(int(each.max()) for each in ids.values())
    for side, view in views.items():
        phrases = torch.nn.functional.one_hot(ids[side], count + 1)[..., 1:].double()
        found[f"{side}_phrase_margins"] = torch.einsum("rt,rtk->rk", view.token_logratio.detach(), phrases).tolist()
        found[f"{side}_rewards"] = (objective.hyper["beta"] * result.statistics[f"phrases/{side}"]).tolist()
    return found | {"chosen_kl": result.statistics["position_kl/chosen"].tolist()}


@adapter("sparsepo")
def sparsepo(case: Case) -> dict[str, Any]:
    """SparsePO: masks as given numbers beside logits, or the forward pass of the mask network."""
    if "hidden_states_per_layer" in case.inputs:
        return {"mask": _network_mask(case)}
    if "policy_logits" not in case.inputs["chosen"]:
        return plain(case.method, case.params, case.inputs)
    views, leaves, masks = {}, {}, {}
    common = bool(case.params.get("common_mask", True))
    for side in ("chosen", "rejected"):
        given = case.inputs[side]
        views[side], leaves[f"{side}.policy_logits"] = view_of_two_models(given)
        names = ["reward_mask"] if common else ["reward_mask", "kl_mask"]
        for name in names:
            rows = [torch.tensor(row, dtype=torch.float64) for row in given[name]]
            leaves[f"{side}.{name}"] = pad_sequence(rows, batch_first=True).requires_grad_()
        masks[side] = Masks(leaves[f"{side}.reward_mask"], leaves[f"{side}.{names[-1]}"])
    objective = build(case.method, **case.params)
    losses = objective.under(views["chosen"], views["rejected"], masks["chosen"], masks["rejected"])  # type: ignore[operator]
    return summary(losses, leaves, {side: view.length for side, view in views.items()})


def _network_mask(case: Case) -> list[Any]:
    """The masks of a network with published weights, for states [L, ..., D] by layer."""
    given = {name: torch.tensor(each, dtype=torch.float64) for name, each in case.inputs["weights"].items()}
    states = torch.tensor(case.inputs["hidden_states_per_layer"], dtype=torch.float64)
    places = sorted(int(name.split(".")[1]) for name in given if name.endswith(".w.weight"))
    network = LayerMask().double()
    network.epsilon = case.params.get("layer_norm_eps", network.epsilon)
    network.load_state_dict(
        {
            "weight": torch.cat([given[f"w_per_layer.{place}.w.weight"] for place in places]),
            "bias": torch.cat([given[f"w_per_layer.{place}.w.bias"] for place in places]),
            "mixer": given["mixer.weight"].flatten(),
            "scale": given["layer_norm.weight"],
            "shift": given["layer_norm.bias"],
        }
    )
    found: list[Any] = network(states.movedim(0, -2)).tolist()
    return found


@adapter("sparsepo-mapo")
def sparsepo_mapo(case: Case) -> dict[str, Any]:
    """SparsePO with masks from one activation of the reference, given with all its units."""
    if any("activations" not in view for view in case.inputs.values()):
        return plain(case.method, case.params, case.inputs)
    inputs = {}
    for side, view in case.inputs.items():
        means = [[[[sum(units) / len(units)]] for units in row] for row in view["activations"]]
        own = {name: view[name] for name in ("policy", "reference")}
        inputs[side] = {**own, "reference_kl": view["position_kl"], "reference_activations": {UNIT_MEANS: means}}
    objective = build(case.method, **{n: each for n, each in case.params.items() if n != "activation_mapping"})
    found = evaluate_plainly(objective, inputs)
    reader = PlainInputs(inputs, objective.requirements, objective.id)
    masks = {}
    for side, view in case.inputs.items():
        table = objective.masks(reader.view(side)).reward.tolist()  # type: ignore[operator]
        masks[side] = [row[: len(each)] for row, each in zip(table, view["policy"], strict=True)]
    grad = {name.replace("reference_kl", "position_kl"): each for name, each in found["grad"].items()}
    return found | {"mask": masks, "grad": grad}


def view_of_two_models(given: Mapping[str, Any]) -> tuple[Scored, Tensor]:
    """A view of the logits of policy and reference with the divergence at each position, and the policy's logits.

    Args:
        given: ``policy_logits`` and ``reference_logits``, one list of V numbers per token, and ``labels``, the tokens.
    """
    logits, reference = (
        pad_sequence([torch.tensor(each, dtype=torch.float64) for each in given[name]], batch_first=True)
        for name in ("policy_logits", "reference_logits")
    )
    labels = pad_sequence([torch.tensor(each) for each in given["labels"]], batch_first=True)
    mask = torch.arange(labels.shape[1]) < torch.tensor([[len(each)] for each in given["labels"]])
    own, other = logits.requires_grad_().log_softmax(-1), reference.log_softmax(-1)
    policy, base = (each.gather(-1, labels.unsqueeze(-1)).squeeze(-1) for each in (own, other))
    return Scored(policy, base, mask, {"reference_kl": (other.exp() * (other - own)).sum(-1)}), logits


def summary(losses: Tensor, leaves: Mapping[str, Tensor], lengths: Mapping[str, Tensor]) -> dict[str, Any]:
    """Losses, their mean, and its gradient in each leaf, cut to the lengths of its side.

    Args:
        losses: [B].
        leaves: tensors [R, T, ...] by name, which begins with the side.
        lengths: [R] tokens of each response, by side.
    """
    loss = losses.mean()
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    grad = {}
    for name, gradient in zip(leaves, gradients, strict=True):
        rows = zip(gradient, lengths[name.split(".")[0]].tolist(), strict=True)
        grad[name] = [row[:length].tolist() for row, length in rows]
    return {"losses": losses.tolist(), "loss": loss.item(), "grad": grad}
