"""Losses specific to denoisers; losses for any modality are in the folder of their family."""
