"""Which adapter of a language model a run trains: the given one, a new one, or one on the merged model."""

from __future__ import annotations

from typing import Any

from torch import nn

from penchant.errors import ConfigurationError
from penchant.likelihood.adapters import adapter_config_of, add_adapter, lora_config, merge, stack_adapter, trains
from penchant.likelihood.core import has_adapter
from penchant.model_folders import adapter_config

__all__ = ["adapter_settings", "check_choice", "prepared_for_adapter", "trained_rank", "trains_adapter", "with_adapter"]


def adapter_settings(lora: Any) -> Any:
    """PEFT's configuration of the adapter that a recipe's ``lora`` describes.

    Raises:
        ConfigurationError: PEFT refuses it.
    """
    if lora.kind != "lora":
        return adapter_config_of(lora.kind, {**lora.peft, "task_type": "CAUSAL_LM"})
    return lora_config(lora.peft, task_type="CAUSAL_LM")


def check_choice(choice: str | None, quantize: str | None) -> None:
    """Refuse what cannot be done before the model is loaded.

    Raises:
        ConfigurationError: an adapter is to be merged into quantized weights.
    """
    if choice == "merge_first" and quantize is not None:
        raise ConfigurationError(
            "An adapter cannot be merged into a quantized model without loss.",
            where="adapter",
            fix="Use adapter=new, which keeps it beside the weights, or remove lora.quantize.",
        )


def trained_rank(settings: Any) -> int | None:
    """The rank of the adapter that a recipe trains, None if it trains all weights."""
    if settings.lora is not None and settings.lora.model_fields_set != {"quantize"}:
        return int(settings.lora.rank)
    given = None if settings.adapter == "merge_first" else adapter_config(settings.model)
    return None if given is None and settings.lora is None else int((given or {}).get("r", 16))


def trains_adapter(settings: Any, model: Any = None) -> bool:
    """Whether a recipe trains an adapter, and not all weights.

    Args:
        settings: the recipe.
        model: the policy in memory, or None.
    """
    given = model is not None and has_adapter(model) and settings.adapter != "merge_first"
    return given or trained_rank(settings) is not None


def prepared_for_adapter(policy: nn.Module) -> nn.Module:
    """A quantized model whose small layers are in float32 and whose weights are frozen."""
    from peft import prepare_model_for_kbit_training

    # Checkpointing is a key of the recipe. Its preparation marks the embedding's output as trained, which fails where
    # layers work in place on it.
    prepared: nn.Module = prepare_model_for_kbit_training(policy, use_gradient_checkpointing=False)
    return prepared


def with_adapter(policy: nn.Module, lora: Any, choice: str | None) -> nn.Module:
    """The policy with the adapter that the run trains.

    Args:
        policy: with or without an adapter.
        lora: the recipe's ``lora``, or None.
        choice: the recipe's ``adapter``: ``continue``, ``merge_first``, ``new``, or None.

    Raises:
        ConfigurationError: the policy has no adapter but the choice is about one, or the choice leaves open what is
            trained.
    """
    if not has_adapter(policy):
        if choice is not None:
            raise ConfigurationError(
                f"adapter is {choice!r}, but the model has no adapter.",
                where="adapter",
                fix="Remove adapter; lora alone trains a new adapter.",
            )
        return policy if lora is None else add_adapter(policy, adapter_settings(lora))
    if choice == "merge_first":
        merged: nn.Module = merge(policy).requires_grad_(True)
        return merged if lora is None else add_adapter(merged, adapter_settings(lora))
    if choice == "new":
        stacked: nn.Module = stack_adapter(policy, adapter_settings(lora))
        return stacked
    return _continued(policy, lora, choice)


def _continued(policy: Any, lora: Any, choice: str | None) -> nn.Module:
    """The policy with its own adapter as the trained one."""
    added = set() if lora is None else lora.model_fields_set - {"quantize", "dropout"}
    if added or (lora is not None and not lora.model_fields_set):
        raise ConfigurationError(
            "The model already has an adapter, and the recipe adds another one (lora).",
            where="lora",
            fix="Remove lora to train the given adapter on; or train another one with adapter=new (on top of the given "
            "one) or adapter=merge_first (on the merged model).",
        )
    if not trains(policy):
        if choice is None:
            raise ConfigurationError(
                f"The model has the adapter {', '.join(map(repr, policy.active_adapters))}, whose weights are frozen.",
                where="model",
                fix="Use adapter=continue to train it on, adapter=new to train another one on top, or "
                "adapter=merge_first.",
            )
        policy.base_model.set_adapter(policy.active_adapters)
    return policy  # type: ignore[no-any-return]
