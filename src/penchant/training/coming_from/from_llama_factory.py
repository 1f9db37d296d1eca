"""Translation of a YAML file for LLaMA-Factory, with the names of its ``dataset_info.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.errors import ConfigurationError
from penchant.training.coming_from.adapters import lora
from penchant.training.coming_from.arguments import trainer_arguments
from penchant.training.coming_from.losses import pairwise, reward_model, with_likelihood
from penchant.training.coming_from.translation import Translation, finite, number, words
from penchant.training.recipe import make_recipe

__all__ = ["factory_adapter", "factory_data", "from_llama_factory"]

LORA = {
    "rank": "lora_rank",
    "alpha": "lora_alpha",
    "targets": "lora_target",
    "modules_to_save": "additional_target",
    "rslora": "use_rslora",
    "dora": "use_dora",
}

#: Columns of ``dataset_info.json`` with the field that each is here, and the name that LLaMA-Factory expects.
COLUMNS = {
    "prompt": ("prompt", {"instruction", "prompt"}),
    "response": ("completion", {"output", "completion", "response"}),
    "messages": ("messages", {"conversations", "messages"}),
    "chosen": ("chosen", {"chosen"}),
    "rejected": ("rejected", {"rejected"}),
    "kto_tag": ("label", {"kto_tag", "label"}),
}


def from_llama_factory(found: Translation, path: Path) -> None:
    """Translate the file.

    Args:
        found: the translation.
        path: the file, beside which ``dataset_dir`` is looked for.

    Raises:
        ConfigurationError: its stage has no counterpart.
    """
    found.recipe["model"] = found.take("model_name_or_path")
    factory_data(found, path)
    found.put("objective", _objective(found))
    found.move("cutoff_len", "max_length")
    if not found.has("cutoff_len"):
        found.default("max_length", 2048)
    factory_adapter(found)
    _reference(found)
    trainer_arguments(found, 5e-5)
    if not found.take("disable_gradient_checkpointing", False):
        found.default("gradient_checkpointing", True)
    if found.take("pure_bf16"):
        found.put("precision", "bfloat16")
        found.put("weights", "stored")
    found.move("moe_aux_loss_coef", "router_aux_loss")
    thinking = found.given.get("enable_thinking")
    if thinking is not None and found.put("template_arguments", {"enable_thinking": thinking}):
        found.skip("enable_thinking")
    found.move("early_stopping_steps", "early_stopping")
    found.skip("overwrite_cache", "preprocessing_num_workers", "plot_loss")


def _objective(found: Translation) -> dict[str, Any]:
    """The objective of the stage and its loss."""
    stage = found.take("stage", "sft")
    beta = finite(found.take("pref_beta", 0.1), "pref_beta")
    weight = finite(found.take("pref_ftx", 0.0), "pref_ftx")
    if stage == "sft":
        # LLaMA-Factory learns every answer of a conversation, unless it masks the history.
        found.put("train_on", None if found.take("mask_history") else "assistant")
        return {"name": "nll"}
    if stage == "kto":
        wanted = finite(found.take("kto_chosen_weight", 1.0), "kto_chosen_weight")
        unwanted = finite(found.take("kto_rejected_weight", 1.0), "kto_rejected_weight")
        _without_likelihood(found, weight)
        return {"name": "kto", "beta": beta, "desirable_weight": wanted, "undesirable_weight": unwanted}
    if stage == "rm":
        return reward_model()
    if stage != "dpo":
        raise ConfigurationError(
            f"The stage is {stage!r}, and only dpo, kto, rm, sft and ppo have a counterpart.",
            where="stage",
            fix="Start from `penchant online ppo`; docs/coming-from.md answers every key." if stage == "ppo" else None,
        )
    loss = found.take("pref_loss", "sigmoid")
    if loss == "orpo":
        return with_likelihood({"name": "orpo", "lambda": beta}, weight)
    if loss == "simpo":
        gamma = finite(found.take("simpo_gamma", 0.5), "simpo_gamma")
        return with_likelihood({"name": "simpo", "beta": beta, "gamma": gamma}, weight)
    if loss == "kto_pair":
        found.note("pref_loss=kto_pair reads a pair as two judgements; objective kto does the same.")
        _without_likelihood(found, weight)
        return {"name": "kto", "beta": beta}
    smoothing = finite(found.take("dpo_label_smoothing", 0.0), "dpo_label_smoothing")
    settings = {"beta": beta, "label_smoothing": smoothing or None, "ld_alpha": number(found.take("ld_alpha"))}
    return with_likelihood(pairwise([str(loss)], None, settings), weight)


def _without_likelihood(found: Translation, weight: float) -> None:
    """Say that KTO's sum with a likelihood is not translated."""
    if weight:
        found.note(
            f"Not translated: pref_ftx={weight:g}: KTO reads single responses with labels and nll reads pairs or "
            "demonstrations, and a sum has one kind of feedback."
        )


def factory_adapter(found: Translation) -> None:
    """Translate the way of fine-tuning."""
    kind = found.take("finetuning_type", "lora")
    bits = found.given.get("quantization_bit")
    if bits == 4:
        found.skip("quantization_bit")
    if kind == "lora":
        lora(found, LORA, rank=8, alpha=None, quantized=bits == 4)
        if not found.has("finetuning_type"):
            found.note("LoRA is LLaMA-Factory's default way of fine-tuning; remove lora to train all weights.")
    elif kind != "full":
        found.note(f"Not translated: finetuning_type={kind}: all weights are trained; lora.targets chooses layers.")


def _reference(found: Translation) -> None:
    """Translate a reference model of its own, if recipes have one."""
    named = {"model": found.given.get("ref_model"), "adapter": found.given.get("ref_model_adapters")}
    if named["model"] is None:
        return
    reference = {key: value for key, value in named.items() if value is not None}
    try:
        make_recipe({"model": "m", "data": "d", "reference": reference})
    except ConfigurationError:
        return
    found.put("reference", reference)
    found.skip("ref_model", "ref_model_adapters")


def factory_data(found: Translation, path: Path) -> None:
    """Translate data sets by their names in ``dataset_info.json``."""
    folder = _folder(str(found.take("dataset_dir", "data")), path)
    names = words(found.take("dataset"))
    known = _known(folder)
    parts = [_part(found, name, known, folder) for name in names]
    shares = [finite(share, "interleave_probs") for share in words(found.take("interleave_probs"))]
    if len(parts) > 1 and len(shares) == len(parts):
        found.put("data", [{"path": part, "weight": share} for part, share in zip(parts, shares, strict=True)])
    else:
        found.join("data", parts)
    found.skip("mix_strategy")
    found.join("eval_data", [_part(found, name, known, folder) for name in words(found.take("eval_dataset"))])
    size = finite(found.take("val_size", 0) or 0, "val_size")
    if 0 < size < 1:
        found.put("eval_share", size)
    elif size >= 1:
        found.note(f"Not translated: val_size={size:g}: `eval_share` is a share of the records, not a number.")


def _folder(named: str, path: Path) -> Path:
    """The folder of the data sets: as named, or beside the file."""
    for place in (Path(named), path.parent / named):
        if (place / "dataset_info.json").is_file():
            return place
    return Path(named)


def _known(folder: Path) -> dict[str, Any]:
    """The data sets that ``dataset_info.json`` describes; none if it cannot be read."""
    try:
        read = json_document((folder / "dataset_info.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _part(found: Translation, name: str, known: dict[str, Any], folder: Path) -> str:
    """The place of a data set, with its columns as mapping."""
    entry = known.get(name)
    if not isinstance(entry, dict):
        found.note(
            f"The data set {name!r} is not described in {folder / 'dataset_info.json'}: "
            "write its file or hub id as data."
        )
        return name
    for column, (field, expected) in COLUMNS.items():
        theirs = (entry.get("columns") or {}).get(column)
        if theirs and theirs not in expected and field != "messages":
            found.recipe.setdefault("mapping", {})[field] = theirs
    if entry.get("split") and "split" not in found.recipe:
        found.put("split", entry["split"])
    for key in ("subset", "folder", "num_samples"):
        if entry.get(key):
            found.note(f"Not translated: {key} of the data set {name!r}: save that part and name its file.")
    if entry.get("hf_hub_url"):
        if not entry.get("split") and "split" not in found.recipe:
            found.put("split", "train")
        return str(entry["hf_hub_url"])
    return str(folder / entry["file_name"]) if entry.get("file_name") else name
