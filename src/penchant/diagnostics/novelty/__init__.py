"""What is new in a tuned model: contrastive generation (CGE)."""
