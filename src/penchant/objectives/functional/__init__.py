"""Pure functions that several methods share: numerics, margins, groups, advantages, denoising errors, heads."""
