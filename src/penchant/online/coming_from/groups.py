"""Losses and advantages of TRL's GRPO and RLOO by our objectives and pairings."""

from __future__ import annotations

from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.training.coming_from.translation import Translation, finite, words

__all__ = ["GRPO_LOSSES", "grpo_objective", "grpo_pairing", "rloo"]

#: The objective of each ``loss_type`` of TRL's GRPOTrainer.
GRPO_LOSSES = {name: name.replace("_", "-") for name in ("grpo", "dr_grpo", "bnpo", "dapo", "cispo", "sapo")}
#: Losses without a counterpart, with what comes nearest.
NEAREST = {
    "vespo": "It weighs whole responses by a gamma density of their ratio; nearest is loss_type: sapo, a soft gate.",
    "luspo": "It sums the tokens of a response; nearest is loss_type: grpo with importance_sampling_level: sequence "
    "(gspo), which averages them.",
}
#: Objectives with a cap of the unclipped ratio, and with the divergence that is multiplied by the ratio.
CAPPED = ("grpo", "bnpo", "dr-grpo")


def grpo_objective(found: Translation, tokens: int) -> dict[str, Any]:
    """The objective of a file for GRPO.

    Args:
        found: the translation.
        tokens: the length limit of a response.

    Raises:
        ConfigurationError: the loss is unknown or has no counterpart.
    """
    loss = _loss(found)
    level = str(found.take("importance_sampling_level", "token"))
    if level not in ("token", "sequence") or (level == "sequence" and loss != "grpo"):
        raise ConfigurationError(
            f"Ratios of level {level!r} with the loss {loss!r} have no counterpart.",
            where="importance_sampling_level",
            fix="loss_type: grpo with importance_sampling_level: sequence is objective gspo; token goes with all.",
        )
    name = "gspo" if level == "sequence" else GRPO_LOSSES[loss]
    beta = finite(found.take("beta", 0.0), "beta")
    delta = finite(found.take("delta", 0.0) or 0.0, "delta")
    if name == "dapo" and (beta or delta):
        found.note("loss_type=dapo with beta or delta is objective bnpo: the same average, with the divergence.")
        name = "bnpo"
    return {"name": name, **_bounds(found, name), **_more(found, name, beta, delta, tokens)}


def _loss(found: Translation) -> str:
    """The value of ``loss_type``; TRL's default if there is none."""
    given = words(found.take("loss_type"))
    if not given:
        found.note("The file names no loss_type: it is dapo, the default of TRL since 2025 (before: bnpo, and grpo).")
        return "dapo"
    loss = given[0]
    if loss not in GRPO_LOSSES:
        known = loss in NEAREST
        raise ConfigurationError(
            f"The loss {loss!r} of GRPO is not one of the objectives."
            + ("" if known else f" {nearest(loss, GRPO_LOSSES)}"),
            where="loss_type",
            why=NEAREST.get(loss),
            fix=f"Choose one of {', '.join(GRPO_LOSSES)}, or write it: objective: {{path: FILE.py:NAME}}.",
        )
    return loss


def _bounds(found: Translation, name: str) -> dict[str, float]:
    """The clip range; TRL's ``epsilon_high`` is ``epsilon`` where it is not given."""
    low = finite(found.take("epsilon", 0.2), "epsilon")
    high = finite(found.take("epsilon_high", low) or low, "epsilon_high")
    if name == "cispo":  # TRL's bound of the ratio itself
        return {"floor": 0.0, "cap": high}
    return {} if name == "sapo" else {"epsilon_low": low, "epsilon_high": high}


def _more(found: Translation, name: str, beta: float, delta: float, tokens: int) -> dict[str, Any]:
    """The further hyper-parameters of the objective."""
    more: dict[str, Any] = {} if name == "dapo" else {"beta": beta}
    by_ratio = bool(found.take("use_bias_correction_kl", True))
    if beta and by_ratio and name in CAPPED:
        more["kl_by_ratio"] = True
    elif beta and by_ratio:
        found.note(f"Not translated: use_bias_correction_kl: {name} does not multiply its divergence by the ratio.")
    if delta and name in CAPPED:
        more["delta"] = delta
    elif delta:
        found.note(f"Not translated: delta={delta:g}: {name} has no cap of the unclipped ratio.")
    if name == "dr-grpo":
        more["max_completion_length"] = tokens
    gates = {"tau_pos": ("sapo_temperature_pos", 1.0), "tau_neg": ("sapo_temperature_neg", 1.05)}
    values = {ours: finite(found.take(theirs, default), theirs) for ours, (theirs, default) in gates.items()}
    return {**more, **values} if name == "sapo" else more


def grpo_pairing(found: Translation) -> dict[str, Any]:
    """The pairing of a file for GRPO: how advantages are scaled, and in which order rewards are summed.

    Raises:
        ConfigurationError: the scale is unknown.
    """
    given = found.take("scale_rewards", "group")
    scale = {"true": "group", "false": "none"}.get(str(given).lower(), str(given).lower())
    if scale not in ("group", "batch", "none"):
        raise ConfigurationError(f"scale_rewards is {given!r}, expected group, batch or none.", where="scale_rewards")
    judge = found.recipe.get("judge")
    if found.take("multi_objective_aggregation") == "normalize_then_sum" and isinstance(judge, list):
        labels = [str(each.get("path", each.get("model"))).rpartition(":")[2] for each in judge]
        weights = {label: each.pop("weight", 1.0) for label, each in zip(labels, judge, strict=True)}
        found.put("judge", [{**each, "label": label} for each, label in zip(judge, labels, strict=True)])
        return {"name": "several", "order": "normalize_then_sum", "weights": weights}
    return {"name": "group", "scale": scale}


def rloo(found: Translation) -> tuple[dict[str, Any], dict[str, Any]]:
    """The objective and the pairing of a file for RLOO; its divergence is part of the reward (``reward_kl``)."""
    low = finite(found.take("epsilon", 0.2), "epsilon")
    high = finite(found.take("epsilon_high", low) or low, "epsilon_high")
    found.put("reward_kl", finite(found.take("beta", 0.05), "beta"))
    scale = "batch" if found.take("normalize_advantages") else "none"
    found.answer(
        "reward_clip_range", why="a reward is not clipped with this pairing; clip it in the function that gives it"
    )
    return (
        {"name": "rloo", "epsilon_low": low, "epsilon_high": high},
        {"name": "group", "baseline": "others", "scale": scale},
    )
