"""``penchant train --dry-run``: what a run would do, without doing it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from penchant.errors import ModelError
from penchant.training.arguments import micro_batches
from penchant.training.preparation import Given, Prepared, prepare, resolved
from penchant.training.progress import Reporter
from penchant.training.recipe import Recipe

__all__ = ["describe", "memory_estimate"]

GIB = 2**30


def describe(recipe: Recipe, reporter: Reporter) -> None:
    """Print the resolved recipe, facts about model and data, steps, and an estimate of memory.

    Args:
        recipe: the run.
        reporter: told about progress.

    Raises:
        PenchantError: whatever the run itself would stumble over before its first step.
    """
    import yaml

    prepared = prepare(recipe, Given(), reporter)
    # What was asked for goes to the output stream; progress and warnings to the error stream.
    output = Console(highlight=False)
    recipe_yaml = yaml.safe_dump(resolved(recipe, prepared.objective), sort_keys=False).rstrip()
    output.print(recipe_yaml, soft_wrap=True, markup=False)
    model = _empty_model(recipe)
    table = Table(title="Dry run", show_header=False)
    for name, value in facts(recipe, prepared, model).items():
        table.add_row(name, escape(value))
    output.print(table)


def _empty_model(recipe: Recipe) -> Any:
    """The model's shape without its weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(recipe.model)
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(
            f"No causal language model can be loaded from here ({reason}).", where=recipe.model, fix="Check the path."
        ) from error


def facts(recipe: Recipe, prepared: Prepared, model: Any) -> dict[str, str]:
    """What a person wants to know beforehand."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    sizes = [example.size for example in prepared.examples.examples]
    steps = prepared.plan.steps
    largest = max(sum(sizes[index] for index in step) for step in steps)
    parts = micro_batches(recipe, prepared.plan, sizes, 1, prepared.objective.coupled)
    estimate = memory_estimate(recipe, model.config, parameters, largest // parts)
    cut = prepared.examples.cut
    return {
        "objective": repr(prepared.objective),
        "model": f"{type(model).__name__}, {parameters / 1e6:,.1f} M parameters",
        "data": f"{len(prepared.train)} records of kind {prepared.train.kind}, {len(sizes)} used, {cut.dropped} left "
        "out",
        "measured on": prepared.measured_on,
        "tokens": f"{sum(sizes):,} an epoch (prompts once), longest example {max(sizes):,}, limit "
        f"{prepared.max_length}",
        "steps": f"{len(steps):,} of {min(map(len, steps))}-{max(map(len, steps))} prompts, up to {largest:,} tokens a "
        "step",
        "memory": " + ".join(f"{name} {size / GIB:.2f}" for name, size in estimate.items())
        + f" = about {sum(estimate.values()) / GIB:.1f} GiB",
    }


def memory_estimate(recipe: Recipe, config: Any, parameters: int, tokens: int) -> dict[str, float]:
    """Bytes by purpose, to within a factor of about two.

    Args:
        recipe: the run.
        config: the model's configuration.
        parameters: of the model.
        tokens: of the largest micro-batch.
    """
    text = config.get_text_config()
    width = 2 if recipe.precision in ("bfloat16", "float16") else 4
    weights = parameters * (0.6 if recipe.lora is not None and recipe.lora.quantize else 4)
    trained = parameters if recipe.lora is None else parameters * min(1.0, 0.002 * recipe.lora.rank)
    layers, hidden = text.num_hidden_layers, text.hidden_size
    # Per layer and token about 16 hidden-size activations are kept for backward; one with checkpointing.
    kept = tokens * layers * hidden * width * (1 if recipe.gradient_checkpointing else 16)
    needs_copy = recipe.anchor in (None, "initial") and recipe.lora is None
    return {
        "weights": weights,
        "gradients": trained * 4,
        "optimizer": trained * 8,
        "reference": weights if needs_copy else 0.0,
        "activations": kept,
        "logits": float(min(tokens * text.vocab_size * 4 * 2, 512 * 2**20)),
    }
