"""References: the model that a policy is held to, and where its numbers come from."""

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
