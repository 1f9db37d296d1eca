"""Judges around a judge: against earlier rollouts, and after what happens next."""
