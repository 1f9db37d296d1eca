"""`score`: log-probabilities and implicit rewards of the responses in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from penchant.errors import ConfigurationError, ModelError
from penchant.evaluation.rows import ScoredRows
from penchant.feedback.collection import Feedback
from penchant.feedback.kept import Kept
from penchant.feedback.reading import read
from penchant.forest.batching import plan_batches
from penchant.forest.encoding import Encoder
from penchant.forest.example import EncodedData, Example
from penchant.forest.large import encode_large, is_large
from penchant.forest.stored import StoredExamples
from penchant.likelihood.context import length_limit
from penchant.likelihood.forest_scorer import scorer_of
from penchant.likelihood.loading import load_model
from penchant.likelihood.logps import token_logps
from penchant.likelihood.references.named import check_rows
from penchant.model_folders import trained_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.same_vocabulary import check_same_vocabulary
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rendering.truncation import Truncation

__all__ = ["score"]


def score(
    model: Any,
    data: Any,
    *,
    reference: Any = None,
    base: str | None = None,
    beta: float = 1.0,
    tokenizer: Any = None,
    split: str | None = None,
    mapping: dict[str, str] | None = None,
    kind: str | None = None,
    on_bad: str = "stop",
    chat_template: str | None = None,
    end_token: str | None = None,
    template_arguments: Mapping[str, Any] | None = None,
    as_chat: bool = False,
    train_on: str = "last",
    max_length: int | None = None,
    truncation: str = "prompt_left",
    tokens_per_batch: int = 8192,
    progress: Callable[[int, int], None] | None = None,
) -> ScoredRows:
    """Log-probabilities and implicit rewards of every response in a file of feedback.

    reward = β (log π(y|x) − log π_ref(y|x)),   summed over tokens, nats

    ``split``, ``mapping``, ``kind``, ``on_bad`` and ``train_on`` are those of `penchant.feedback.read`;
    ``chat_template``, ``end_token``, ``template_arguments`` and ``as_chat`` those of `penchant.rendering.Renderer`.

    Args:
        model: a folder (also of an adapter or of a run), a hub id, or a causal language model in memory.
        data: a file, folder, hub id, ``datasets.Dataset``, or records as dictionaries.
        reference: the reference model; without it rows contain only log-probabilities.
        base: base of the model, if it is an adapter whose configuration names none that is found.
        beta: scale of the reward, above 0.
        tokenizer: required if the model is given in memory.
        max_length: maximum tokens of prompt and response; default: the model's context.
        truncation: how to handle longer records.
        tokens_per_batch: tokens per forward pass.
        progress: called with the number of records done and the total.

    Returns:
        One row per record: ``source``, ``responses`` (for each ``logp`` and ``mean_logp`` in nats, ``tokens``, and
        with a reference ``logratio`` and ``reward``); ``.summary()`` returns means, accuracies, and means by label.

    Raises:
        PenchantError: the model or the data cannot be used.
    """
    if not beta > 0:
        raise ConfigurationError(f"beta is {beta}; expected a number above 0.")
    model, reference = (trained_model(each) if isinstance(each, str | Path) else each for each in (model, reference))
    reading = {"split": split, "mapping": mapping, "kind": kind, "on_bad": on_bad, "train_on": train_on, "ties": "keep"}
    feedback = data if isinstance(data, Feedback) else read(data, **reading)  # type: ignore[arg-type]
    own = {"chat_template": chat_template, "end_token": end_token, "as_chat": as_chat}
    policy, renderer = _loaded(model, base, tokenizer, template_arguments=template_arguments, **own)
    limit = length_limit(str(model), None if policy is not model else model, renderer.tokenizer, max_length, base=base)
    cutting = Truncation(limit, truncation)  # type: ignore[arg-type]
    encoded = _encoded(Encoder(renderer, ["responses"], truncation=cutting, on_bad=on_bad), feedback)
    other = _reference(reference, renderer.tokenizer, str(model))
    return _scored(policy, other, encoded, feedback, beta, tokens_per_batch, progress)


def _encoded(encoder: Encoder, feedback: Feedback) -> EncodedData:
    large = is_large(encoder, len(feedback))
    return encode_large(encoder, feedback.records) if large else encoder.encode(feedback.records)


def _scored(
    policy: Any,
    reference: Any,
    encoded: EncodedData,
    feedback: Feedback,
    beta: float,
    tokens_per_batch: int,
    progress: Callable[[int, int], None] | None,
) -> ScoredRows:
    """The rows of encoded records, scored by the policy and then by the reference, if there is one."""
    numbers = _logps(policy, encoded.examples, tokens_per_batch, progress)
    referenced = None if reference is None else _logps(reference, encoded.examples, tokens_per_batch, progress)
    return ScoredRows.collect(encoded, numbers, referenced, beta, feedback)


def _reference(reference: Any, tokenizer: Any, model: str) -> Any:
    """The reference model, with the vocabulary of the model; None if there is none."""
    if not isinstance(reference, str | Path):
        return reference
    other = load_model(reference)
    try:
        their = load_tokenizer(reference)
    except ModelError:
        pass  # without a tokenizer, only the size of the embedding can be compared
    else:
        check_same_vocabulary(model, tokenizer, str(reference), their)
    check_rows(other, tokenizer, str(reference), model)
    return other


def _loaded(model: Any, base: str | None, tokenizer: Any, **rendering: Any) -> tuple[Any, Renderer]:
    """The loaded model, and the renderer of its tokenizer."""
    named = isinstance(model, str | Path)
    if tokenizer is None and not named:
        raise ConfigurationError("The model is given in memory, without a tokenizer.", fix="Pass tokenizer=...")
    tokenizer = load_tokenizer(model, base) if tokenizer is None else tokenizer
    renderer = Renderer(tokenizer, **rendering)
    return (load_model(model, base=base) if named else model), renderer


def _logps(
    model: nn.Module, examples: Sequence[Example], tokens_per_batch: int, progress: Callable[[int, int], None] | None
) -> Sequence[list[float]]:
    """Log-probability of every response of every example, nats."""
    sizes = examples.sizes if isinstance(examples, StoredExamples) else [each.size for each in examples]
    plan = plan_batches(sizes, tokens_per_batch=tokens_per_batch, shuffle=False)
    results: Kept[list[float]] = Kept()
    done = 0
    with scorer_of(model) as scorer, torch.no_grad():
        for step in plan.steps:
            # The steps go through the examples in their order.
            views = [examples[index].views["responses"] for index in step]
            owners = [index for index, view in zip(step, views, strict=True) for _sequence in view]
            sequences = [sequence for view in views for sequence in view]
            totals = token_logps(scorer, sequences, owners).double().sum(-1).tolist()
            left = iter(totals)
            results.extend([next(left) for _sequence in view] for view in views)
            done += len(step)
            if progress is not None:
                progress(done, len(examples))
    return results
