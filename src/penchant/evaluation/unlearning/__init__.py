"""How well a model has forgotten, and what it still knows: TOFU's metrics, extraction, membership, relearning."""
