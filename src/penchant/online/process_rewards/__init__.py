"""Rewards of single steps or turns, learned during a run from the outcomes of whole responses."""
