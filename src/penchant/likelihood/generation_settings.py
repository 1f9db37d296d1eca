"""Generation settings of a model: what transformers would refuse to save is mended before training."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from penchant.documents import json_document

__all__ = ["mend_generation_config", "usable_generation_config"]

log = logging.getLogger("penchant")

FILE = "generation_config.json"
# Settings that only sampling reads, and settings that only a beam search reads.
OF_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff")
OF_BEAMS = ("early_stopping", "length_penalty")
# Settings that say which tokens begin, end and pad a text; they are kept where the others cannot be.
OF_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")


def mend_generation_config(model: Any) -> list[str]:
    """Mend the generation settings of a model, so that it can be saved and what is saved loads again.

    Settings without effect (``temperature`` without ``do_sample``) are removed, so that the model generates as before.
    Where transformers refuses the rest too, only the tokens that begin, end and pad a text are kept.

    Args:
        model: a model of transformers; changed in place.

    Returns:
        One sentence for each change; empty if nothing is wrong.
    """
    found = getattr(model, "generation_config", None)
    if found is None or _refusal(found) is None:
        return []
    notes = []
    unused = [] if found.do_sample else list(OF_SAMPLING)
    unused += [] if (found.num_beams or 1) > 1 else list(OF_BEAMS)
    removed = {name: getattr(found, name, None) for name in unused}
    removed = {name: value for name, value in removed.items() if value is not None}
    for name in removed:
        setattr(found, name, None)
    if removed:
        named = ", ".join(f"{name}={value}" for name, value in removed.items())
        notes.append(f"Generation settings without effect are removed ({named}: do_sample or num_beams is not set).")
    if (reason := _refusal(found)) is not None:
        model.generation_config = _tokens_only(found.to_dict())
        notes.append(f"transformers refuses the model's generation settings ({reason}); only its tokens are kept.")
    return notes


def _refusal(settings: Any) -> str | None:
    """The reason why transformers refuses to save generation settings; None if it saves them."""
    try:
        settings.validate(strict=True)
    except (ValueError, TypeError) as error:
        lines = str(error).strip().splitlines()
        return next((line for line in lines if line.startswith("-")), lines[0] if lines else "?").strip(" -.")[:200]
    return None


def _tokens_only(values: dict[str, Any]) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(**{name: values[name] for name in OF_TOKENS if _are_ids(values.get(name))})


def _are_ids(value: Any) -> bool:
    """Whether a setting is one or several token ids."""
    ids = value if isinstance(value, list) else [value]
    return bool(ids) and all(isinstance(each, int) and each >= 0 for each in ids)


def usable_generation_config(source: str | Path) -> Any:
    """Generation settings to load a model with, where those in its folder cannot be read.

    Args:
        source: a folder or hub id.

    Returns:
        Settings with the tokens of the file; None if transformers reads the file, or there is none.
    """
    from transformers import GenerationConfig

    file = Path(source) / FILE
    if not file.is_file():
        return None
    try:
        GenerationConfig.from_pretrained(str(source))
        return None
    except Exception as error:  # transformers raises many types; each would end the loading of the model
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    log.warning("%s cannot be used (%s); only its tokens are kept.", file, reason)
    try:
        values = json_document(file.read_text(encoding="utf-8"))
        return _tokens_only(values if isinstance(values, dict) else {})
    except (OSError, ValueError):
        return GenerationConfig()
