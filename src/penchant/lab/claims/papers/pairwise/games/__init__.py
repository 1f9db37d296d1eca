"""Claims about games between policies, exploration, and labels of the policy's own."""
