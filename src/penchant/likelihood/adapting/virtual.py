"""`VirtualTokens`: adapters of PEFT that put learned tokens, or learned keys and values, before every sequence.

PEFT hands such a prefix to the model as a cache or as embeddings of one padded sequence a row. Here it is a property of
attention instead: in every layer P further keys and values stand before those of all tokens, and positions count from
P. So the forest, generation with a cache, and an ordinary forward pass all compute the same, and none of them has to
know of it.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ModelError
from penchant.forest.attention import ORDINARY, register_attention
from penchant.forest.virtual_keys import VirtualKeys
from penchant.likelihood.adapting.kinds import configuration_of
from penchant.likelihood.core import cache_name, cache_of, device_of
from penchant.likelihood.support import unsuited_layers

__all__ = ["VirtualTokens", "uses_virtual_tokens", "with_virtual_tokens"]

#: Kinds whose prefix is keys and values; that of the others is embeddings, which the layers read.
OF_KEYS = ("PREFIX_TUNING", "CARTRIDGE")


def uses_virtual_tokens(model: Any) -> bool:
    """Whether a model has an adapter of PEFT that puts learned tokens before every sequence."""
    configurations: dict[str, Any] = getattr(model, "peft_config", None) or {}
    return any(getattr(each, "is_prompt_learning", False) for each in configurations.values())


def with_virtual_tokens(model: Any) -> Any:
    """The model, whose virtual tokens, if it has any, are read by attention; safe to call again.

    Args:
        model: a ``PeftModel``, or any other model, which is left as it is.

    Raises:
        ConfigurationError: every row of a batch would have to name a task.
        ModelError: the layers of the model are no attention that can get further keys.
    """
    if uses_virtual_tokens(model) and not isinstance(getattr(model, "virtual_tokens", None), VirtualTokens):
        VirtualTokens(model)
    if getattr(getattr(model, "active_peft_config", None), "is_adaption_prompt", False):
        # LLaMA-Adapter keeps the model's forward as it was when the adapter was made; it is to be the one of now.
        model.base_model.forward = functools.partial(_call, model.get_base_model())
    return model


def _call(core: Any, *args: Any, **kwargs: Any) -> Any:
    return core(*args, **kwargs)


def _generate(core: Any, *args: Any, **kwargs: Any) -> Any:
    return core.generate(*args, **kwargs)


class VirtualTokens:
    """Makes a ``PeftModel`` with virtual tokens compute them in attention, from construction on.

    Args:
        model: of one active adapter. Its ``forward`` and ``generate`` become those of the model inside; with
            ``disable_adapter`` it is the base.

    Raises:
        ConfigurationError: every row of a batch would have to name a task.
        ModelError: the layers of the model are no attention that can get further keys.
    """

    def __init__(self, model: Any) -> None:
        self.model, self.core = model, model.get_base_model()
        kind = str(model.active_peft_config.peft_type.value)
        configuration_of(kind.lower())
        if reason := unsuited_layers(self.core):
            raise _unreadable(self.core, reason)
        self.of_keys = kind in OF_KEYS
        self.count = int(model.active_peft_config.num_virtual_tokens)
        self._within = False
        self._kept: tuple[Tensor, tuple[Any, ...]] | None = None
        self._asked: set[int] = set()
        register_attention()
        self.core.set_attn_implementation(ORDINARY)
        self.core.base_model.register_forward_pre_hook(self._before, with_kwargs=True)
        # No methods of this object: accelerate binds a method anew, to the model.
        model.forward, model.generate = functools.partial(_call, self.core), functools.partial(_generate, self.core)
        # Whoever has the model inside alone, as fingerprints do, finds the tokens that belong to it.
        self.core.virtual_tokens = self
        self._check_read()

    def state(self) -> dict[str, Tensor]:
        """The weights that the virtual tokens come from."""
        found: dict[str, Tensor] = self.model.prompt_encoder.state_dict(prefix="prompt_encoder.")
        return found

    def _before(self, base: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Positions that count from P, and the keys and values of the virtual tokens for all layers."""
        if self._within or self.model._adapters_disabled:
            return None
        given = kwargs.get("input_ids", args[0] if args else None)
        given = kwargs["inputs_embeds"] if given is None else given
        positions = kwargs.get("position_ids")
        if positions is None:
            cache = kwargs.get("cache", kwargs.get("past_key_values"))
            past = 0 if cache is None else cache.get_seq_length()
            positions = torch.arange(past, past + given.shape[1], device=given.device)[None]
        positions = positions + self.count
        virtual = VirtualKeys(self._layers(base), positions.expand(given.shape[0], -1))
        self._asked = virtual.asked
        return args, {**kwargs, "position_ids": positions, "virtual": virtual}

    def _layers(self, base: nn.Module) -> tuple[Any, ...]:
        """Keys and values of the virtual tokens, [1, H, P, D] each, for every layer of attention."""
        if self.of_keys:
            with warnings.catch_warnings():
                # Layers that the prefix does not fit keep to their own keys.
                warnings.filterwarnings("ignore", message="Prefix tuning injected")
                return _stored(self.model.get_prompt(1))
        prompts = self.model.get_prompt(1)
        # The base of such an adapter is frozen, unless the run trains weights of it too.
        if torch.is_grad_enabled() or any(each.requires_grad for each in self.core.parameters()):
            return self._read(base, prompts)
        if self._kept is None or self._kept[0].shape != prompts.shape or not torch.equal(self._kept[0], prompts):
            self._kept = prompts.clone(), self._read(base, prompts)
        return self._kept[1]

    def _read(self, base: nn.Module, prompts: Tensor) -> tuple[Any, ...]:
        """What the layers make of the embeddings of the virtual tokens, which see one another alone."""
        from transformers import DynamicCache

        embedding = base.get_input_embeddings()  # type: ignore[operator]
        embeds = prompts.to(next(embedding.parameters()).dtype)
        # A cache that forgets nothing: each layer keeps as many keys as there are virtual tokens.
        with self._plain_pass(base):
            output = base(inputs_embeds=embeds, use_cache=True, **{cache_name(base): DynamicCache()})
        layers = _stored(cache_of(output))
        if not torch.is_grad_enabled():
            return layers
        # FSDP2 gathers a layer's weights for the backward pass when a gradient reaches its output, so there must be
        # one at the last output too, of which nothing else is read.
        end = 0.0 * output[0].sum()
        return tuple(each and (each[0] + end.to(each[0].dtype), each[1]) for each in layers)

    @torch.no_grad()
    def _check_read(self) -> None:
        """Raise if the layers do not hand the virtual tokens on to attention, so that they would have no effect."""
        self.core.forward(input_ids=torch.zeros((1, 2), dtype=torch.long, device=device_of(self.core)))
        if not self._asked:
            raise _unreadable(self.core, "its layers do not pass them on to attention.")

    @contextlib.contextmanager
    def _plain_pass(self, base: nn.Module) -> Iterator[None]:
        """Without the hook, and without checkpointing, under which layers keep no keys."""
        saving = [each for each in base.modules() if getattr(each, "gradient_checkpointing", False)]
        for each in saving:
            each.gradient_checkpointing = False  # type: ignore[assignment]
        self._within = True
        try:
            yield
        finally:
            self._within = False
            for each in saving:
                each.gradient_checkpointing = True  # type: ignore[assignment]


def _stored(cache: Any) -> tuple[Any, ...]:
    layers = [(getattr(each, "keys", None), getattr(each, "values", None)) for each in cache.layers]
    return tuple(None if keys is None or not keys.numel() else (keys, values) for keys, values in layers)


def _unreadable(core: Any, reason: str) -> ModelError:
    return ModelError(
        f"{type(core).__name__} cannot read virtual tokens, which are keys and values of attention: {reason}",
        fix="Use an adapter in the layers, such as LoRA.",
    )
