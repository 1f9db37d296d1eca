"""Claims about methods of the family policy_gradient."""
