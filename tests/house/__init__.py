"""The house rules as a program: it reads the package's sources and names every line that breaks one."""

from __future__ import annotations

from house.arrows import forbidden_arrows, foreign_imports_in_objectives, one_modality_imports, sibling_cycles
from house.repeats import repeated_blocks
from house.shape import (
    borrowed_private_names,
    forbidden_names,
    missing_docstrings,
    modality_branches,
    oversized_files,
    oversized_functions,
    working_package_files,
)
from house.source import Module, read_package

__all__ = ["RULES", "Module", "read_package"]

RULES = (
    forbidden_arrows,
    sibling_cycles,
    foreign_imports_in_objectives,
    one_modality_imports,
    oversized_files,
    oversized_functions,
    working_package_files,
    repeated_blocks,
    forbidden_names,
    borrowed_private_names,
    missing_docstrings,
    modality_branches,
)
