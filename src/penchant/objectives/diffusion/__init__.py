"""Losses that only a denoiser has a meaning for; others serve every modality from the folder of their family."""
