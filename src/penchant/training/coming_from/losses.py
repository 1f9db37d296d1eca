"""Losses of TRL by our names, and sums of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.errors import ConfigurationError, nearest

__all__ = ["cpo", "judgements", "pairwise", "reward_model", "with_likelihood"]

#: The objective of each `loss_type` of TRL's DPOTrainer, with the settings of TRL that are its hyper-parameters.
DPO_LOSSES: dict[str, tuple[str, dict[str, str]]] = {
    "sigmoid": ("dpo", {"beta": "beta"}),
    "hinge": ("slic-hinge", {"beta": "beta"}),
    "ipo": ("ipo", {"beta": "beta"}),
    "exo_pair": ("exo-pref", {"beta": "beta", "label_smoothing": "label_smoothing"}),
    "nca_pair": ("nca", {"beta": "beta"}),
    "robust": ("rdpo", {"beta": "beta", "label_smoothing": "label_smoothing"}),
    "sppo_hard": ("sppo-hard", {"beta": "beta"}),
    "aot": ("aot-paired", {"beta": "beta", "label_smoothing": "label_smoothing"}),
    "aot_pair": ("aot-paired", {"beta": "beta", "label_smoothing": "label_smoothing"}),
    "aot_unpaired": ("aot-unpaired", {"beta": "beta", "label_smoothing": "label_smoothing"}),
    "apo_zero": ("apo-zero", {"beta": "beta"}),
    "apo_down": ("apo-down", {"beta": "beta"}),
    "discopop": ("discopop-lrml", {"beta": "beta", "discopop_tau": "tau"}),
    "sft": ("nll", {}),
    "sigmoid_norm": ("averaged(dpo)", {"beta": "beta"}),
    "bco_pair": ("bco", {"beta": "beta"}),
}

#: The objective of each `loss_type` of TRL's CPOTrainer.
CPO_LOSSES = {"sigmoid": "cpo", "hinge": "cpo-hinge", "ipo": "cpo-ipo", "simpo": "cpo-simpo"}

#: The objective of each `loss_type` of TRL's KTOTrainer.
KTO_LOSSES = {"kto": "kto", "apo_zero_unpaired": "apo-zero-unpaired"}

DIVERGENCES = {"forward_kl": "forward_kl", "js_divergence": "js", "alpha_divergence": "alpha"}


def pairwise(losses: Sequence[str], weights: Sequence[float] | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The objective of one or several losses of TRL's DPOTrainer.

    Args:
        losses: values of ``loss_type``.
        weights: of each loss; None for 1.
        settings: ``beta``, ``label_smoothing`` and others, as TRL names them.

    Raises:
        ConfigurationError: a loss is unknown, not one of the objectives, or in a sum with losses of another kind of
            feedback.

    Example:
        >>> pairwise(["sigmoid", "sft"], [1.0, 0.2], {"beta": 0.3})
        {'name': 'dpo+0.2*nll', 'dpo.beta': 0.3}
        >>> pairwise(["ipo"], None, {"beta": 0.3})
        {'name': 'ipo', 'beta': 0.3}
    """
    if "bco_pair" in losses and len(losses) > 1:
        raise ConfigurationError(
            "The loss 'bco_pair' reads single responses, the others read pairs, and a sum has one kind of feedback.",
            where="loss_type",
            fix="Leave bco_pair out of the list, or write the sum as an objective of your own "
            "(objective: {path: FILE.py:NAME}).",
        )
    terms: list[str] = []
    objective: dict[str, Any] = {}
    for loss, weight in zip(losses, weights or [1.0] * len(losses), strict=True):
        name, hyper = _term(loss, settings)
        lead = f"{_core(name)}." if len(losses) > 1 else ""
        objective |= {key if "." in key else f"{lead}{key}": value for key, value in hyper.items()}
        terms.append(name if weight == 1 else f"{weight:g}*{name}")
    return {"name": "+".join(terms), **objective}


def _term(loss: str, settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The objective of one loss and its hyper-parameters."""
    if loss not in DPO_LOSSES:
        raise ConfigurationError(
            f"The loss {loss!r} is not a loss of TRL. {nearest(loss, DPO_LOSSES)}",
            where="loss_type",
            fix="See `penchant methods`.",
        )
    name, names = DPO_LOSSES[loss]
    hyper = {ours: settings[theirs] for theirs, ours in names.items() if settings.get(theirs) is not None}
    if loss == "sigmoid" and settings.get("label_smoothing"):
        name, hyper = "cdpo", {**hyper, "label_smoothing": settings["label_smoothing"]}
    divergence = DIVERGENCES.get(str(settings.get("f_divergence_type")))
    if divergence and loss == "sigmoid":
        name, hyper = "f-dpo", {**hyper, "divergence": divergence}
        if divergence == "alpha" and settings.get("f_alpha_divergence_coef") is not None:
            hyper["alpha"] = settings["f_alpha_divergence_coef"]
    if settings.get("reference_free") and name == "dpo":
        hyper["reference_free"] = True
    if loss == "bco_pair":
        return name, {**hyper, "shift": "none"}  # it reads single responses, which the wrappers below do not
    if loss != "sft" and settings.get("ld_alpha") is not None:
        name, hyper = f"tail-weighted({name})", {**hyper, "tail-weighted.alpha": settings["ld_alpha"]}
    if loss != "sft" and settings.get("use_weighting"):
        name = f"wpo-weighted({name})"
    return name, hyper


def _core(name: str) -> str:
    """The objective inside of its wrappers."""
    return name.rpartition("(")[2].rstrip(")")


def with_likelihood(objective: dict[str, Any], weight: float) -> dict[str, Any]:
    """The objective with a share of the chosen responses' negative log-likelihood.

    Example:
        >>> with_likelihood({"name": "dpo", "beta": 0.2}, 0.1)
        {'name': 'dpo+0.1*nll', 'beta': 0.2}
    """
    return objective if not weight else {**objective, "name": f"{objective['name']}+{weight:g}*nll"}


def cpo(loss: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The objective of a loss of TRL's CPOTrainer; SimPO is its loss ``simpo`` with ``cpo_alpha=0``.

    Args:
        loss: a value of ``loss_type``.
        settings: ``beta``, ``cpo_alpha``, ``simpo_gamma`` and ``label_smoothing``; missing ones have TRL's defaults.

    Raises:
        ConfigurationError: the loss is unknown.

    Example:
        >>> cpo("simpo", {"beta": 2.0, "simpo_gamma": 0.5, "cpo_alpha": 0.0})
        {'name': 'simpo', 'beta': 2.0, 'gamma': 0.5}
    """
    if loss not in CPO_LOSSES:
        raise ConfigurationError(f"CPO has no loss {loss!r}. {nearest(loss, CPO_LOSSES)}", where="loss_type")
    beta, alpha = settings.get("beta", 0.1), settings.get("cpo_alpha", 1.0)
    hyper: dict[str, Any] = {"beta": beta, **({"gamma": settings.get("simpo_gamma", 0.5)} if loss == "simpo" else {})}
    if loss in ("sigmoid", "simpo") and settings.get("label_smoothing"):
        hyper["label_smoothing"] = settings["label_smoothing"]
    if loss == "simpo" and not alpha:
        return {"name": "simpo", **hyper}
    return {"name": CPO_LOSSES[loss], **hyper, "cpo_alpha": alpha}


def judgements(loss: str, beta: float, weights: Mapping[str, float]) -> dict[str, Any]:
    """The objective of a loss of TRL's KTOTrainer.

    Args:
        loss: a value of ``loss_type``.
        beta: of the loss.
        weights: ``desirable_weight`` and ``undesirable_weight``.

    Raises:
        ConfigurationError: the loss is unknown.

    Example:
        >>> judgements("apo_zero_unpaired", 0.2, {"desirable_weight": 1.5})
        {'name': 'apo-zero-unpaired', 'beta': 0.2, 'desirable_weight': 1.5}
    """
    if loss not in KTO_LOSSES:
        raise ConfigurationError(f"KTO has no loss {loss!r}. {nearest(loss, KTO_LOSSES)}", where="loss_type")
    return {"name": KTO_LOSSES[loss], "beta": beta, **weights}


def reward_model(centering: float = 0.0) -> dict[str, Any]:
    """The objective of a file that trains a reward model on pairs.

    Args:
        centering: TRL's ``center_rewards_coefficient``.

    Example:
        >>> reward_model(0.01)
        {'name': 'bt-reward-model', 'center_rewards_coefficient': 0.01}
    """
    return {"name": "bt-reward-model", **({"center_rewards_coefficient": centering} if centering else {})}
