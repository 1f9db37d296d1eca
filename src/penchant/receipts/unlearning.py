"""Published cases of unlearning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from penchant.errors import DataError
from penchant.evaluation.unlearning.tofu import Answers, normalised_probability, rouge_recall, summary, truth_ratio
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import log1mexp
from penchant.objectives.unlearning.rmu import RMU
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import plain

__all__ = ["misdirection", "normalised", "of_logits", "of_losses", "rouge", "tofu_metrics", "truth"]

#: The forget loss and the retain term of each ``loss_type`` of the published code, which has one set of parameters.
_FORMS = {
    "npo": ("npo", ""),
    "npo_grad_diff": ("npo", "retain-nll"),
    "npo_KL": ("npo", "retain-kl"),
    "grad_ascent": ("gradient-ascent", ""),
    "grad_diff": ("gradient-ascent", "retain-nll"),
    "KL": ("gradient-ascent", "retain-kl"),
    "idk": ("idk", ""),
    "dpo": ("idk-dpo", ""),
    "dpo_grad_diff": ("idk-dpo", "retain-nll"),
    "dpo_KL": ("idk-dpo", "retain-kl"),
}
#: The forms whose cases have each published id.
_OF_ID = {
    "npo": ("npo", "npo_grad_diff", "npo_KL"),
    "gradient-ascent": ("grad_ascent",),
    "grad-diff": ("grad_diff",),
    "ga-kl": ("KL",),
    "idk": ("idk",),
    "idk-dpo": ("dpo", "dpo_grad_diff", "dpo_KL"),
}


@adapter(*_OF_ID, evaluates=lambda case: "grad-diff" if case.method == "grad-diff" else _form(case)[0])
def of_losses(case: Case) -> dict[str, Any]:
    """A forget loss with its retain term: the loss of the batch.

    Parameters are ``loss_type``, ``beta``, ``forget_coeff``, ``retain_coeff`` and ``kl_coeff``; inputs are the views
    ``forget``, ``retain`` and ``idk``. The vocabulary has two tokens, so a token's probability gives the whole
    distribution; the divergence is averaged over all positions of the padded batch, one more than it has tokens.

    Raises:
        DataError: the case is for another loss.
    """
    if "loss_type" not in case.params:
        return plain(case.method, case.params, case.inputs)
    forget, retain = _form(case)
    views = {name: _of_two(case.inputs[name]) for name in ("forget", "retain", "idk") if name in case.inputs}
    terms = [(case.params.get("forget_coeff", 1.0), _built(forget, case.params))]
    if case.method == "grad-diff":
        weights = {name: case.params.get(name, 1.0) for name in ("forget_coeff", "retain_coeff")}
        terms = [(1.0, build("grad-diff", **weights))]
    elif retain:
        positions = views["retain"].mask.shape[0] * (views["retain"].mask.shape[1] + 1)
        share = views["retain"].length.sum() / positions if retain == "retain-kl" else 1.0
        named = "kl_coeff" if retain == "retain-kl" else "retain_coeff"
        terms.append((case.params.get(named, 1.0) * share, build(retain)))
    loss = torch.zeros((), dtype=torch.float64)
    for weight, objective in terms:
        own = {name: views[name] for name in objective.requirements.views}
        loss = loss + weight * objective(**own).values.mean()
    return {"loss": loss.item(), "grad": _gradients(loss, views)}


def _form(case: Case) -> tuple[str, str]:
    known = _OF_ID[case.method]
    named = case.params.get("loss_type", known[0])
    if named not in known:
        expected = " or ".join(map(repr, known))
        raise DataError(f"The loss_type is {named!r}, expected {expected}.", where=f"case {case.method}")
    return _FORMS[named]


def _built(method: str, params: Mapping[str, Any]) -> Objective:
    objective = build(method)
    return build(method, beta=params["beta"]) if hasattr(objective, "beta") and "beta" in params else objective


def _of_two(given: Mapping[str, Any]) -> Scored:
    """A view of a vocabulary of two tokens, with the divergence of its distributions."""
    rows = [torch.tensor(row, dtype=torch.float64) for row in given["policy"]]
    mask = pad_sequence([torch.ones(len(row), dtype=torch.bool) for row in rows], batch_first=True)
    policy = pad_sequence(rows, batch_first=True, padding_value=-1.0).requires_grad_()
    reference = None
    stats = {}
    if given.get("reference") is not None:
        held = [torch.tensor(row, dtype=torch.float64) for row in given["reference"]]
        reference = pad_sequence(held, batch_first=True, padding_value=-1.0)
        other = -torch.expm1(reference)
        stats["reference_kl"] = reference.exp() * (reference - policy) + other * (
            log1mexp(reference) - log1mexp(policy)
        )
    return Scored(policy, reference, mask, stats)


def _gradients(loss: Tensor, views: Mapping[str, Scored]) -> dict[str, list[list[float]]]:
    slopes = torch.autograd.grad(loss, [view.policy for view in views.values()], allow_unused=True)
    return {
        f"{name}.policy": [row[kept].tolist() for row, kept in zip(slope, view.mask, strict=True)]
        for (name, view), slope in zip(views.items(), slopes, strict=True)
        if slope is not None
    }


@adapter("simnpo")
def simnpo(case: Case) -> dict[str, Any]:
    """SimNPO with its weights; inputs are ``forget`` and, for the retain term, ``retain``."""
    params = dict(case.params)
    if "forget_coeff" not in params:
        return plain(case.method, params, case.inputs)
    weights = params.pop("forget_coeff", 1.0), params.pop("retain_coeff", 1.0)
    views = {name: _of_two(given) for name, given in case.inputs.items()}
    loss = weights[0] * build("simnpo", **params)(forget=views["forget"]).values.mean()
    if "retain" in views:
        loss = loss + weights[1] * build("retain-nll")(retain=views["retain"]).values.mean()
    return {"loss": loss.item(), "grad": _gradients(loss, views)}


@adapter("wga", "satimp", "undial", "ce-u")
def of_logits(case: Case) -> dict[str, Any]:
    """Losses on logits [B, L, V]: those at a position predict the label of the next; labels of −100 are left out."""
    if "logits" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    objective = build(case.method, **case.params)
    logits = torch.tensor(case.inputs["logits"], dtype=torch.float64).requires_grad_()
    labels = torch.tensor(case.inputs["labels"])[:, 1:]
    mask = labels >= 0
    ids = labels.clamp(min=0)
    log_probs = logits[:, :-1].log_softmax(-1)
    reference = None
    if "reference_logits" in case.inputs:
        held = torch.tensor(case.inputs["reference_logits"], dtype=torch.float64)[:, :-1].log_softmax(-1)
        reference = held.flatten(0, 1)
    policy = log_probs.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    stats = {
        str(each): each(log_probs.flatten(0, 1), ids.flatten(), reference).view_as(policy)  # type: ignore[operator]
        for each in objective.requirements.needs.stats
    }
    first = int(mask.int().argmax(-1).min())  # a response starts at its first label
    part = {name: values[:, first:] for name, values in stats.items()}
    view = Scored(policy[:, first:], policy[:, first:].detach(), mask[:, first:], part)
    loss = objective(forget=view).values.mean()
    (slope,) = torch.autograd.grad(loss, [logits])
    return {"loss": loss.item(), "grad": {"logits": slope.tolist()}}


@adapter("rmu")
def misdirection(case: Case) -> dict[str, Any]:
    """RMU on activations [B, T, D]; the random direction is given."""
    given = case.inputs
    if "forget_activations" not in given:
        return plain(case.method, case.params, given)
    objective = RMU(**case.params)
    objective.direction = torch.tensor(given["random_direction"], dtype=torch.float64).flatten()
    leaves = {
        name: torch.tensor(given[name], dtype=torch.float64).requires_grad_()
        for name in ("forget_activations", "retain_activations")
    }
    held = torch.tensor(given["retain_reference_activations"], dtype=torch.float64)
    views = {}
    for name in ("forget", "retain"):
        mask = torch.tensor(given[f"{name}_mask"]) > 0
        flat = torch.zeros(mask.shape, dtype=torch.float64)
        inside = {objective.layer: leaves[f"{name}_activations"]}
        of_reference = {objective.layer: held} if name == "retain" else {}
        views[name] = Scored(flat, flat, mask, activations=inside, reference_activations=of_reference)
    found = objective(**views)
    loss = found.values.mean()
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    parts = {name.replace("error", "loss"): value.mean().item() for name, value in found.statistics.items()}
    grad = {name: slope.tolist() for name, slope in zip(leaves, slopes, strict=True)}
    return {**parts, "loss": loss.item(), "grad": grad}


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
