"""Judges that put their questions to the policy in training."""
