"""Published cases of losses on single responses with binary labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from penchant.objectives.binary.bco import BCO
from penchant.objectives.binary.kto import KTO, HALOsKTO
from penchant.objectives.binary.nft import NFT
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.core.scored import Scored
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import plain

__all__ = ["bco", "kto", "nft"]


#: Hyper-parameters of the authors' code by their names there.
_HALOS = {"log_epsilon_P": "log_epsilon_p", "log_epsilon_R": "log_epsilon_r"}


@adapter("kto-halos")
def kto_halos(case: Case) -> dict[str, Any]:
    """KTO of HALOs; inputs as for `kto`."""
    objective = HALOsKTO(**{_HALOS.get(name, name): value for name, value in case.params.items()})
    inputs = case.inputs
    views = {"responses": inputs["responses"], "mismatched": _mismatched(inputs)}
    found = evaluate_plainly(objective, {**views, "labels": inputs["labels"]})
    return {**found, "kl": found["reference_point"][0]}


def _mismatched(inputs: Mapping[str, Any]) -> Any:
    """The mismatched sequences, by their published name or by ours."""
    return inputs["kl"] if "kl" in inputs else inputs["mismatched"]


@adapter("apo-zero-unpaired")
def apo_zero_unpaired(case: Case) -> dict[str, Any]:
    """Unpaired APO-zero, with rewards β (log π − log π_ref)."""
    objective = build(case.method, **case.params)
    found = evaluate_plainly(objective, {name: case.inputs[name] for name in ("responses", "labels")})
    return {**found, "kl": 0.0, "rewards": _rewards(case.params["beta"], case.inputs["responses"])}


@adapter("bco")
def bco(case: Case) -> dict[str, Any]:
    """BCO: the losses of a first batch, or of ``batches`` in order, with the shift that each saw (``delta``).

    ``prob_desirable_of_rejected`` holds one probability per undesirable response, ``prob_desirable`` one per response.
    """
    own = {name: value for name, value in case.params.items() if name != "udm"}
    objective = BCO(**own)
    if "batches" in case.inputs:
        found = [_batch(objective, each, None) for each in case.inputs["batches"]]
        return {**found[-1], "batches": found}
    given = case.inputs.get("prob_desirable_of_rejected") if case.params.get("udm") else None
    return _batch(objective, case.inputs, given)


def _batch(objective: BCO, inputs: Mapping[str, Any], given: list[float] | None) -> dict[str, Any]:
    labels = inputs["labels"]
    fields: dict[str, Any] = {
        name: values for name, values in inputs.items() if name not in ("responses", "prob_desirable_of_rejected")
    }
    if given is not None:
        probabilities = iter(given)
        fields["prob_desirable"] = [0.5 if liked else next(probabilities) for liked in labels]
    found = evaluate_plainly(objective, {"responses": inputs["responses"], **fields})
    rewards = _rewards(objective.beta, inputs["responses"])
    weights = [weight for weight, liked in zip(found["weight"], labels, strict=True) if not liked]
    return {**found, "delta": found["shift"][0], "rewards": rewards, "udm_weights": weights}


def _rewards(beta: float, view: Mapping[str, Any]) -> list[float]:
    """β (log π − log π_ref) of each response."""
    return [beta * (sum(policy) - sum(reference)) for policy, reference in zip(*_rows(view), strict=True)]


@adapter("nft")
def nft(case: Case) -> dict[str, Any]:
    """NFT: the sum over answers, the loss of each, and of each token before the constant."""
    given = case.inputs
    if "old_policy" in given:
        return plain(case.method, case.params, given)
    policy = [torch.tensor(row, dtype=torch.float64, requires_grad=True) for row in given["responses"]["policy"]]
    old = [torch.tensor(row, dtype=torch.float64) for row in given["responses"]["old_policy"]]
    objective = NFT(**case.params)
    by_answer, by_token = [], []
    for own, held, label, rate in zip(policy, old, given["labels"], given["correct_rate"], strict=True):
        one = Scored(own.unsqueeze(0), None, torch.ones(1, len(own), dtype=torch.bool))
        fields = {"label": torch.tensor([float(label)]), "correct_rate": torch.tensor([rate], dtype=torch.float64)}
        by_answer.append(objective(responses=one, old_policy=held.unsqueeze(0), **fields).values.squeeze(0))
        each = Scored(own.detach().unsqueeze(1), None, torch.ones(len(own), 1, dtype=torch.bool))
        spread = {name: value.expand(len(own)) for name, value in fields.items()}
        alone = NFT(**{**case.params, "token_normalizer": 1.0, "ratio_type": "token"})
        by_token.append(alone(responses=each, old_policy=held.unsqueeze(1), **spread).values.tolist())
    loss = torch.stack(by_answer).sum()
    slopes = torch.autograd.grad(loss, policy)
    return {
        "loss": loss.item(),
        "grad": {"responses.policy": [slope.tolist() for slope in slopes]},
        "sequence_losses": [value.item() for value in by_answer],
        "token_losses": by_token,
    }


@adapter("kto")
def kto(case: Case) -> dict[str, Any]:
    """KTO; the published name of the mismatched sequences and of the reference point is ``kl``; rewards are β (log π −
    log π_ref).

    Inputs are ``responses``, ``labels`` and ``kl``.
    """
    objective, inputs = KTO(**case.params), case.inputs
    views = {"responses": inputs["responses"], "mismatched": _mismatched(inputs)}
    found = evaluate_plainly(objective, {**views, "labels": inputs["labels"]})
    return {
        **found,
        "kl": found["reference_point"][0],
        "rewards": _rewards(objective.beta, inputs["responses"]),
    }


def _rows(view: Mapping[str, Any]) -> tuple[list[list[float]], list[list[float]]]:
    return view["policy"], view["reference"]
