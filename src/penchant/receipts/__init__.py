"""Receipts: published numbers, the adapters that evaluate a method on them, and the comparison."""

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.checking import check_file
from penchant.receipts.evaluation import evaluate
from penchant.receipts.record import agreement

__all__ = ["Case", "adapter", "agreement", "check_file", "evaluate"]
