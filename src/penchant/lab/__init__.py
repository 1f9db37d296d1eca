"""Tiny worlds whose truth is known, where claims are tested."""
