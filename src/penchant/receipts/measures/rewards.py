"""Published cases of LLM judges and of models that see both responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from penchant.errors import ConfigurationError, nearest
from penchant.evaluation.judge_votes import agreement_of, win_counts
from penchant.objectives.functional.joint_pairs import JOINT_LOSSES
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.rewards.likelihood_ratio import density_ratio
from penchant.rewards.verdicts import Verdict, Winner, settled, swapped, two_score_verdict_in, verdict_in

__all__ = ["cdr", "llm_judge", "pair_preference_model"]

_ORDERS = ("order_1_2", "order_2_1")
_PREDICTED, _QUALITY = ("left_pred", "right_pred"), ("left_quality", "right_quality")


#: Tokens of the published cases that never count, and those that do not count where special ones are masked.
_PADDING, _SPECIAL = {"<pad>"}, {"<pad>", "<s>", "</s>"}


@adapter("cdr")
def cdr(case: Case) -> dict[str, Any]:
    """Density ratios of rows of tokens; the published code counts from one token before the prompt's end."""
    start = case.params["prompt_length"] - 1
    passed = _SPECIAL if case.params.get("mask_special_tokens") else _PADDING
    found: dict[str, list[float]] = {"reward": [], "mean_reward": []}
    rows = zip(case.inputs["tokens"], case.inputs["strong_logps"], case.inputs["weak_logps"], strict=True)
    for tokens, strong, weak in rows:
        counted = [place for place, token in enumerate(tokens) if place >= start and token not in passed]
        own, other = (torch.tensor([each[place] for place in counted], dtype=torch.float64) for each in (strong, weak))
        found["reward"].append(density_ratio(own, other))
        found["mean_reward"].append(density_ratio(own, other, average=True))
    return found


@adapter("llm-judge")
def llm_judge(case: Case) -> dict[str, Any]:
    """Verdicts in both orders, win rates of votes, or agreement with people, by what the case gives.

    Several verdicts in one text are read as FastChat does: A before B before C.
    """
    given = case.inputs
    if "judgments" in given:
        return _judged(case)
    if "votes" in given:
        return dict(win_counts(given["votes"]))
    found: dict[str, Any] = {}
    for ties, name in ((True, "with_tie"), (False, "without_tie")):
        for pair, counts in agreement_of(given["items"], ties=ties).items():
            found[f"{pair}_{name}"] = list(counts)
    return found


def _judged(case: Case) -> dict[str, Any]:
    """The winner of each judgement; with ``tie_delta``, of two scores."""
    given = case.inputs["judgments"]
    if not all(isinstance(each, Mapping) for each in given):
        return {"winner": [_verdict(case, each) for each in given]}
    rows = [_winners(case, each) for each in given]
    return {"winner_per_order": rows, "winner": [settled(row) for row in rows]}


def _winners(case: Case, judgment: Mapping[str, str]) -> list[Winner]:
    return [swapped(_verdict(case, judgment[order]), place == 1) for place, order in enumerate(_ORDERS)]


def _verdict(case: Case, text: str) -> Verdict:
    if "tie_delta" in case.params:
        return two_score_verdict_in(text, case.params["tie_delta"])
    return verdict_in(text, case.params.get("several", "order"))


@adapter("pair-preference-model")
def pair_preference_model(case: Case) -> dict[str, Any]:
    """The mean loss of two scores from one joint encoding, and its gradient."""
    kind = case.params.get("loss_type", "BCE")
    if kind not in JOINT_LOSSES:
        raise ConfigurationError(f"There is no loss {kind!r}.", where="loss_type", fix=nearest(kind, JOINT_LOSSES))
    scores = [torch.tensor(case.inputs[name], dtype=torch.float64, requires_grad=True) for name in _PREDICTED]
    quality = [torch.tensor(case.inputs[name], dtype=torch.float64) for name in _QUALITY]
    loss = JOINT_LOSSES[kind](*scores, *quality).mean()
    grads = torch.autograd.grad(loss, scores)
    return {
        "loss": loss.item(),
        "grad": {name: grad.tolist() for name, grad in zip(_PREDICTED, grads, strict=True)},
    }
