"""The registry of reference kinds, and `build_reference` for language models."""

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

#: For each kind of reference, a function of the policy, the cache folder and the precision that builds it.
REFERENCES: Registry[Build] = Registry("reference")


@REFERENCES.register("none")
def _none(scorer: ForestScorer, cache: Path | None, precision: str | None) -> TokenReference:
    return NoReference()


@REFERENCES.register("initial")
def _initial(scorer: ForestScorer, cache: Path | None, precision: str | None) -> TokenReference:
    return InitialReference(scorer, precision)


@REFERENCES.register("cached")
def _cached(scorer: ForestScorer, cache: Path | None, precision: str | None) -> TokenReference:
    return CachedReference(scorer, cache or default_folder(), precision)


def build_reference(
    kind: str, scorer: ForestScorer, cache: Path | None = None, precision: str | None = None
) -> TokenReference:
    """Build the reference of a run.

    Args:
        kind: ``initial``, ``cached`` or ``none``.
        scorer: the policy, at its initial weights.
        cache: folder of the cache; the user's cache folder by default.
        precision: ``bfloat16`` or ``float16`` if the run uses autocast.

    Raises:
        ConfigurationError: the kind is unknown.
    """
    return REFERENCES.get(kind, where="reference")(scorer, cache, precision)
