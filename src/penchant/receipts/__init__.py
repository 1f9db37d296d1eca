"""Receipts: checks of methods against numbers from published code, with adapters per method family."""

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.checking import check_file
from penchant.receipts.evaluation import evaluate
from penchant.receipts.record import agreement

__all__ = ["Case", "adapter", "agreement", "check_file", "evaluate"]
