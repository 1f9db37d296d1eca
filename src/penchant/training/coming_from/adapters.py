"""Translation of adapters: LoRA and QLoRA."""

from __future__ import annotations

from typing import Any

from penchant.training.coming_from.translation import Translation, finite, number, whole_number, words
from penchant.training.settings.model import LoRA

__all__ = ["KEYS", "lora"]

#: Keys of TRL and axolotl alike, by ours.
KEYS = {
    "rank": "lora_r",
    "alpha": "lora_alpha",
    "targets": "lora_target_modules",
    "modules_to_save": "lora_modules_to_save",
}

# Names for "every linear layer".
ALL = {"all", "all-linear", "all_linear"}


def lora(found: Translation, names: dict[str, str], rank: int, alpha: float | None, quantized: bool) -> None:
    """Translate a LoRA adapter.

    Args:
        found: the translation.
        names: the library's key for each of ours: ``rank``, ``alpha``, ``targets``, and more of the recipe's ``lora``.
        rank: the library's default.
        alpha: the library's default; None for twice the rank.
        quantized: whether the base model is loaded in 4 bits.
    """
    size = whole_number(found.take(names["rank"], rank), names["rank"])
    values: dict[str, Any] = {
        "rank": size,
        "alpha": finite(found.take(names["alpha"], alpha or 2 * size), names["alpha"]),
    }
    targets = words(found.take(names["targets"]))
    if targets and not ALL & set(targets):
        values["targets"] = targets if len(targets) > 1 else targets[0]
    if quantized:
        values["quantize"] = "4bit"
    dropout = finite(found.take("lora_dropout", 0) or 0, "lora_dropout")
    if dropout and found.recipe.get("objective", {}).get("name") == "nll":
        values["dropout"] = dropout
    elif dropout:
        found.note(
            f"Left out: lora_dropout={dropout:g}. Preference trainers of these libraries set dropout to 0 unless "
            f"disable_dropout is false; here lora.dropout={dropout:g} would act."
        )
    for ours, theirs in names.items():
        if ours not in ("rank", "alpha", "targets", "dropout") and ours in LoRA.model_fields and found.has(theirs):
            values[ours] = number(found.take(theirs))
    found.put("lora", values)
