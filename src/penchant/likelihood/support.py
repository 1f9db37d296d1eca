"""Choosing the attention backend and detecting the output head, by testing the model."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.forest.attention import ATTENTION, AttentionPlan, Backend
from penchant.forest.build import build_forest
from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.core import vocabulary_size
from penchant.likelihood.head import Head, Rows, token_statistics
from penchant.likelihood.inside.linear_head import OutputHead
from penchant.likelihood.outputs import Outputs, switch_attention

__all__ = ["choose_attention", "plain_head", "refuse_untrainable", "unsuited_layers"]

BACKENDS = ("segments", "flex", "dense", "sequences")
LAYERS = {"full_attention", "sliding_attention", "attention"}


def choose_attention(outputs: Outputs, wanted: str | None) -> tuple[str, str]:
    """The attention to use, and the reason: the requested one, or the forest if a short test confirms its results.

    Args:
        outputs: the model, without dropout; its attention implementation is restored afterwards.
        wanted: a backend's name, or None to choose.

    Raises:
        ConfigurationError: the backend is unknown, or the model does not support it.
    """
    if wanted is not None and wanted not in BACKENDS:
        raise ConfigurationError(f"There is no attention {wanted!r}.", fix=nearest(wanted, BACKENDS))
    if wanted == "sequences":
        return "sequences", "Requested."
    on_gpu = next(outputs.core.parameters()).is_cuda
    backend = cast(Backend, wanted or ("flex" if on_gpu else "segments"))
    reason = unsuited_layers(outputs.core) or _differs(outputs, backend)
    if reason is None:
        return backend, "Checked against evaluation of separate sequences."
    name = type(outputs.core).__name__
    if wanted is not None:
        raise ConfigurationError(
            f"{name} does not support the attention {wanted!r}: {reason}", fix="Use attention=sequences, or remove it."
        )
    return "sequences", f"{name} cannot share prompts between responses: {reason}"


def refuse_untrainable(wanted: str | None, model: torch.nn.Module) -> None:
    """Refuse an attention that has no backward pass where the model is.

    Raises:
        ConfigurationError: ``flex`` on a CPU.
    """
    if wanted == "flex" and next(model.parameters()).device.type == "cpu":
        raise ConfigurationError(
            "The attention 'flex' has no backward pass on a CPU, so nothing can be trained with it.",
            where="attention",
            fix="Remove attention (a CPU uses segments), or train on a GPU.",
        )


def unsuited_layers(core: Any) -> str | None:
    """The reason why a model's layers cannot take attention of ours, from its configuration; None if there is none.

    Args:
        core: the transformers model.
    """
    config = core.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or []) - LAYERS
    if kinds:
        return f"it has layers of type {', '.join(sorted(kinds))}."
    if not core._can_set_attn_implementation():
        return "its layers do not use transformers' attention interface."
    return None


def _differs(outputs: Outputs, backend: Backend) -> str | None:
    """Compare the backend with separate sequences on a small tree; None if the log-probabilities agree."""
    forest = _small_tree(outputs)
    plan = AttentionPlan(forest, backend)
    former = getattr(outputs.core.config, "_attn_implementation", None)
    with torch.no_grad():
        plain = _logps(outputs, forest, outputs.of_sequences(forest))
        try:
            switch_attention(outputs.core, ATTENTION)
            shared = _logps(outputs, forest, outputs.of_forest(plan))
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
            return f"its layers reject a forest ({type(error).__name__}: {(str(error) or '?').splitlines()[0][:120]})."
        finally:
            switch_attention(outputs.core, former)
    if _has_window(outputs.core) and plan.windows <= {None}:
        # The window is longer than the test tree, so the comparison cannot detect it.
        return "its sliding window is only in its attention mask, which a forest replaces."
    gap = (plain - shared).abs().max().item()
    if not gap <= _tolerance(outputs, plain) * max(1.0, plain.abs().max().item()):
        return f"on a small test tree its log-probabilities differ by {gap:.2g} nats from separate sequences."
    return None


def _tolerance(outputs: Outputs, plain: Tensor) -> float:
    exact = plain.is_cuda or next(outputs.core.parameters()).dtype == torch.float32
    return (5e-2 if plain.is_cuda else 1e-4) if exact else 0.15


def _has_window(core: Any) -> bool:
    config = core.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    return "sliding_attention" in kinds if kinds else getattr(config, "sliding_window", None) is not None


def _logps(outputs: Outputs, forest: Forest, rows: Tensor) -> Tensor:
    head = outputs.head or (lambda logits: logits)
    return token_statistics(Rows(rows, head), forest.target_ids, chunk_rows=0)["logps"]


def _small_tree(outputs: Outputs) -> Forest:
    """Two prompts, responses with common prefixes, and a deeper branch: every kind of edge in a forest."""
    vocabulary = vocabulary_size(outputs.core)
    ids = torch.randint(0, vocabulary, (24,), generator=torch.Generator().manual_seed(0)).tolist()
    first, second = ids[:6], ids[6:10]
    # Siblings repeat tokens whose probability rises if attention leaks between them.
    responses = [[*ids[10:14]], [*ids[10:12], *ids[14:18]], [*ids[10:12], *ids[14:16], *ids[10:14]], [*ids[18:20]]]
    sequences = [TokenSequence(first, response) for response in responses]
    sequences += [TokenSequence(second, responses[0]), TokenSequence(second, responses[1])]
    forest = build_forest(sequences, [0, 0, 0, 0, 1, 1])
    return forest.to(outputs.device)


def plain_head(core: Any) -> Head | None:
    """The model's output head as a function of hidden states, or None if it is of an unknown kind.

    The result is compared with the model's logits, so an unknown kind of head is always detected.

    Args:
        core: the transformers model, without dropout.
    """
    output = core.get_output_embeddings()
    config = core.config.get_text_config()
    cap = getattr(config, "final_logit_softcapping", None)
    divisor = getattr(config, "logits_scaling", None)
    factor = getattr(core, "logit_scale", None)

    head = OutputHead(output, factor if isinstance(factor, float | int) else None, divisor, cap)
    ids = torch.arange(1, 6, device=next(core.parameters()).device)[None] % vocabulary_size(core)
    with torch.no_grad():
        try:
            own = core.forward(input_ids=ids, use_cache=False).logits
            ours = head(core.base_model(input_ids=ids, use_cache=False)[0])
        except (TypeError, AttributeError, RuntimeError):
            return None
    return head if own.shape == ours.shape and torch.allclose(own.float(), ours.float(), atol=1e-4) else None
