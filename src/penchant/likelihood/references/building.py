"""The reference of a run with a language model, by its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from penchant.forest.layout import Forest, TokenSequence
from penchant.likelihood.cache import default_folder
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.references.cached import CachedReference
from penchant.likelihood.references.initial import InitialReference
from penchant.likelihood.references.none import NoReference
from penchant.likelihood.references.reference import Reference
from penchant.registry import Registry

__all__ = ["REFERENCES", "build_reference"]

TokenReference = Reference[Forest, TokenSequence]
Build = Callable[[ForestScorer, Path | None, str | None], TokenReference]

#: What builds each kind of reference, from the policy, the cache's folder and the precision of the run.
REFERENCES: Registry[Build] = Registry("reference")


@REFERENCES.register("none")
def _none(scorer: ForestScorer, cache: Path | None, precision: str | None) -> TokenReference:
    return NoReference()


@REFERENCES.register("initial")
def _initial(scorer: ForestScorer, cache: Path | None, precision: str | None) -> TokenReference:
    return InitialReference(scorer)


@REFERENCES.register("cached")
def _cached(scorer: ForestScorer, cache: Path | None, precision: str | None) -> TokenReference:
    return CachedReference(scorer, cache or default_folder(), precision)


def build_reference(
    kind: str, scorer: ForestScorer, cache: Path | None = None, precision: str | None = None
) -> TokenReference:
    """The reference of a run.

    Args:
        kind: ``initial``, ``cached`` or ``none``.
        scorer: the policy, at its initial weights.
        cache: folder of the cache; a folder of the user's where absent.
        precision: ``bfloat16`` or ``float16`` where the run computes under autocast.

    Raises:
        ConfigurationError: an unknown kind.
    """
    return REFERENCES.get(kind, where="reference")(scorer, cache, precision)
