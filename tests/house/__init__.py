"""The house rules as a program: it reads the package's sources and names every line that breaks one."""

from __future__ import annotations

from house.arrows import forbidden_arrows, foreign_imports_in_objectives, one_modality_imports, sibling_cycles
from house.circles import file_circles
from house.methods import methods_that_use_methods, subclassed_concrete_classes
from house.mirrors import stray_tests, without_a_mirror
from house.repeats import repeated_blocks
from house.shape import (
    borrowed_private_names,
    forbidden_names,
    missing_docstrings,
    modality_branches,
    working_package_files,
)
from house.sizes import crowded_folders, large_on_the_whole, oversized_files, oversized_functions, sizes
from house.source import Module, read_package

__all__ = ["RULES", "Module", "read_package", "sizes", "stray_tests"]

RULES = (
    forbidden_arrows,
    sibling_cycles,
    file_circles,
    foreign_imports_in_objectives,
    one_modality_imports,
    methods_that_use_methods,
    subclassed_concrete_classes,
    oversized_files,
    oversized_functions,
    large_on_the_whole,
    crowded_folders,
    without_a_mirror,
    working_package_files,
    repeated_blocks,
    forbidden_names,
    borrowed_private_names,
    missing_docstrings,
    modality_branches,
)
