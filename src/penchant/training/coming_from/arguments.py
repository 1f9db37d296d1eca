"""Translation of the arguments of transformers' Trainer, which TRL and LLaMA-Factory share."""

from __future__ import annotations

from typing import Any

from penchant.training.coming_from.translation import Translation, finite, number, whole_number, words

__all__ = ["batch", "best_model", "number_types", "schedule", "trainer_arguments", "warm_up"]

# Metrics of TRL by our names.
METRICS = {
    "loss": "loss",
    "eval_loss": "loss",
    "rewards/accuracies": "rewards/accuracy",
    "eval_rewards/accuracies": "rewards/accuracy",
    "eval_rewards/margins": "rewards/margin",
}
# The defaults of transformers.
BETAS = (0.9, 0.999)


def trainer_arguments(found: Translation, learning_rate: float) -> None:
    """Translate what `transformers.TrainingArguments` has.

    Args:
        found: the translation.
        learning_rate: the library's default.
    """
    found.move("output_dir", "output")
    for ours in ("weight_decay", "max_grad_norm", "seed"):
        found.move(ours, ours)
    found.move("learning_rate", "learning_rate", learning_rate)
    if finite(found.take("max_steps", -1), "max_steps") > 0:
        found.put("max_steps", whole_number(found.given["max_steps"], "max_steps"))
        found.skip("num_train_epochs")
    else:
        found.move("num_train_epochs", "epochs", 3.0)
    batch(found, "per_device_train_batch_size", 8)
    schedule(found, "lr_scheduler_type", "optim")
    warm_up(found)
    number_types(found)
    _measuring(found)
    _keeping(found)
    if found.take("use_cpu") or found.take("no_cuda"):
        found.put("device", "cpu")
    found.move("group_by_length", "group_by_length")
    found.skip("overwrite_output_dir", "do_train", "remove_unused_columns", "logging_steps", "logging_strategy")


def batch(found: Translation, per_device: str, default: int) -> None:
    """Translate batch size, accumulation and processes.

    Args:
        found: the translation.
        per_device: the library's key of the size per device.
        default: its default.
    """
    size = whole_number(found.take(per_device, default), per_device)
    parts = whole_number(found.take("gradient_accumulation_steps", 1), "gradient_accumulation_steps")
    total = size * parts * found.processes
    found.put("batch_size", total)
    if total != size:
        found.note(
            f"batch_size={total} is {per_device} {size} × accumulation {parts} × {found.processes} "
            f"process{'es' if found.processes > 1 else ''} (--processes)."
        )
    if parts > 1:
        found.put("accumulate", parts)


def schedule(found: Translation, schedule_key: str, optimizer_key: str, default: str = "linear") -> None:
    """Translate schedule, warm-up and optimizer.

    Args:
        found: the translation.
        schedule_key: the library's key of the schedule.
        optimizer_key: the library's key of the optimizer.
        default: the library's default schedule.
    """
    from transformers.trainer_utils import SchedulerType
    from transformers.training_args import OptimizerNames

    for key, ours, known in ((schedule_key, "schedule", SchedulerType), (optimizer_key, "optimizer", OptimizerNames)):
        value = found.given.get(key)
        if value in [each.value for each in known]:
            found.move(key, ours)
        elif value is not None:
            found.skip(key)
            found.note(f"Not translated: {key}={value}: transformers has no such {ours}; the default is used.")
        elif ours == "schedule" and default != "linear":
            found.default("schedule", default)
    found.move("lr_scheduler_kwargs", "schedule_arguments")


def warm_up(found: Translation, default: float = 0.0) -> None:
    """Translate the warm-up: a share, or a number of steps of a run whose length is known.

    Args:
        found: the translation.
        default: the library's default, as a share.
    """
    steps = finite(found.take("warmup_steps", 0) or 0, "warmup_steps")
    ratio = finite(found.take("warmup_ratio", 0) or 0, "warmup_ratio")
    length = found.recipe.get("max_steps")
    if 0 < steps < 1:
        ratio, steps = steps, 0
    if steps and length:
        found.put("warmup", min(1.0, steps / length))
    elif steps:
        found.put("warmup", 0.0)
        found.note(
            f"warmup_steps={steps:g} becomes a share of the steps: `penchant train RECIPE --dry-run` prints their "
            f"number, and warmup is {steps:g} divided by it. Until then it is 0."
        )
    elif ratio:
        found.put("warmup", ratio)
    else:
        found.default("warmup", default)


def number_types(found: Translation) -> None:
    """Translate the number types of the arithmetic."""
    for key, ours in (("bf16", "bfloat16"), ("fp16", "float16")):
        value = found.take(key)
        if value:
            found.put("precision", ours)
            if value == "auto":
                found.note("bf16=auto becomes precision: bfloat16; leave it out on a GPU without bfloat16.")
            return


def _measuring(found: Translation) -> None:
    """Translate when held-out data is measured."""
    strategy = found.take("eval_strategy", found.take("evaluation_strategy"))
    every = finite(found.take("eval_steps") or 0, "eval_steps")
    if every and strategy == "steps":
        found.put("eval_every", int(every)) if every >= 1 else found.note(_as_steps("eval_steps", "eval_every"))
    elif strategy == "epoch":
        found.note(_as_steps("eval_strategy=epoch", "eval_every"))
    found.skip("do_eval", "per_device_eval_batch_size")


def _keeping(found: Translation) -> None:
    """Translate checkpoints, the hub and loggers."""
    strategy, every = found.take("save_strategy", "steps"), finite(found.take("save_steps") or 0, "save_steps")
    if every and strategy == "steps":
        found.put("save_every", int(every)) if every >= 1 else found.note(_as_steps("save_steps", "save_every"))
    elif strategy != "steps":
        found.note(_as_steps(f"save_strategy={strategy}", "save_every"))
    best_model(found)
    found.put("report_to", loggers(found.take("report_to")))


def best_model(found: Translation) -> None:
    """Translate which checkpoints are kept, the best model, the optimizer's arguments and the hub."""
    found.move("save_total_limit", "keep_checkpoints")
    if found.given.get("load_best_model_at_end") and found.put("keep", "best"):
        found.skip("load_best_model_at_end")
    metric = METRICS.get(str(found.given.get("metric_for_best_model")))
    if metric is not None and found.put("metric", metric):
        found.skip("metric_for_best_model", "greater_is_better")
    if found.given.get("save_only_model") and found.put("checkpoints", "weights"):
        found.skip("save_only_model")
    place = found.given.get("hub_model_id")
    if place and found.given.get("push_to_hub", True) and found.put("push_to_hub", place):
        found.skip("push_to_hub", "hub_model_id")
    _optimizer_arguments(found)


def _optimizer_arguments(found: Translation) -> None:
    """Translate Adam's two rates and its epsilon."""
    rates = [number(found.given.get(key)) for key in ("adam_beta1", "adam_beta2")]
    arguments: dict[str, Any] = {}
    if any(rate is not None for rate in rates):
        arguments["betas"] = [rate if rate is not None else known for rate, known in zip(rates, BETAS, strict=True)]
    if found.has("adam_epsilon"):
        arguments["eps"] = number(found.given["adam_epsilon"])
    if arguments and found.put("optimizer_arguments", arguments):
        found.skip("adam_beta1", "adam_beta2", "adam_epsilon")


def loggers(value: Any) -> list[str] | None:
    """The loggers of a value of ``report_to``; None if there are none."""
    names = [each for each in words(value) if each not in ("none", "all")]
    return names or None


def _as_steps(given: str, ours: str) -> str:
    return f"Not translated: {given}: `{ours}` counts steps; `penchant train RECIPE --dry-run` prints their number."
