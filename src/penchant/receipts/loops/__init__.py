"""Adapters of what online training is made of: advantages, losses with a critic, rewards."""
