"""Published cases of pairwise losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.core.registry import aliases
from penchant.objectives.functional.preferences import bradley_terry, win_rates
from penchant.objectives.pairwise.beta_dpo import BetaDPO
from penchant.objectives.pairwise.dove import DOVE
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.forms import build_form, evaluated_form, form_of
from penchant.receipts.implicit_rewards import evaluate_with_rewards
from penchant.receipts.plain import in_our_terms, plain

__all__ = [
    "beta_dpo",
    "cal_dpo",
    "constrained_po",
    "dove",
    "dpo_and_likelihood",
    "exo_pref_official",
    "ld_dpo",
    "rdpo",
    "rpo_regularized",
    "rso",
    "spin",
    "sppo",
]


@adapter("rdpo", file="pairwise")
def rdpo(case: Case) -> dict[str, Any]:
    """Robust DPO; in another file the same id names a loss with retrieved images."""
    return plain(case.method, case.params, case.inputs)


@adapter("ld-dpo")
def ld_dpo(case: Case) -> dict[str, Any]:
    """LD-DPO, with log π' of both responses under its published name."""
    found = plain(case.method, case.params, case.inputs)
    return {**found, "policy_seq_logps": {side: found[f"weighted_logp/{side}"] for side in ("chosen", "rejected")}}


@adapter("cal-dpo")
def cal_dpo(case: Case) -> dict[str, Any]:
    """Cal-DPO; the published code adds the batch mean of the squares to each pair, ours the squares of the pair."""
    found = plain(case.method, case.params, case.inputs)
    squares = found["calibration"]
    mean = sum(squares) / max(1, len(squares))
    return found | {"losses": [value - own + mean for value, own in zip(found["losses"], squares, strict=True)]}


@adapter("rpo-regularized")
def rpo_regularized(case: Case) -> dict[str, Any]:
    """RPO; the cases describe the likelihood term in words: ``sft="sum over tokens, times beta"``."""
    own = dict(case.params)
    words = own.pop("sft", None)
    if words is not None:
        own["sft_average"] = "sum" not in words
    return plain(case.method, own, case.inputs)


@adapter("beta-dpo")
def beta_dpo(case: Case) -> dict[str, Any]:
    """β-DPO; running values and the draw are given, and losses are those before filtering."""
    own = dict(case.params)
    before = [own.pop(name, 0.0) for name in ("gap_mean_before", "gap_std_before")]
    objective = BetaDPO(**{"warm_up": False, **own})
    objective.gap_mean.fill_(before[0])
    objective.gap_std.fill_(before[1])
    objective.drawn = torch.tensor(case.inputs["kept"], dtype=torch.bool)
    found = evaluate_plainly(objective, case.inputs)
    return {
        **found,
        "losses": found["pair_loss"],
        "beta_used": found["beta_used"][:1],
        "gap_mean_after": found["gap_mean"][:1],
        "gap_std_after": found["gap_std"][:1],
    }


@adapter("rso-sigmoid-norm", "rso-hinge-norm", evaluates=lambda case: aliases()[case.method])
def rso(case: Case) -> dict[str, Any]:
    """RSO; its γ is the β of DPO and of the SLiC hinge."""
    own = {"beta" if name == "gamma" else name: value for name, value in case.params.items()}
    return plain(case.method, own, case.inputs)


#: The objective of each published ``variant`` of Constrained PO.
VARIANTS = {"clip": "constrained-po", "cpo": "constrained-po-soft", "easy": "constrained-po-easy"}


def _variant(case: Case) -> str:
    return form_of(case, "variant", VARIANTS)


@adapter(*VARIANTS.values(), evaluates=_variant)
def constrained_po(case: Case) -> dict[str, Any]:
    """Constrained PO: the form that ``variant`` selects; cases list the parameters of all forms."""
    return evaluated_form(case, "variant", VARIANTS)


#: The objective of each published ``loss_type`` of SPPO.
LOSS_TYPES = {"sppo": "sppo", "sppo_single": "sppo-single", "sppo_hard": "sppo-hard"}


def _loss_type(case: Case) -> str:
    return form_of(case, "loss_type", LOSS_TYPES)


@adapter(*LOSS_TYPES.values(), evaluates=_loss_type)
def sppo(case: Case) -> dict[str, Any]:
    """The loss with the rewards of both responses, or, from ``scores``, the choice of the pair with its win rates."""
    if "scores" not in case.inputs:
        published = {"chosen": "chosen_rewards", "rejected": "rejected_rewards"}
        return evaluate_with_rewards(build_form(case, "loss_type", LOSS_TYPES), in_our_terms(case.inputs), published)
    scores = torch.tensor(case.inputs["scores"], dtype=torch.float64)
    probability = bradley_terry(scores)
    rates, best, worst = win_rates(probability), scores.argmax(-1), scores.argmin(-1)
    prompt = torch.arange(len(scores))
    return {
        "probability": probability.tolist(),
        "chosen_index": best.tolist(),
        "rejected_index": worst.tolist(),
        "preference_probability": probability[prompt, best, worst].tolist(),
        "chosen_win_rate": rates[prompt, best].tolist(),
        "rejected_win_rate": rates[prompt, worst].tolist(),
    }


@adapter("spin")
def spin(case: Case) -> dict[str, Any]:
    """The loss with the rewards of demonstrations (real) and of the model's own responses (generated)."""
    published = {"chosen": "real_rewards", "rejected": "generated_rewards"}
    return evaluate_with_rewards(build(case.method, **case.params), in_our_terms(case.inputs), published)


@adapter("exo-pref-official")
def exo_pref_official(case: Case) -> dict[str, Any]:
    """EXO on pairs: groups of two responses; the one with the higher score, or the first without scores, is chosen."""
    if "responses" not in case.inputs:
        return plain(case.method, case.params, case.inputs)
    named = {"beta_policy": "beta", "log_epsilon": "log_epsilon"}  # the reward temperature is not used
    params = {named[name]: value for name, value in case.params.items() if name in named}
    responses, scores = case.inputs["responses"], case.inputs.get("scores")
    pairs = [
        (second, first) if scores is not None and scores[second] > scores[first] else (first, second)
        for first, second in case.inputs["groups"]
    ]
    rows = dict(zip(("chosen", "rejected"), zip(*pairs, strict=True), strict=True))
    views = {
        view: {model: [responses[model][row] for row in members] for model in ("policy", "reference")}
        for view, members in rows.items()
    }
    found = plain(case.method, params, views)
    placed = {
        row: slopes
        for view, members in rows.items()
        for row, slopes in zip(members, found["grad"][f"{view}.policy"], strict=True)
    }
    return {**found, "grad": {"responses.policy": [placed[row] for row in sorted(placed)]}}


@adapter("dove")
def dove(case: Case) -> dict[str, Any]:
    """DOVE: ``chosen`` and ``rejected`` with separate instruction tokens.

    The log-probabilities of the instruction are ``prompt_policy`` and ``prompt_reference``; gradients have the same
    names.
    """
    objective = DOVE(**case.params)
    wanted = objective.requirements.views
    sides = [name if name in case.inputs else name.removesuffix("_joint") for name in wanted]
    joined = {name: _together(case.inputs[side], objective.joint) for name, side in zip(wanted, sides, strict=True)}
    found = evaluate_plainly(objective, joined)
    grad = {}
    for name, side in zip(wanted, sides, strict=True):
        rows = found["grad"][f"{name}.policy"]
        before = [len(row) for row in _instructions(case.inputs[side], "policy", objective.joint)]
        grad[f"{side}.policy"] = [row[at:] for row, at in zip(rows, before, strict=True)]
        if objective.joint and "prompt_policy" in case.inputs[side]:
            grad[f"{side}.prompt_policy"] = [row[:at] for row, at in zip(rows, before, strict=True)]
    return {**found, "grad": grad}


def _instructions(view: Mapping[str, Any], model: str, joint: bool) -> list[list[float]]:
    empty: list[list[float]] = [[] for _ in view[model]]
    return view.get(f"prompt_{model}", empty) if joint else empty


def _together(view: Mapping[str, Any], joint: bool) -> dict[str, list[list[float]]]:
    """Instruction and response concatenated, per model."""
    return {
        model: [[*first, *then] for first, then in zip(_instructions(view, model, joint), view[model], strict=True)]
        for model in ("policy", "reference")
        if view.get(model) is not None
    }


@adapter("rpo-dpo-nll", evaluates="dpo")
def dpo_and_likelihood(case: Case) -> dict[str, Any]:
    """DPO with the likelihood of the chosen response, the weighted sum ``dpo+nll``."""
    total = build("dpo", beta=case.params["beta"]) + case.params["alpha"] * build("nll")
    preference = plain("dpo", {"beta": case.params["beta"]}, case.inputs)
    nll = plain("nll", {}, {"chosen": case.inputs["chosen"]})
    return evaluate_plainly(total, case.inputs) | {"preference_loss": preference["loss"], "nll_loss": nll["loss"]}
