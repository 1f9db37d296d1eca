"""The core of objectives: base class, scored views, requirements, registry, text expressions, sums and wrappers."""
