"""Published cases of losses on scored lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.lists import better_pairs, pairwise_logistic
from penchant.objectives.functional.ranking_distributions import ranking_logprobs
from penchant.objectives.functional.reward_pairs import eurus
from penchant.objectives.listwise.adpo_listwise import EPSILON, ADPOListwise
from penchant.objectives.listwise.ddo_rm import DDORM
from penchant.objectives.listwise.pad import PAD, PADVanilla
from penchant.objectives.listwise.pro import PRO
from penchant.objectives.listwise.tpo_tree import TreePreference
from penchant.objectives.recommendation.dynamicpo import DynamicPO
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.forms import evaluated_form, form_of
from penchant.receipts.plain import in_our_terms, plain

__all__ = [
    "adpo_listwise",
    "against_several",
    "ddo_rm",
    "eurus_rm",
    "irpo",
    "nca_list",
    "nca_pair",
    "pad",
    "pro",
    "ranked",
    "tpo_tree",
]


@adapter("ddo-rm")
def ddo_rm(case: Case) -> dict[str, Any]:
    """DDO-RM, with the distributions of each group and the gradient of the released form."""
    objective, inputs = DDORM(**case.params), in_our_terms(case.inputs)
    responses, scores = _scored_list(objective, inputs)
    policy, centred, target = objective.distributions(responses, scores)
    each_response = {"policy_distribution": policy.exp(), "centered_reward": centred, "target_distribution": target}
    rows = [(responses.group == place).nonzero().flatten() for place in range(responses.examples)]
    released = evaluate_plainly(DDORM(**{**case.params, "released": True}), inputs)
    return {
        **evaluate_plainly(objective, inputs),
        **{name: [values[each].tolist() for each in rows] for name, values in each_response.items()},
        "grad_target_not_detached": released["grad"],
    }


@adapter("adpo-listwise")
def adpo_listwise(case: Case) -> dict[str, Any]:
    """ADPO on lists, with the advantages that the published code starts from, and the mean temperature."""
    own = {name: value for name, value in case.params.items() if name != "num_generations"}  # implied by the groups
    objective, inputs = ADPOListwise(**own), in_our_terms(case.inputs)
    responses, scores = _scored_list(objective, inputs)
    advantages = group_advantages(scores, responses.group, epsilon=EPSILON)
    found = evaluate_plainly(objective, inputs)
    return {**found, "advantages": advantages.tolist(), "mean_tau": sum(found["tau"]) / max(len(found["tau"]), 1)}


def _scored_list(objective: Objective, inputs: Mapping[str, Any]) -> tuple[Scored, Tensor]:
    """The responses with their groups, and their scores, [R]."""
    reader = PlainInputs(inputs, objective.requirements, objective.id)
    responses, scores = reader.view("responses"), reader.field("scores")
    assert isinstance(responses, Scored) and scores is not None
    return responses, scores


@adapter("pad")
def pad(case: Case) -> dict[str, Any]:
    """PAD in both forms, with the distributions over all rankings of one prompt's responses.

    The student's score of a response is its mean log-probability, which a response of one token has as its own.
    """
    if "student_avg_logp" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    given, taught = case.inputs["student_avg_logp"], case.inputs["teacher_score"]
    inputs = {
        "responses": {"policy": [[each] for each in given]},
        "groups": [list(range(len(given)))],
        "scores": [taught],
    }
    beta = float(case.params.get("beta", PAD().beta))
    found: dict[str, Any] = {
        f"{side}_ranking_logprobs": ranking_logprobs(beta * torch.tensor(values, dtype=torch.float64)).tolist()
        for side, values in (("student", given), ("teacher", taught))
    }
    forms = {"probabilistic_released": PAD(beta=beta, divergence="released"), "vanilla": PADVanilla(beta=beta)}
    for name, objective in forms.items():
        one = evaluate_plainly(objective, inputs)
        found[f"loss_{name}"] = one["loss"]
        found[f"grad_{name}"] = {"student_avg_logp": [row[0] for row in one["grad"]["responses.policy"]]}
    return found


_PAIRS = {"NCA": "nca", "InfoNCA": "dpo", "biasedNCA": "nca-biased"}
_LISTS = {"NCA": "nca-reward", "InfoNCA": "infonca-reward"}


@adapter("nca-pair", evaluates=lambda case: form_of(case, "variant", _PAIRS))
def nca_pair(case: Case) -> dict[str, Any]:
    """The pair forms of NCA; InfoNCA of pairs is DPO."""
    return evaluated_form(case, "variant", _PAIRS)


@adapter("nca-list", evaluates=lambda case: form_of(case, "variant", _LISTS))
def nca_list(case: Case) -> dict[str, Any]:
    """The list forms of NCA."""
    return evaluated_form(case, "variant", _LISTS)


@adapter("plackett-luce-dpo", "lipo-lambda")
def ranked(case: Case) -> dict[str, Any]:
    """Losses of ranked or scored lists."""
    return evaluate_plainly(build(case.method, **case.params), case.inputs)


@adapter("irpo")
def irpo(case: Case) -> dict[str, Any]:
    """IRPO; the published loss of a batch is the sum over its lists, and the ranks are positions in the answer."""
    inputs = {("positions" if name == "ranks" else name): each for name, each in case.inputs.items()}
    found = evaluate_plainly(build(case.method, **case.params), inputs)
    count = len(found["losses"])
    summed = {name: [[value * count for value in row] for row in rows] for name, rows in found["grad"].items()}
    return {**found, "loss_sum": sum(found["losses"]), "grad_of_sum": summed}


@adapter("s-dpo", "dmpo", "dynamicpo")
def against_several(case: Case) -> dict[str, Any]:
    """One chosen response against several: ``rejected`` is a list over the negatives, each with one per example.

    DynamicPO also gives the ``selected_negatives`` of each example, their log-probabilities and their ``betas``.
    """
    if "responses" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    own = {name: value for name, value in case.params.items() if name != "num_negatives"}
    objective, sides = build(case.method, **own), [case.inputs["chosen"], *case.inputs["rejected"]]
    examples, each = len(sides[0]["policy"]), len(sides)
    both = {
        key: [side[key][example] for example in range(examples) for side in sides] for key in ("policy", "reference")
    }
    groups = [list(range(each * example, each * (example + 1))) for example in range(examples)]
    ranks = [[1.0, *[2.0] * (each - 1)] for _ in groups]
    found = evaluate_plainly(objective, {"responses": both, "groups": groups, "ranks": ranks})
    slopes = found["grad"]["responses.policy"]
    grad = {"chosen.policy": slopes[::each]}
    grad |= {f"rejected[{place}].policy": slopes[place + 1 :: each] for place in range(each - 1)}
    chosen = _choices(objective, both["policy"], each) if isinstance(objective, DynamicPO) else {}
    return {**found, "grad": grad, **chosen}


def _choices(objective: DynamicPO, policy: list[list[float]], each: int) -> dict[str, Any]:
    totals = torch.tensor([sum(row) for row in policy], dtype=torch.float64).view(-1, each)
    found: dict[str, Any] = {"betas": [], "selected_negatives": [], "selected_negative_logps": []}
    for row in totals:
        used, betas = objective.choose(row[0], row[1:])
        found["betas"].append(betas.tolist())
        found["selected_negatives"].append(used.nonzero().flatten().tolist())
        found["selected_negative_logps"].append(row[1:][used].tolist())
    return found


@adapter("pro")
def pro(case: Case) -> dict[str, Any]:
    """PRO, with the mean loss of each stage over the batch."""
    objective, inputs = PRO(**case.params), in_our_terms(case.inputs)
    responses, scores = _scored_list(objective, inputs)
    stages = objective.stages(responses, scores)
    rows = [(responses.group == place).nonzero().flatten() for place in range(responses.examples)]
    longest = max(len(row) for row in rows)
    by_stage = [torch.stack([stages[row][place] for row in rows if place < len(row)]) for place in range(longest - 1)]
    found = evaluate_plainly(objective, inputs)
    means = [each.mean().item() for each in by_stage]
    return {**found, "stage_losses": means, "sft_term": sum(found["sft"]) / len(found["sft"])}


@adapter("eurus-rm")
def eurus_rm(case: Case) -> dict[str, Any]:
    """Eurus' reward model, on rewards."""
    if "chosen_rewards" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    leaves = {
        name: torch.tensor(values, dtype=torch.float64, requires_grad=True) for name, values in case.inputs.items()
    }
    loss = eurus(leaves["chosen_rewards"], leaves["rejected_rewards"], **case.params).mean()
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    return {"loss": loss.item(), "grad": {name: each.tolist() for name, each in zip(leaves, slopes, strict=True)}}


@adapter("tpo-tree")
def tpo_tree(case: Case) -> dict[str, Any]:
    """Tree PO: step weights and scores of the trajectories of one prompt, or the pair term of given scores.

    The weights have a first column of zeros, since steps count from 1. The published pair term is the mean over all
    ordered pairs, in which equal ones count log 2, a response with itself too, divided by N (N − 1).
    """
    if "responses" in case.inputs:
        return evaluate_plainly(TreePreference(**case.params), case.inputs)
    if "token_log_ratio" not in case.inputs:
        return _pair_term(case.inputs["scores"], case.inputs["labels"])
    ratio, index, hidden = (
        torch.tensor(case.inputs[name], dtype=torch.float64)
        for name in ("token_log_ratio", "step_index", "hidden_states")
    )
    group = torch.zeros(len(index), dtype=torch.long)
    responses = Scored(ratio, torch.zeros_like(ratio), ratio == ratio, group=group, hidden=hidden)
    objective, scores = TreePreference(**case.params), -torch.arange(len(ratio)).double()  # the first is the best
    steps = objective.steps(responses, index)
    weights = torch.nn.functional.pad(objective.weights(steps, scores, group), (1, 0))
    return {"step_weights": weights.tolist(), "weighted_scores": objective.step_scores(steps, scores, group).tolist()}


def _pair_term(scores: list[list[float]], labels: list[list[float]]) -> dict[str, Any]:
    leaves = [torch.tensor(row, dtype=torch.float64, requires_grad=True) for row in scores]
    losses = []
    for values, row in zip(leaves, labels, strict=True):
        quality, group = torch.tensor(row, dtype=torch.float64), torch.zeros(len(row), dtype=torch.long)
        better = better_pairs(quality, group)
        ties = better.numel() - 2 * better.sum()
        total = 2 * pairwise_logistic(values, better).sum() + ties * math.log(2)
        losses.append(total / (len(row) * (len(row) - 1)))
    loss = torch.stack(losses).mean()
    slopes = torch.autograd.grad(loss, leaves)
    return {"loss": loss.item(), "grad": {"scores": [each.tolist() for each in slopes]}}
