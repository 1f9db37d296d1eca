"""Tiny worlds whose truth is known, where claims are tested."""

from penchant.lab import claims, digits, language, sums, tabular

__all__ = ["claims", "digits", "language", "sums", "tabular"]
