"""Pairwise methods of games between policies, of exploration, and of labels of the policy's own."""
