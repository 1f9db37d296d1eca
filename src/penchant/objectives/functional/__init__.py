"""Pure functions shared by several methods: numerics, margins, groups, advantages, denoising errors, heads."""
