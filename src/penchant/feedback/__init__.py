"""Feedback: records (comparisons, judgements, rankings, ...), readers for files and data sets, and views of records."""

from penchant.feedback.collection import Feedback
from penchant.feedback.image_files import outside_files
from penchant.feedback.images import Image
from penchant.feedback.reading import read
from penchant.feedback.records import (
    KINDS,
    Comparison,
    Demonstration,
    JointComparison,
    Judgement,
    Prompt,
    Ranking,
    Record,
    Source,
    Text,
)

__all__ = [
    "KINDS",
    "Comparison",
    "Demonstration",
    "Feedback",
    "Image",
    "JointComparison",
    "Judgement",
    "Prompt",
    "Ranking",
    "Record",
    "Source",
    "Text",
    "outside_files",
    "read",
]
