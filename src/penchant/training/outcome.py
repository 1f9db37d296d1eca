"""What a finished run leaves behind: a model that loads anywhere, its card, and the numbers for the report."""

from __future__ import annotations

import copy
import platform
from importlib import metadata
from typing import Any

import torch
from torch import nn

from penchant import __version__
from penchant.evaluation.heldout import HeldOut
from penchant.evaluation.metrics import win
from penchant.evaluation.samples import Samples
from penchant.feedback.rendering import Renderer
from penchant.training.folder import RunFolder
from penchant.training.preparation import Prepared
from penchant.training.recipe import Recipe

__all__ = ["save_model", "summarise", "write_numbers"]


def save_model(model: nn.Module, renderer: Renderer, folder: RunFolder, recipe: Recipe) -> nn.Module:
    """Save model and tokenizer as a folder that ``from_pretrained`` loads; an adapter is merged, and kept as well.

    Returns:
        The model that was saved (for an adapter, the merged one).
    """
    saved: Any = model
    if hasattr(model, "merge_and_unload"):
        saved.save_pretrained(folder.path / "adapter")
        if recipe.lora is None or recipe.lora.quantize is None:
            saved = saved.merge_and_unload()
    generation = getattr(saved, "generation_config", None)
    if generation is not None:
        known = generation.eos_token_id
        ends = [known] if isinstance(known, int) else list(known or [])
        # Training teaches the model to end with this token, so generation has to stop at it.
        generation.eos_token_id = sorted({*ends, *renderer.stop_token_ids})
    saved.save_pretrained(folder.model)
    _tokenizer_as_trained(renderer).save_pretrained(folder.model)
    return saved


def _tokenizer_as_trained(renderer: Renderer) -> Any:
    """The tokenizer with the chat template of the run, so that whoever loads the model talks to it as it was taught."""
    template, tokenizer = renderer.chat_template, renderer.tokenizer
    if template is None or template == tokenizer.chat_template:
        return tokenizer
    tokenizer = copy.deepcopy(tokenizer)
    probe = [{"role": "user", "content": "Hi"}]
    # The templates built in leave BOS to the tokenizer, which adds none to what a template has rendered.
    for tokenizer.chat_template in ("{{ bos_token }}" + template, template):
        rendered = tokenizer.apply_chat_template(probe, add_generation_prompt=True, tokenize=True, return_dict=False)
        if rendered == renderer.prompt_ids(probe):
            break
    return tokenizer


def write_numbers(
    folder: RunFolder, before: HeldOut, after: HeldOut, prompts: list[str], old: Samples, new: Samples
) -> None:
    """``rewards.json`` and ``samples.json``."""
    folder.write_json(
        "rewards.json",
        {
            "before": before.rewards,
            "after": after.rewards,
            "logp_margin": {"before": before.logp_margin, "after": after.logp_margin},
        },
    )
    rows = zip(prompts, old.texts, new.texts, strict=True)
    folder.write_json(
        "samples.json",
        [
            {"prompt": prompt, "before": first, "after": second, "reward_before": None, "reward_after": None}
            for prompt, first, second in rows
        ],
    )


def summarise(
    recipe: Recipe,
    prepared: Prepared,
    model: nn.Module,
    *,
    before: HeldOut,
    after: HeldOut,
    seconds: float,
    anchor: str,
    attention: str,
    model_name: str,
    model_fingerprint: str,
    warnings: list[str],
) -> dict[str, Any]:
    """The run in numbers, as ``summary.json`` holds it."""
    parameters = list(model.parameters())
    return {
        "title": f"{prepared.objective.id} on {prepared.train.name}",
        "objective": repr(prepared.objective),
        "model": model_name,
        "data": prepared.train.name,
        "measured_on": prepared.measured_on,
        "anchor": anchor,
        "attention": attention,
        "steps": len(prepared.plan),
        "examples": len(prepared.examples),
        "seconds": seconds,
        "seed": recipe.seed,
        "parameters": sum(parameter.numel() for parameter in parameters),
        "trained_parameters": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        "versions": _versions(),
        "fingerprints": {
            "data": prepared.train.fingerprint,
            "heldout": prepared.heldout.fingerprint,
            "model": model_fingerprint,
        },
        "before": before.metrics,
        "after": after.metrics,
        "intervals": _intervals(after),
        "warnings": warnings,
        "cut": prepared.examples.cut.as_dict(),
    }


def _versions() -> dict[str, str]:
    names = ("torch", "transformers", "datasets", "accelerate", "peft")
    return {
        "penchant": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in names},
    }


def _intervals(after: HeldOut) -> dict[str, list[float]]:
    """95 % intervals of the held-out accuracy (Wilson, ties half) and margin (normal)."""
    chosen, rejected = after.rewards.get("chosen"), after.rewards.get("rejected")
    if not chosen or not rejected:
        return {}
    margins = [better - worse for better, worse in zip(chosen, rejected, strict=True)]
    count = len(margins)
    mean = sum(margins) / count
    spread = (sum((each - mean) ** 2 for each in margins) / max(count - 1, 1)) ** 0.5 * 1.96 / count**0.5
    right = float(win(torch.tensor(margins)).mean())
    square = 1.96**2
    centre = (right + square / (2 * count)) / (1 + square / count)
    width = 1.96 / (1 + square / count) * ((right * (1 - right) + square / (4 * count)) / count) ** 0.5
    return {"rewards/accuracy": [centre - width, centre + width], "rewards/margin": [mean - spread, mean + spread]}
