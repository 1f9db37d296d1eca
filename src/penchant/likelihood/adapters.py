"""Adapters of PEFT: building a configuration, putting one on a model, loading a saved one, and stacking two."""

from __future__ import annotations

import functools
import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from penchant.errors import ConfigurationError, ModelError
from penchant.likelihood.adapting.encoder_files import continued_adapter, save_encoder
from penchant.likelihood.adapting.kinds import (
    STARTS,
    completed,
    configuration_of,
    first_line,
    mergeable_kind,
    starts_as_base,
)
from penchant.likelihood.adapting.virtual import with_virtual_tokens
from penchant.likelihood.checkpoint import check_finite_tensors
from penchant.likelihood.core import plain_layer

__all__ = [
    "adapter_config_of",
    "add_adapter",
    "load_adapter",
    "lora_config",
    "merge",
    "save_adapter",
    "stack_adapter",
    "trains",
]

#: Names of the adapter that is trained, and of the frozen one beneath it.
TRAINED, START = "default", "start"
JOINED = "joined"
#: Remarks of PEFT on compiled kernels, PyTorch's sparse tensors, and tied layers, which `merge` and saving keep exact.
INTERNAL = ("CUDA extension", "Sparse invariant checks", "tie_word_embeddings=True")

log = logging.getLogger("penchant")


def lora_config(settings: dict[str, Any], **changed: Any) -> Any:
    """A ``LoraConfig``.

    Args:
        settings: its fields.
        changed: fields that the run decides.

    Raises:
        ConfigurationError: PEFT refuses them.
    """
    from peft import LoraConfig

    try:
        return LoraConfig(**{**settings, **changed})
    except (ValueError, TypeError, ImportError) as error:
        raise ConfigurationError(f"PEFT refuses these settings ({first_line(error)}).", where="lora") from error


def adapter_config_of(kind: str, settings: dict[str, Any]) -> Any:
    """A configuration of any kind of adapter of PEFT.

    Args:
        kind: ``lora``, ``ia3``, ...
        settings: its fields.

    Raises:
        ConfigurationError: there is no such kind, it cannot be trained, or PEFT refuses the fields.
    """
    try:
        return configuration_of(kind)(**{**STARTS.get(kind, {}), **settings})
    except (ValueError, TypeError, ImportError) as error:
        raise ConfigurationError(f"PEFT refuses these settings ({first_line(error)}).", where="lora") from error


def add_adapter(model: Any, config: Any) -> Any:
    """The model with a new adapter, as a ``PeftModel``; the model's own weights are frozen.

    Raises:
        ConfigurationError: the configuration does not fit the model.
    """
    from peft import get_peft_model

    try:
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always")
            adapted = get_peft_model(model, completed(config, model))
        _pass_on(remarks)
        adapted.untrained = starts_as_base(config)
        return with_virtual_tokens(adapted)
    except (ValueError, TypeError, LookupError, ImportError, AttributeError, RuntimeError) as error:
        if not _targets(config):
            kind = str(config.peft_type.value).lower()
            raise ConfigurationError(
                f"No adapter of the kind {kind!r} can be put on this model ({first_line(error)}).", where="lora.kind"
            ) from error
        raise ConfigurationError(
            f"No adapter can be put on {_targets(config)} ({first_line(error)}).",
            where="lora.targets",
            fix="Use all-linear, or name layers of this model.",
        ) from error


def _pass_on(remarks: list[warnings.WarningMessage]) -> None:
    """Say each remark of PEFT once, not once a layer; those on how it is built help nobody who trains."""
    texts = dict.fromkeys(first_line(each.message) for each in remarks if issubclass(each.category, UserWarning))
    for text in texts:
        if not any(part in text for part in INTERNAL):
            log.warning("PEFT remarks: %s", text)


def _targets(config: Any) -> str:
    found = getattr(config, "target_modules", None) or getattr(config, "target_parameters", None)
    return repr(sorted(found)) if isinstance(found, set) else repr(found) if found else ""


def load_adapter(model: Any, source: str | Path, *, trainable: bool = False) -> Any:
    """The model with a saved adapter, as a ``PeftModel``.

    Args:
        model: the base.
        source: the adapter's folder or hub id.
        trainable: whether its weights can be trained.

    Raises:
        ModelError: the adapter cannot be loaded, or does not fit the base.
    """
    from peft import PeftModel
    from peft.utils import load_peft_weights

    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            loaded = continued_adapter(model, source) if trainable else None
            loaded = loaded or PeftModel.from_pretrained(model, str(source), is_trainable=trainable)
            weights = load_peft_weights(str(source), device="cpu")
    except ModelError:
        raise
    except Exception as error:  # PEFT raises many types; each means that the adapter cannot be loaded
        raise _does_not_fit(source, model, first_line(error)) from error
    absent = next((str(each.message) for each in said if "missing adapter keys" in str(each.message)), "")
    if absent:
        raise _does_not_fit(source, model, absent.splitlines()[0][:200])
    check_finite_tensors(weights.items(), source)
    if extra := _left_out(loaded, weights):
        raise _does_not_fit(source, model, f"the base has no place for {len(extra)} of its weights, such as {extra[0]}")
    if not trainable:
        loaded.requires_grad_(False)  # PEFT leaves virtual tokens trained
    return with_virtual_tokens(loaded.eval())


def _left_out(loaded: Any, weights: dict[str, Any]) -> list[str]:
    """Weights of the folder for which the model has no place; PEFT passes over them."""
    from peft import get_peft_model_state_dict

    known = get_peft_model_state_dict(loaded, save_embedding_layers=False)
    own = [name for name in weights if "lora_" in name]
    return sorted(set(own) - set(known))


def _does_not_fit(source: str | Path, model: Any, reason: str) -> ModelError:
    base = getattr(getattr(model, "config", None), "_name_or_path", "") or type(model).__name__
    return ModelError(
        f"The adapter cannot be loaded on {base} ({reason}).",
        where=str(source),
        why="It was trained on another model, or its files are incomplete.",
        fix="Give the model that it was trained on as base=FOLDER_OR_ID (a key of recipes; --base for "
        "`penchant score`).",
    )


def trains(model: Any) -> bool:
    """Whether any weight of an adapter of the model is trained."""
    return any(parameter.requires_grad for parameter in model.parameters())


def stack_adapter(model: Any, config: Any) -> Any:
    """Freeze a model's adapter and train a new one on top of it; both are active.

    Args:
        model: a ``PeftModel``.
        config: of the new adapter.

    Raises:
        ConfigurationError: the two cannot be saved as one adapter, or the new one does not fit the model.
    """
    (given, *others) = model.active_adapters
    _check_joinable(model.peft_config[given], config, others)
    with tempfile.TemporaryDirectory() as folder:
        # Only an adapter called "default" is saved at the root of a folder, so the given one makes room.
        model.save_pretrained(folder, selected_adapters=[given])
        model.load_adapter(folder if given == TRAINED else str(Path(folder) / given), START)
    model.delete_adapter(given)
    try:
        model.add_adapter(TRAINED, config)
    except ValueError as error:
        raise ConfigurationError(
            f"No adapter can be put on {_targets(config)} ({first_line(error)}).", where="lora.targets"
        ) from error
    model.base_model.set_adapter([TRAINED, START])
    for name, parameter in model.named_parameters():
        if f".{START}" in name:
            parameter.requires_grad_(False)
    # A checkpoint holds what is trained; the frozen adapter is loaded from where it was.
    model.save_pretrained = functools.partial(model.save_pretrained, selected_adapters=[TRAINED])
    return model


def _check_joinable(given: Any, new: Any, others: list[str]) -> None:
    """Two adapters are one of the added rank if both are plain LoRA."""

    def special(config: Any) -> list[str]:
        names = ("use_dora", "modules_to_save", "target_parameters", "lora_bias", "trainable_token_indices")
        found = [name for name in names if getattr(config, name, None)]
        found += ["bias"] if getattr(config, "bias", "none") != "none" else []
        return found + ([] if str(config.peft_type).endswith("LORA") else [str(config.peft_type)])

    trouble = special(given) + special(new) + (["several active adapters"] if others else [])
    if isinstance(getattr(new, "init_lora_weights", None), str) and new.init_lora_weights not in (
        "gaussian",
        "orthogonal",
    ):
        trouble.append(f"init_lora_weights={new.init_lora_weights}")
    if trouble:
        raise ConfigurationError(
            f"A new adapter cannot be stacked on the given one, because of {', '.join(trouble)}.",
            where="adapter",
            why="The two could not be saved as one adapter.",
            fix="Use adapter=merge_first, which merges the given adapter before training."
            if mergeable_kind(given)
            else "Use adapter=continue, which trains the given adapter on.",
        )


def save_adapter(model: Any, folder: Path) -> None:
    """Save a model's adapter for ``PeftModel.from_pretrained``; two stacked ones are saved as one, which is exact.

    Args:
        model: a ``PeftModel``.
        folder: the adapter's folder.
    """
    vars(model).pop("save_pretrained", None)
    if START not in model.peft_config:
        model.save_pretrained(folder)
        save_encoder(model, folder)
        return
    # [B₁ B₂] [A₁; A₂] = B₁A₁ + B₂A₂
    model.add_weighted_adapter([START, TRAINED], [1.0, 1.0], JOINED, combination_type="cat")
    model.save_pretrained(folder, selected_adapters=[JOINED])
    for file in (folder / JOINED).iterdir():
        shutil.move(str(file), str(folder / file.name))
    (folder / JOINED).rmdir()
    model.delete_adapter(JOINED)
    model.base_model.set_adapter([TRAINED, START])


def merge(model: Any) -> Any:
    """The model with its adapter merged into the weights; it scores what the model with the adapter scored.

    Where embedding and output head are one tensor, an adapter on one of them must not reach the other: they are
    separated, and stay so in the saved model if they differ afterwards.

    Args:
        model: a ``PeftModel``; its layers are changed in place.

    Returns:
        The model inside.
    """
    if not hasattr(model, "merge_and_unload"):
        (name,) = {str(each.peft_type.value).lower() for each in model.peft_config.values()}
        raise ConfigurationError(
            f"An adapter of the kind {name!r} cannot be merged into the weights.",
            where="adapter",
            fix="Use adapter=continue, or give its base as the model.",
        )
    core = model.get_base_model()
    ends = [core.get_input_embeddings(), core.get_output_embeddings()] if hasattr(core, "get_output_embeddings") else []
    tied = [end for end in map(plain_layer, ends) if getattr(end, "weight", None) is not None]
    shared = len(tied) == 2 and tied[0].weight is tied[1].weight
    if shared:
        tied[1].weight = nn.Parameter(tied[1].weight.detach().clone(), requires_grad=tied[1].weight.requires_grad)
    with warnings.catch_warnings():
        # What becomes of tied embeddings is decided below.
        warnings.filterwarnings("ignore", message="Input and output embeddings are no longer tied")
        merged = model.merge_and_unload()
    if shared:
        equal = torch.equal(core.get_input_embeddings().weight, core.get_output_embeddings().weight)
        if equal:
            core.get_output_embeddings().weight = core.get_input_embeddings().weight
        _say_tied(core.config, equal)
    elif len(tied) == 2 and core.get_input_embeddings().weight is not core.get_output_embeddings().weight:
        _say_tied(core.config, False)
    return merged


def _say_tied(config: Any, tied: bool) -> None:
    """Note in a configuration whether embedding and output head are one tensor."""
    for each in {id(each): each for each in (config, config.get_text_config())}.values():
        each.tie_word_embeddings = tied
