"""`convert_file`: a YAML file of TRL, LLaMA-Factory or axolotl as a recipe of training or of an online run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError
from penchant.online.coming_from.arguments import data_of_prompts, optimizing
from penchant.online.coming_from.trainers import RATES, TRAINERS, factory_ppo
from penchant.online.recipe import OnlineRecipe, make_online_recipe
from penchant.training.coming_from.conversion import Converted, convert, opened, translated
from penchant.training.coming_from.from_axolotl import adapter as axolotl_adapter
from penchant.training.coming_from.from_axolotl import axolotl_data, axolotl_tokens
from penchant.training.coming_from.from_llama_factory import factory_adapter, factory_data
from penchant.training.coming_from.from_trl import adapter, kept_types, tokens, trainer_of, trl_data
from penchant.training.coming_from.translation import Translation

__all__ = ["convert_file"]

#: Methods of axolotl that sample responses, with the trainer of TRL that each is.
AXOLOTL = {"grpo": "grpo", "gdpo": "grpo"}


def convert_file(path: Path, processes: int = 1, trainer: str | None = None) -> Converted:
    """Convert a file.

    Args:
        path: a YAML file of TRL, LLaMA-Factory or axolotl.
        processes: number of processes that it was written for; batch sizes are multiplied by it.
        trainer: for TRL, the trainer that reads the file (``dpo``, ``grpo``, ``online-dpo``, ...); None to tell from
            the file.

    Returns:
        The recipe, which its command accepts once model and data are named, and the remarks.

    Raises:
        ConfigurationError: the file cannot be read, belongs to no such library, or its method has no counterpart.
    """
    found, table = opened(path, processes)
    method, trainer = _method(found, table, path, trainer)
    if method is None:
        return convert(found, table, path, trainer)
    found.form = OnlineRecipe
    found.recipe["method"] = method

    def translate() -> None:
        {"trl": _from_trl, "llama_factory": _from_llama_factory, "axolotl": _from_axolotl}[table](found, method, path)

    return translated(found, path, translate, make_online_recipe, "penchant online")


def _method(found: Translation, table: str, path: Path, trainer: str | None) -> tuple[str | None, str | None]:
    """The online method of a file, or None; and the name of the TRL trainer that reads it, if known."""
    if table == "llama_factory":
        return ("ppo" if found.given.get("stage") == "ppo" else None), trainer
    if table == "axolotl":
        return AXOLOTL.get(str(found.given.get("rl"))), trainer
    name = (trainer or trainer_of(found, path)).replace("_", "-")
    return (name if name in TRAINERS else None), name


def _from_trl(found: Translation, method: str, path: Path) -> None:
    """Translate a file of TRL."""
    found.recipe["model"] = found.take("model_name_or_path")
    trl_data(found)
    data_of_prompts(found)
    limit = found.given.pop("max_length", None)  # of prompts and responses; the trainers have limits of their own
    tokens(found)
    found.recipe.pop("max_length", None)
    found.forget("max_length")
    if limit is not None:
        found.given["max_length"] = limit
        found.reopen("max_length")
    TRAINERS[method](found, "per_device_train_batch_size", 8)
    adapter(found)
    optimizing(found, RATES[method], "lr_scheduler_type", "optim", "linear")
    kept_types(found)


def _from_llama_factory(found: Translation, method: str, path: Path) -> None:
    """Translate a file of LLaMA-Factory."""
    found.skip("stage")
    found.recipe["model"] = found.take("model_name_or_path")
    factory_data(found, path)
    data_of_prompts(found)
    found.move("cutoff_len", "max_length")
    factory_ppo(found)
    factory_adapter(found)
    optimizing(found, 5e-5, "lr_scheduler_type", "optim", "linear")
    if not found.take("disable_gradient_checkpointing", False):
        found.default("gradient_checkpointing", True)


def _from_axolotl(found: Translation, method: str, path: Path) -> None:
    """Translate a file of axolotl, whose part ``trl`` has the keys of TRL.

    Raises:
        ConfigurationError: the part ``trl`` is not a mapping.
    """
    inner: Any = found.take("trl") or {}
    if not isinstance(inner, dict):
        raise ConfigurationError(f"'trl' is {str(inner)[:80]!r}, expected keys of TRL.", where="trl")
    found.given |= {str(key): value for key, value in inner.items() if value not in (None, "", [], {})}
    found.read_also("trl")
    if found.take("rl") == "gdpo":
        found.given.setdefault("multi_objective_aggregation", "normalize_then_sum")
    for theirs in ("rl_beta", "dpo_beta"):
        if found.has(theirs):
            found.given.setdefault("beta", found.take(theirs))
    found.recipe["model"] = found.take("base_model")
    axolotl_data(found)
    data_of_prompts(found)
    for part in found.given.get("datasets") or []:
        if isinstance(part, dict) and "." in str(part.get("type", "")):
            found.note(
                f"The function {part['type']} makes prompts of the rows; write them to a file with prompt and the "
                "fields that the rewards read, or name the columns: mapping: {prompt: COLUMN}."
            )
    axolotl_tokens(found)
    found.recipe.pop("max_length", None)
    found.forget("max_length")
    found.answer("sequence_len", why="prompts are not cut, and max_new_tokens limits a response")
    found.reopen("sequence_len")
    TRAINERS[method](found, "micro_batch_size", 1)
    axolotl_adapter(found)
    optimizing(found, 1e-6, "lr_scheduler", "optimizer", "cosine")
    if found.take("gradient_checkpointing"):
        found.put("gradient_checkpointing", True)
    found.skip("dataset_prepared_path", "saves_per_epoch", "evals_per_epoch", "model_type", "tokenizer_type")
