"""What people said: records of feedback, readers, checks, and how they become tokens."""

from penchant.feedback.collection import Feedback
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
from penchant.feedback.rendering import Renderer
from penchant.feedback.tokenizer import load_tokenizer
from penchant.feedback.truncation import CutTable, Fitted, Truncation

__all__ = [
    "KINDS",
    "Comparison",
    "CutTable",
    "Demonstration",
    "Feedback",
    "Fitted",
    "Image",
    "JointComparison",
    "Judgement",
    "Prompt",
    "Ranking",
    "Record",
    "Renderer",
    "Source",
    "Text",
    "Truncation",
    "load_tokenizer",
    "read",
]
