"""`ModelReference` and `CachedModelReference`: a reference that is another model than the start of training."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from penchant.errors import ConfigurationError
from penchant.forest.layout import TokenSequence
from penchant.likelihood.adapters import load_adapter
from penchant.likelihood.cache import default_folder, fingerprint
from penchant.likelihood.core import core_model, has_adapter, vocabulary_size
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.loading import load_model
from penchant.likelihood.masters import keep_stored, make_masters
from penchant.likelihood.number_types import REDUCED
from penchant.likelihood.references.cached import CachedReference
from penchant.likelihood.references.initial import InitialReference
from penchant.likelihood.references.reference import Progress
from penchant.rendering.same_vocabulary import other_vocabulary

__all__ = [
    "CachedModelReference",
    "ModelReference",
    "check_rows",
    "computed_as_policy",
    "load_reference",
    "named_reference",
]


class ModelReference(InitialReference):
    """Another model, which stays in memory.

    Args:
        scorer: the model.
        precision: number type of the forward pass under autocast, or None.
    """

    kind = "model"
    starts_equal = False

    def __init__(self, scorer: ForestScorer, precision: str | None = None) -> None:
        self.scorer, self.shared, self.frozen = scorer, False, None
        self.at_start = contextlib.nullcontext
        self.printed = fingerprint(scorer.core)
        keep_stored(scorer.core, precision)


class CachedModelReference(CachedReference):
    """Log-probabilities of another model, which leaves the memory once they are computed.

    Args are those of `CachedReference`; the scorer is that of the reference.
    """

    starts_equal = False

    def prepare(self, responses: Sequence[TokenSequence], progress: Progress | None = None) -> None:
        """Compute missing values, then release the model."""
        super().prepare(responses, progress)
        self.scorer.close()
        del self.scorer


def load_reference(source: str, adapter: str | None = None, base: str | None = None) -> Any:
    """A reference model, in evaluation mode.

    Args:
        source: folder or hub id of a model or an adapter.
        adapter: folder or hub id of an adapter on that model, or None.
        base: base of the adapter that ``source`` is.

    Raises:
        ModelError: it cannot be loaded.
        ConfigurationError: source and ``adapter`` are both adapters.
    """
    model = load_model(source, base=base)
    if adapter is None:
        return model
    if has_adapter(model):
        raise ConfigurationError(
            f"The reference has two adapters: {source} is one, and reference.adapter is {adapter}.",
            where="reference",
            fix="Give the base as reference.model and one of them as reference.adapter.",
        )
    return load_adapter(model, adapter)


def check_rows(model: nn.Module, tokenizer: Any, name: str, policy: str) -> None:
    """Check that a reference's embedding has a row for every token of the policy.

    Args:
        model: the reference.
        tokenizer: the policy's.
        name: the reference, for the error.
        policy: the policy, for the error.

    Raises:
        ModelError: it has too few rows.
    """
    rows = vocabulary_size(core_model(model))
    numbers = [number for token, number in tokenizer.get_vocab().items() if token != tokenizer.pad_token]
    if max(numbers, default=0) >= rows:
        raise other_vocabulary(
            f"{policy} has tokens up to number {max(numbers)}, but the embedding of {name} has only {rows} rows"
        )


def computed_as_policy(model: nn.Module, copied: bool) -> nn.Module:
    """A reference whose arithmetic is that of a policy with float32 masters.

    So the log-ratio to a policy with the same weights is 0, as with the reference ``initial``.

    Args:
        model: the reference, with weights as stored.
        copied: work on a copy if anything has to change; otherwise the model itself is changed.
    """
    if all(weight.dtype not in REDUCED.values() for weight in model.parameters()):
        return model
    changed = copy.deepcopy(model) if copied else model
    core = core_model(changed)
    for weight in core.parameters():
        weight.requires_grad_(weight.is_floating_point())
    make_masters(core)
    core.requires_grad_(False)
    return changed


def named_reference(
    scorer: ForestScorer, cached: bool, cache: Path | None = None, precision: str | None = None
) -> ModelReference | CachedModelReference:
    """The reference of a model that is not the policy.

    Args:
        scorer: the reference model.
        cached: keep its log-probabilities on disk, and release it before the policy is loaded.
        cache: folder of the cache; the user's cache folder by default.
        precision: ``bfloat16`` or ``float16`` if the run uses autocast.
    """
    if cached:
        return CachedModelReference(scorer, cache or default_folder(), precision)
    return ModelReference(scorer, precision)
