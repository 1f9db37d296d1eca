"""Published cases of unlearning metrics, weight attribution and projections."""

from __future__ import annotations

from typing import Any

import torch

from penchant.evaluation.unlearning.tofu import Answers, normalised_probability, rouge_recall, summary, truth_ratio
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.training.parameters.attribution import attribution, top_share
from penchant.training.parameters.projection import initial_directions, projected

__all__ = ["mrp", "normalised", "rouge", "tofu_metrics", "truth", "wagle"]


@adapter("tofu-metrics")
def tofu_metrics(case: Case) -> dict[str, Any]:
    """TOFU's table from losses per answer."""
    sets = {name: _answers(name, given) for name, given in case.inputs["unlearned"].items()}
    return summary(sets, _answers("forget", case.inputs["retrained"]["forget"]))


def _answers(name: str, given: dict[str, Any]) -> Answers:
    public = name in ("real_authors", "world_facts")
    return Answers(
        gold=given["avg_gt_loss"],
        wrong=given["average_perturb_loss"],
        paraphrase=given["avg_paraphrased_loss"],
        rouge=given["rougeL_recall"],
        perturbed=public,
    )


@adapter("truth-ratio")
def truth(case: Case) -> dict[str, Any]:
    """Truth ratios in the forms of open-unlearning, and their mean."""
    found = truth_ratio(case.inputs["correct_avg_loss"], case.inputs["wrong_avg_loss"], case.params["aggregator"])
    return {"value": float(found.mean()), "per_item": found.tolist()}


@adapter("normalised-probability")
def normalised(case: Case) -> dict[str, Any]:
    """The share of the right answer, and its mean."""
    found = normalised_probability(case.inputs["correct_prob"], case.inputs["wrong_prob"])
    return {"value": float(found.mean()), "per_item": found.tolist()}


@adapter("rouge-recall")
def rouge(case: Case) -> dict[str, Any]:
    """ROUGE of generated answers."""
    return rouge_recall(case.inputs["generated"], case.inputs["reference"], **case.params)


@adapter("wagle")
def wagle(case: Case) -> dict[str, Any]:
    """Attribution scores and the mask of the weights that move."""
    tables = {
        kind: {name: torch.tensor(values, dtype=torch.float64) for name, values in case.inputs[kind].items()}
        for kind in ("weights", "forget_gradient", "retain_gradient")
    }
    scores = {
        name: attribution(weights, tables["forget_gradient"][name], tables["retain_gradient"][name], case.params["mu"])
        for name, weights in tables["weights"].items()
    }
    masks = top_share(scores, case.params["ratio"])
    return {
        "attribution": {name: each.tolist() for name, each in scores.items()},
        "mask": {name: each.int().tolist() for name, each in masks.items()},
    }


@adapter("mrp")
def mrp(case: Case) -> dict[str, Any]:
    """The initial projector of the published code, and projected hidden states."""
    given = {name: torch.tensor(values, dtype=torch.float32) for name, values in case.inputs.items()}
    own = initial_directions(given["unlearn_hidden"], given["retain_hidden"], case.params["dimension"], "official")
    before = given["previous_directions"].reshape(-1, own.shape[1])
    hidden = projected(given["hidden"], torch.cat([before, own]))
    return {"init_projector": (own.T @ own).tolist(), "projected_hidden": hidden.tolist()}
