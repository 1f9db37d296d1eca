"""Encoding of records, planning of batches, and batches of tokens in which shared prefixes are computed once."""

from penchant.forest.batching import Plan, Slot, plan_batches
from penchant.forest.build import build_forest
from penchant.forest.collate import AnyBatch, Batch, Placed, collate
from penchant.forest.encoding import Encoder
from penchant.forest.example import EncodedData, Example
from penchant.forest.layout import Forest, Segment, TokenSequence
from penchant.forest.record_encoder import RecordEncoder
from penchant.forest.recycling import Mixture
from penchant.forest.supply import Supply

__all__ = [
    "AnyBatch",
    "Batch",
    "EncodedData",
    "Encoder",
    "Example",
    "Forest",
    "Mixture",
    "Placed",
    "Plan",
    "RecordEncoder",
    "Segment",
    "Slot",
    "Supply",
    "TokenSequence",
    "build_forest",
    "collate",
    "plan_batches",
]
