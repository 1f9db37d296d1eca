"""Receipts: published numbers, the adapters that evaluate a method on them, and the comparison."""

from penchant.receipts.adapters import Kernel, kernels, receipt
from penchant.receipts.checking import check_file

__all__ = ["Kernel", "check_file", "kernels", "receipt"]
