"""Policy-gradient losses on sampled responses with advantages."""
