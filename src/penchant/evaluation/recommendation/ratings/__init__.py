"""Prediction of ratings: the protocol, its baselines, and language models as predictors."""
