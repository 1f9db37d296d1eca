"""The model card: origin, training and measurements of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.training.markdown import as_code, as_text, fenced
from penchant.training.wording import count_of

__all__ = ["model_card"]

SHOWN = {
    "accuracy": "accuracy of sampled responses",
    "reward": "reward of sampled responses",
    "judge/win_rate": "win rate of sampled responses (by the judge, ties half)",
    "loss": "loss",
    "rewards/accuracy": "accuracy (implicit reward, ties half)",
    "rewards/margin": "reward margin",
    "rewards/ndcg": "nDCG of lists (implicit reward)",
    "rewards/kendall": "Kendall's τ of lists (implicit reward)",
    "rewards/top1": "best response first (implicit reward)",
    "logps/accuracy": "accuracy (mean log-probability per token)",
    "logps/chosen": "log-probability of chosen (nats)",
    "logps/rejected": "log-probability of rejected (nats)",
    "logps/desirable": "log-probability of desirable (nats)",
    "logps/undesirable": "log-probability of undesirable (nats)",
    "nll/forget": "negative log-likelihood of the forget source (nats per token)",
    "nll/retain": "negative log-likelihood of the retain source (nats per token)",
    "kl": "divergence from the reference (nats per response, on the data)",
}


def model_card(summary: dict[str, Any], recipe_yaml: str, paper: str, metadata: Mapping[str, str]) -> str:
    """The model card in Markdown, with the metadata block of the hub.

    Args:
        summary: the run's ``summary.json``.
        recipe_yaml: the resolved recipe.
        paper: the objective's paper.
        metadata: hub metadata of the modality.
    """
    lines = [
        "---",
        *(f"{name}: {value}" for name, value in metadata.items()),
        "tags: [preference-optimization, penchant]",
        "---",
        "",
        f"# {as_text(summary['title'])}",
        "",
        f"Trained from {as_code(summary['model'])} with Penchant {summary['versions']['penchant']}, objective "
        f"{as_code(summary['objective'])} ({paper}), on {summary['examples']} examples of {as_code(summary['data'])} "
        f"for {count_of(summary['steps'], 'step')} (seed {summary['seed']}).{_kept(summary)}",
        "",
        f"Measured on {as_text(summary['measured_on'])}:",
        "",
        "| | before | after |",
        "|---|---|---|",
        *_rows(summary["before"], summary["after"]),
        "",
        "## Recipe",
        "",
        *fenced(recipe_yaml.strip(), "yaml"),
        "",
        f"Data SHA-256 `{summary['fingerprints']['data']}`; initial model SHA-256 "
        f"`{summary['fingerprints']['model']}`.",
        "",
    ]
    return "\n".join(lines)


def _kept(summary: Mapping[str, Any]) -> str:
    kept = summary.get("kept")
    if not kept:
        return ""
    return f" The weights are those of step {kept['step']}, where {kept['metric']} was best ({kept['value']:.4g})."


def _rows(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    return [
        f"| {title} | {before[name]:.4g} | {after[name]:.4g} |"
        for name, title in SHOWN.items()
        if name in before and name in after
    ]
