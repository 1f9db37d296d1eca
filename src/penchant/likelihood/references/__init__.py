"""Reference models of language models: initial, cached and none."""

from penchant.likelihood.references.building import REFERENCES, build_reference
from penchant.likelihood.references.cached import CachedReference
from penchant.likelihood.references.initial import InitialReference
from penchant.likelihood.references.none import NoReference
from penchant.likelihood.references.reference import Reference, ReferenceKind, ReferenceScores

__all__ = [
    "REFERENCES",
    "CachedReference",
    "InitialReference",
    "NoReference",
    "Reference",
    "ReferenceKind",
    "ReferenceScores",
    "build_reference",
]
