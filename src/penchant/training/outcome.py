"""The results of a finished run: the saved model with its card, the summary and the report."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from penchant import __version__
from penchant.errors import PenchantError
from penchant.evaluation.heldout import HeldOut
from penchant.evaluation.judged import judged_intervals
from penchant.evaluation.list_intervals import list_intervals
from penchant.evaluation.metrics import win
from penchant.objectives.core.composite import reward_part
from penchant.statistics import Interval, mean_interval, share_interval
from penchant.training.card import model_card
from penchant.training.checkpoints import delete_drafts
from penchant.training.folder import RunFolder
from penchant.training.preparation import Prepared
from penchant.training.recipe import Recipe

__all__ = ["Result", "facts_at_start", "summarise", "versions", "write_result"]


@dataclass(repr=False)
class Result:
    """The result of a run; it shows itself as a table of figures before and after, in a notebook with a link.

    Args:
        model: the trained model, in memory.
        tokenizer: its tokenizer.
        folder: the run's folder, with the saved model in ``model/``.
        summary: the numbers of ``summary.json``.
        report: the HTML report.
    """

    model: Any
    tokenizer: Any
    folder: Path
    summary: dict[str, Any]
    report: Path

    def __repr__(self) -> str:
        from penchant.evaluation.report.shown_result import run_as_text

        try:
            return f"Result: {run_as_text(self.folder)}"
        except PenchantError:  # the folder was moved or deleted since
            return f"Result(folder={str(self.folder)!r})"

    def _repr_html_(self) -> str | None:
        from penchant.evaluation.report.shown_result import run_as_html

        try:
            return run_as_html(self.folder)
        except PenchantError:
            return None  # a notebook then shows the text


def write_result(
    folder: RunFolder,
    policy: nn.Module,
    prepared: Prepared,
    facts: dict[str, Any],
    measured: tuple[HeldOut, HeldOut],
    samples: list[dict[str, Any]],
) -> Any:
    """Save the model with its card, ``summary.json``, ``rewards.json``, ``samples.json`` and the report.

    Args:
        folder: the run's folder.
        policy: the trained model.
        prepared: the run's data and modality.
        facts: the summary.
        measured: before and after training.
        samples: the rows of ``samples.json``.

    Returns:
        The model that was saved.
    """
    from penchant.evaluation.report import write_report  # imported late: matplotlib needs memory that training can use

    adapter = folder.path / "adapter"
    for each in (folder.model, adapter):
        delete_drafts(each)
    model = prepared.modality.save(policy, folder.model, adapter)
    card = prepared.modality.card
    if (trained := reward_part(prepared.objective)) is not None:
        prepared.modality.save_reward(model, trained, folder.model)
        card = {**card, "pipeline_tag": "text-classification"}
    before, after = measured
    margins = {"before": before.logp_margin, "after": after.logp_margin}
    folder.write_json("rewards.json", {"before": before.rewards, "after": after.rewards, "logp_margin": margins})
    folder.write_json("samples.json", samples)
    folder.write_json("summary.json", facts)
    recipe_yaml = (folder.path / "recipe.yaml").read_text(encoding="utf-8")
    folder.write_text("model/README.md", model_card(facts, recipe_yaml, prepared.objective.paper, card))
    write_report(folder.path)
    return model


def summarise(
    recipe: Recipe,
    prepared: Prepared,
    model: nn.Module,
    *,
    before: HeldOut,
    after: HeldOut,
    seconds: float,
    reference: str,
    likelihood: dict[str, Any],
    model_fingerprint: str,
    warnings: list[str],
    processes: dict[str, Any],
) -> dict[str, Any]:
    """The numbers of the run, in the form of ``summary.json``."""
    train, heldout = prepared.train, prepared.heldout
    return {
        **facts_at_start(recipe, prepared),
        "reference": reference,
        **likelihood,
        "steps": len(prepared.plan),
        "seconds": seconds,
        **processes,
        **_sizes(model),
        "versions": versions(),
        "fingerprints": {"data": train.fingerprint, "heldout": heldout.fingerprint, "model": model_fingerprint},
        "before": before.metrics,
        "after": after.metrics,
        "intervals": _intervals(after),
        "warnings": warnings,
        "cut": prepared.examples.cut.as_dict(),
        **({} if prepared.overlap is None else {"overlap": prepared.overlap.as_dict()}),
    }


def facts_at_start(recipe: Recipe, prepared: Prepared) -> dict[str, Any]:
    """What the summary holds and is known before the first step."""
    return {
        "title": f"{prepared.objective.id} on {prepared.train.name}",
        "objective": repr(prepared.objective),
        "model": recipe.model,
        "data": prepared.train.name,
        "measured_on": prepared.measured_on,
        "examples": len(prepared.examples),
        "seed": recipe.seed,
        **({"labels": prepared.labels} if prepared.labels else {}),
    }


def _sizes(model: nn.Module) -> dict[str, float]:
    parameters = list(model.parameters())
    total = sum(map(_size, parameters))
    trained = sum(_size(parameter) for parameter in parameters if parameter.requires_grad)
    return {"parameters": total, "trained_parameters": trained, "trained_share": trained / max(total, 1)}


def _size(parameter: nn.Parameter) -> int:
    # ZeRO-3 keeps the size of a divided parameter apart.
    return int(getattr(parameter, "ds_numel", 0) or parameter.numel())


def versions() -> dict[str, str]:
    """Versions of this package, of Python, and of the libraries that affect the results."""
    names = ("torch", "transformers", "datasets", "accelerate", "peft")
    return {
        "penchant": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in names},
    }


def _intervals(after: HeldOut) -> dict[str, list[float]]:
    """95 % intervals of the held-out accuracy (Wilson, ties half) and margin (normal), or by label or of lists.

    And that of the win rate of sampled responses (bootstrap).
    """
    wins = [after.metrics.get(f"judge/win_rate/{end}") for end in ("low", "high")]
    known = {} if None in wins else {"judge/win_rate": [float(each or 0.0) for each in wins]}
    return known | _reward_intervals(after)


def _reward_intervals(after: HeldOut) -> dict[str, list[float]]:
    shift = after.metrics.get("shift", 0.0)
    if found := judged_intervals(after.rewards, after.divergence, shift) or list_intervals(after.lists):
        return {name: [each.low, each.high] for name, each in found.items()}
    chosen, rejected = after.rewards.get("chosen"), after.rewards.get("rejected")
    if not chosen or not rejected:
        return {}
    margins = [better - worse for better, worse in zip(chosen, rejected, strict=True)]
    right = share_interval(float(win(torch.tensor(margins)).mean()), len(margins))
    margin = mean_interval(margins) if len(margins) > 1 else Interval.around(margins[0], 0.0)
    return {"rewards/accuracy": [right.low, right.high], "rewards/margin": [margin.low, margin.high]}
