"""Translation of a YAML file for axolotl."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError
from penchant.training.coming_from.adapters import KEYS, lora
from penchant.training.coming_from.arguments import batch, best_model, number_types, schedule, warm_up
from penchant.training.coming_from.losses import cpo, pairwise, reward_model, with_likelihood
from penchant.training.coming_from.translation import Translation, finite, number, whole_number, words

__all__ = ["LOGGERS", "adapter", "axolotl_data", "axolotl_tokens", "from_axolotl"]

LORA = KEYS | {"rslora": "peft_use_rslora", "dora": "peft_use_dora"}

#: Columns that a data set may name, with the field that each is here.
FIELDS = {
    "field_prompt": "prompt",
    "field_chosen": "chosen",
    "field_rejected": "rejected",
    "field_completion": "completion",
    "field_label": "label",
    "field_instruction": "prompt",
    "field_output": "completion",
    "field_system": "system",
}

LOGGERS = {
    "wandb": ("use_wandb", "wandb_project"),
    "tensorboard": ("use_tensorboard",),
    "mlflow": ("use_mlflow", "mlflow_tracking_uri"),
    "comet_ml": ("use_comet", "comet_project_name"),
    "trackio": ("use_trackio",),
}


def from_axolotl(found: Translation) -> None:
    """Translate the file.

    Args:
        found: the translation.

    Raises:
        ConfigurationError: its method has no counterpart.
    """
    found.recipe["model"] = found.take("base_model")
    axolotl_data(found)
    found.put("objective", _objective(found))
    axolotl_tokens(found)
    adapter(found)
    _steps(found)
    _keeping(found)


def adapter(found: Translation) -> None:
    """Translate the adapter, if there is one."""
    kind = found.take("adapter")
    if kind in ("lora", "qlora"):
        lora(found, LORA, rank=8, alpha=16.0, quantized=kind == "qlora" or bool(found.take("load_in_4bit")))
        found.skip("lora_target_linear", "load_in_4bit")
    elif kind:
        found.note(f"Not translated: adapter={kind}: LoRA is the adapter that is supported.")


def _steps(found: Translation) -> None:
    """Translate what decides the steps."""
    if finite(found.take("max_steps", 0) or 0, "max_steps") > 0:
        found.put("max_steps", whole_number(found.given["max_steps"], "max_steps"))
        found.skip("num_epochs")
    else:
        found.move("num_epochs", "epochs")
    if found.has("batch_size"):
        found.move("batch_size", "batch_size")
        found.skip("micro_batch_size", "gradient_accumulation_steps")
    else:
        batch(found, "micro_batch_size", 1)
    for key in ("learning_rate", "weight_decay", "max_grad_norm", "seed", "group_by_length"):
        found.move(key, key)
    if found.take("gradient_checkpointing"):
        found.put("gradient_checkpointing", True)
    schedule(found, "lr_scheduler", "optimizer", default="cosine")
    warm_up(found, default=0.03)
    number_types(found)
    if found.take("bfloat16") or found.take("float16"):
        found.put("precision", "bfloat16" if found.given.get("bfloat16") else "float16")
        found.put("weights", "stored")


def _objective(found: Translation) -> dict[str, Any]:
    """The objective of the method."""
    method = found.take("rl")
    beta = finite(found.take("rl_beta", found.take("dpo_beta", 0.1)), "rl_beta")
    if method is None:
        if found.take("process_reward_model"):
            raise ConfigurationError(
                "A model that scores single steps is not trained from labels here.",
                where="process_reward_model",
                fix="objective bt-reward-model scores whole responses; process_reward of an online run scores steps.",
            )
        if found.take("reward_model"):
            found.skip("num_labels")
            return reward_model(finite(found.take("center_rewards_coefficient", 0.0), "center_rewards_coefficient"))
        return {"name": "nll"}
    if method in ("dpo", "ipo"):
        settings = {"beta": beta, "label_smoothing": number(found.take("dpo_label_smoothing"))}
        settings["use_weighting"] = found.take("dpo_use_weighting")
        losses = words(found.take("dpo_loss_type")) or ["ipo" if method == "ipo" else "sigmoid"]
        return with_likelihood(pairwise(losses, None, settings), finite(found.take("rpo_alpha", 0), "rpo_alpha"))
    if method == "kto":
        wanted = finite(found.take("kto_desirable_weight", 1.0), "kto_desirable_weight")
        unwanted = finite(found.take("kto_undesirable_weight", 1.0), "kto_undesirable_weight")
        return {"name": "kto", "beta": beta, "desirable_weight": wanted, "undesirable_weight": unwanted}
    if method == "orpo":
        return {"name": "orpo", "lambda": finite(found.take("orpo_alpha", 0.1), "orpo_alpha")}
    if method == "simpo":
        names = ("cpo_alpha", "simpo_gamma")
        return cpo("simpo", {"beta": beta, **{name: number(found.take(name)) for name in names if found.has(name)}})
    online = method in ("grpo", "gdpo")
    raise ConfigurationError(
        f"The method is {method!r}, and only dpo, ipo, kto, orpo, simpo, grpo, gdpo and supervised fine-tuning have a "
        "counterpart.",
        where="rl",
        fix="Start from `penchant online grpo`; docs/coming-from.md answers every key." if online else None,
    )


def axolotl_data(found: Translation) -> None:
    """Translate data sets and held-out data."""
    parts = found.take("datasets") or []
    if len(parts) == 1:
        found.put("data", _place(parts[0]))
        found.put("split", _split_of(parts[0]))
    elif parts:
        found.join("data", [_place(each) for each in parts])
        splits = {_place(each): split for each in parts if (split := _split_of(each))}
        found.put("split", _one(splits.values()) if len(splits) == len(parts) else None)
        if splits and "split" not in found.recipe:
            named = ", ".join(f"{split} of {place}" for place, split in splits.items())
            found.note(f"Not translated: the splits {named}: write data: [{{path: ..., weight: 1, split: ...}}, ...].")
    for part in parts:
        _columns(found, part)
    if not found.given.get("rl") and any(
        str(part.get("type")).startswith(("chat_template", "sharegpt")) for part in parts
    ):
        # axolotl learns every turn of the assistant.
        found.put("train_on", "assistant")
    held_out = found.take("test_datasets") or []
    if held_out:
        found.join("eval_data", [_place(each) for each in held_out])
    size = finite(found.take("val_set_size", 0) or 0, "val_set_size")
    if 0 < size < 1:
        found.put("eval_share", size)
    elif size >= 1:
        found.note(
            f"Not translated: val_set_size={size:g}: `eval_share` is a share of the records and not their number."
        )


def _split_of(part: dict[str, Any]) -> str | None:
    """Of a hub id axolotl reads the split `train` unless another is named; a file of one's own is all `train`."""
    split = str(part.get("split") or "train")
    return None if split == "train" and Path(_place(part)).suffix else split


def _one(values: Iterable[str]) -> str | None:
    """The only one of several equal values; None if they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _place(part: dict[str, Any]) -> str:
    """Where a data set is: its path, or its file where the path only names a format."""
    files = words(part.get("data_files"))
    return (
        files[0] if files and part.get("path") in ("json", "jsonl", "csv", "parquet", None) else str(part.get("path"))
    )


def _columns(found: Translation, part: dict[str, Any]) -> None:
    """Translate the columns of a data set; its layout is recognised by them."""
    kind = part.get("type")
    named = {**part, **(kind if isinstance(kind, dict) else {})}
    for theirs, ours in FIELDS.items():
        if isinstance(named.get(theirs), str) and named[theirs] != ours:
            found.recipe.setdefault("mapping", {})[ours] = named[theirs]
    asked, beside = named.get("field_instruction"), named.get("field_input")
    if isinstance(asked, str) and isinstance(beside, str):
        found.recipe["mapping"]["prompt"] = f"{{{asked}}}\n\n{{{beside}}}"
    messages = part.get("field_messages")
    if messages and found.given.get("rl") and messages not in ("messages", "prompt"):
        found.recipe.setdefault("mapping", {})["prompt"] = messages
    if isinstance(kind, str):
        found.note(
            f"The layout {kind!r} of {_place(part)} is recognised by its columns; "
            "`penchant data check` shows how it is read."
        )
    formats = [key for key in named if key.endswith("_format") or key == "format"]
    if formats:
        found.note(f"Not translated: {', '.join(formats)}: the chat template renders prompts and responses.")


def axolotl_tokens(found: Translation) -> None:
    """Translate length, template and end token."""
    found.move("sequence_len", "max_length")
    if not found.has("sequence_len"):
        found.default("max_length", 512)
    template = found.given.get("chat_template")
    if template == "chatml":
        found.put("chat_template", found.take("chat_template"))
    elif template in ("tokenizer_default", "jinja"):
        found.skip("chat_template")
    found.move("chat_template_jinja", "chat_template")
    tokens = found.given.get("special_tokens")
    if isinstance(tokens, dict):
        found.put("end_token", tokens.get("eos_token"))
        found.skip("special_tokens")
        others = [key for key in tokens if key not in ("eos_token", "pad_token")]
        if others:
            found.note(f"Not translated: special_tokens.{', '.join(others)}: the tokenizer is not changed in training.")


def _keeping(found: Translation) -> None:
    """Translate output, checkpoints, measuring and loggers."""
    found.move("output_dir", "output")
    for theirs, ours in (("save_steps", "save_every"), ("eval_steps", "eval_every")):
        every = finite(found.take(theirs) or 0, theirs)
        if every:
            whole = f"Not translated: {theirs}={every}: `{ours}` counts steps."
            found.put(ours, int(every)) if every >= 1 else found.note(whole)
    best_model(found)
    found.move("early_stopping_patience", "early_stopping")
    logged = [name for name, keys in LOGGERS.items() if any(found.given.get(key) for key in keys)]
    found.put("report_to", logged or None)
    for keys in LOGGERS.values():
        found.skip(*(key for key in keys if key.startswith("use_")))
    found.skip("logging_steps", "remove_unused_columns", "dataset_prepared_path", "model_type", "tokenizer_type")
