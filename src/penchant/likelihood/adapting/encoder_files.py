"""The state of an encoder of virtual tokens, which PEFT does not save: it keeps the tokens that the encoder writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from penchant.errors import ModelError
from penchant.likelihood.adapting.virtual import uses_virtual_tokens

__all__ = ["continued_adapter", "load_encoder", "save_encoder"]

ENCODER, PREFIX = "prompt_encoder.safetensors", "prompt_encoder."


def save_encoder(model: Any, folder: Path, weights: Mapping[str, Tensor] | None = None) -> None:
    """Write the weights of the encoder beside what PEFT writes; without effect on a model without virtual tokens.

    Args:
        model: a ``PeftModel``.
        folder: where.
        weights: those of the model by name, where it is divided over processes.
    """
    from safetensors.torch import save_file

    if uses_virtual_tokens(model):
        own, state = f"prompt_encoder.{model.active_adapter}.", model.state_dict() if weights is None else weights
        found = {PREFIX + name.removeprefix(own): value for name, value in state.items() if name.startswith(own)}
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().cpu().contiguous() for name, value in found.items()}, folder / ENCODER)


def load_encoder(model: Any, folder: Path) -> None:
    """Load what `save_encoder` wrote.

    Args:
        model: a ``PeftModel`` with virtual tokens of the same shape.
        folder: where.
    """
    from safetensors.torch import load_file

    found = {name.removeprefix(PREFIX): value for name, value in load_file(folder / ENCODER).items()}
    # What is frozen is no part of the files of a model that is divided over processes, and follows from the base.
    model.prompt_encoder[model.active_adapter].load_state_dict(found, strict=False)


def continued_adapter(model: Any, source: str | Path) -> Any | None:
    """The model with a saved adapter of virtual tokens that can be trained on; None for adapters of other kinds.

    Args:
        model: the base.
        source: the adapter's folder.

    Raises:
        ModelError: the tokens are written by an encoder, whose weights are not in the folder.
    """
    from peft import PeftConfig, get_peft_model, set_peft_model_state_dict
    from peft.utils import load_peft_weights

    config: Any = PeftConfig.from_pretrained(str(source))
    if not getattr(config, "is_prompt_learning", False):
        return None
    kept = (Path(source) / ENCODER).is_file()
    written = str(config.peft_type.value) == "P_TUNING" or getattr(config, "prefix_projection", False)
    if written and not kept:
        raise ModelError(
            "The virtual tokens of this adapter are written by an encoder, whose weights are not in the folder.",
            where=str(source),
            why="PEFT saves the tokens alone, so the encoder cannot be trained on.",
            fix="Train a new adapter, or one without an encoder (prompt_tuning, prefix_tuning).",
        )
    config.inference_mode = False
    adapted = get_peft_model(model, config)
    if kept:
        load_encoder(adapted, Path(source))
    else:
        set_peft_model_state_dict(adapted, load_peft_weights(str(source), device="cpu"))
    return adapted
