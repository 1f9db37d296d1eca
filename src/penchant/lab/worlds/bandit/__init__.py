"""A bandit with a peak of reward near or far from where the policy starts, and the study of what finds it."""
