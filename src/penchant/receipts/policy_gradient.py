"""Published cases of GRPO and its variants: losses here, advantages and penalties in `advantages`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from penchant.errors import ConfigurationError
from penchant.objectives.core.expression import build
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.core.registry import get
from penchant.receipts.adapters import adapter
from penchant.receipts.advantages import advantages_of, penalty_of
from penchant.receipts.cases import Case, named_variant

__all__ = ["grpo", "loss_of"]

Hyper = dict[str, Any]

FORMER = {"temperature_pos": "tau_pos", "temperature_neg": "tau_neg", "cispo_floor": "floor"}
#: The objectives by published loss type.
LOSS_TYPES = {
    "grpo": "grpo",
    "dr_grpo": "dr-grpo",
    "bnpo": "bnpo",
    "dapo": "dapo",
    "cispo": "cispo",
    "sapo": "sapo",
    "gmpo": "gmpo",
}


def _gmpo(low: float, high: float) -> tuple[str, Hyper]:
    return "gmpo", {"epsilon_low": low, "epsilon_high": high}


def _cispo(low: float, high: float) -> tuple[str, Hyper]:
    return "cispo", {"floor": 1 - low, "cap": 1 + high}


#: Objectives whose only published parameters are ``clip_ratio_low`` and ``clip_ratio_high``, by the first word after
#: the colon in the name of a case.
CLIPPED: Mapping[str, Callable[[float, float], tuple[str, Hyper]]] = {"GMPO": _gmpo, "CISPO": _cispo}


def _evaluated(case: Case) -> str:
    return loss_of(case)[0] if "responses" in case.inputs else case.method


@adapter("grpo", evaluates=_evaluated)
def grpo(case: Case) -> dict[str, Any]:
    """GRPO and variants: ``advantages`` or ``shaped_scores``, ``penalty``, or ``loss``, ``grad`` and ``kl_k3_mean``.

    Inputs are ``scores`` with ``group`` (advantages), ``responses`` with ``advantages`` (losses), or ``lengths``.
    """
    if "responses" in case.inputs:
        return _losses(case)
    return penalty_of(case) if "overlong_buffer_len" in case.params else advantages_of(case)


def loss_of(case: Case) -> tuple[str, Hyper]:
    """The objective that a loss case evaluates, and its hyper-parameters under our names.

    Args:
        case: ``loss_type`` selects the loss; temperatures belong to SAPO; with only a clip range, the name after the
            colon decides.

    Returns:
        The id of the objective, and its hyper-parameters.

    Raises:
        ConfigurationError: the loss type, or the name after the colon, is unknown.

    Example:
        >>> clip = {"clip_ratio_low": 0.4, "clip_ratio_high": 0.4}
        >>> loss_of(Case("grpo", clip, {}, name="loss: GMPO clip 0.4"))
        ('gmpo', {'epsilon_low': 0.4, 'epsilon_high': 0.4})
        >>> loss_of(Case("grpo", {"loss_type": "cispo", "epsilon_low": 0.2, "epsilon_high": 1.28}, {}))
        ('cispo', {'cap': 1.28})
    """
    own = {FORMER.get(name, name): value for name, value in case.params.items() if value is not None}
    low, high = own.pop("clip_ratio_low", None), own.pop("clip_ratio_high", None)
    if "loss_type" in own:
        return _by_type(own, case)
    if low is None or high is None:
        return ("sapo" if "tau_pos" in own else case.method), own
    surrogate = named_variant(case, CLIPPED)
    if surrogate is None:
        raise ConfigurationError(
            "clip_ratio_low and clip_ratio_high do not determine the surrogate.",
            where=f"case {case.name!r} of {case.method}",
            fix=f"Expected one of {', '.join(CLIPPED)} after the colon in its name.",
        )
    name, clip = surrogate(low, high)
    return name, own | clip


def _by_type(own: Hyper, case: Case) -> tuple[str, Hyper]:
    """The loss that ``loss_type`` selects, with its hyper-parameters."""
    name = LOSS_TYPES.get(own.pop("loss_type"))
    if name is None:
        raise ConfigurationError(
            f"The loss_type {case.params['loss_type']!r} is unknown.",
            where=f"case {case.name!r} of {case.method}",
            fix=f"Expected one of {', '.join(LOSS_TYPES)}.",
        )
    if name == "cispo":  # its upper clip bound is the cap itself, and there is no lower bound
        own.pop("epsilon_low", None)
        own["cap"] = own.pop("epsilon_high")
    elif name == "dapo" and own.get("beta"):
        name = "bnpo"  # the same average, with the divergence
    elif "epsilon_low" in own:
        own.setdefault("epsilon_high", own["epsilon_low"])
    known = {each.name for each in get(name).hyperparameters()}
    return name, {each: value for each, value in own.items() if each in known}


def _losses(case: Case) -> dict[str, Any]:
    name, own = loss_of(case)
    built = build(name, **own).double()
    responses = dict(case.inputs["responses"])
    given = [responses.pop(name, None) for name in ("old", "old_policy")]
    old = next((each for each in (*given, case.inputs.get("old_policy")) if each is not None), None)
    reader = PlainInputs({"responses": responses}, built.requirements, built.id)
    view = reader.view("responses")
    assert view is not None and not isinstance(view, list)
    leaf, lengths = reader.leaves["responses.policy"]
    former = None if old is None else reader.padded("responses.old", old)[0].detach()
    advantage = torch.tensor(case.inputs["advantages"], dtype=torch.float64)
    losses = built(responses=view, advantage=advantage, old_policy=former)
    loss = losses.values.mean()
    (gradient,) = torch.autograd.grad(loss, [leaf])
    rows = [row[:length] for row, length in zip(gradient.tolist(), lengths, strict=True)]
    result: dict[str, Any] = {"losses": losses.values.tolist(), "loss": loss.item(), "grad": {"responses.policy": rows}}
    if view.reference is not None:
        gap = -view.token_logratio.detach()
        result["kl_k3_mean"] = ((gap.exp() - gap - 1)[view.mask].mean()).item()
    return result
