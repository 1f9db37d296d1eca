"""How large files, functions and folders are: each one's limit, and what most of them keep to."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from statistics import median

from house.source import Module

FILE_LINES = 400
MEDIAN_FILE_LINES = 130
FUNCTION_LINES = 60
SHORT_FUNCTION_LINES = 35
SHARE_OF_SHORT_FUNCTIONS = 0.95
FOLDER_FILES = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Sizes:
    """The sizes of a package's files and functions, in lines, docstrings included."""

    files: list[int]
    functions: list[int]

    @property
    def median_file(self) -> float:
        """Half of the files are no longer than this."""
        return median(self.files or [0])

    @property
    def share_of_short_functions(self) -> float:
        """The share of functions below `SHORT_FUNCTION_LINES`; 1 where there is no function."""
        short = sum(length < SHORT_FUNCTION_LINES for length in self.functions)
        return short / len(self.functions) if self.functions else 1.0

    def __str__(self) -> str:
        return (
            f"{len(self.files)} files, the median has {self.median_file:g} lines, the longest {max(self.files)}; "
            f"{len(self.functions)} functions, {self.share_of_short_functions:.1%} are below {SHORT_FUNCTION_LINES} "
            f"lines, the longest has {max(self.functions)}"
        )


def sizes(modules: list[Module]) -> Sizes:
    """The sizes of all files and functions."""
    functions = [_length(node) for module in modules for node in ast.walk(module.tree) if isinstance(node, Function)]
    return Sizes([_lines(module) for module in modules], functions)


def oversized_files(modules: list[Module]) -> list[str]:
    """Files that cannot be read in one sitting."""
    return [
        f"{module.path.as_posix()}: {_lines(module)} lines, at most {FILE_LINES}"
        for module in modules
        if _lines(module) > FILE_LINES
    ]


def oversized_functions(modules: list[Module]) -> list[str]:
    """Functions longer than a screen, their docstrings included."""
    return [
        f"{module.at(node)}: {node.name} has {_length(node)} lines, at most {FUNCTION_LINES}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, Function) and _length(node) > FUNCTION_LINES
    ]


def large_on_the_whole(modules: list[Module]) -> list[str]:
    """Packages whose usual file or function is long, whatever the longest one is."""
    found, measured = [], sizes(modules)
    if measured.median_file >= MEDIAN_FILE_LINES:
        found.append(f"the median file has {measured.median_file:g} lines, it stays below {MEDIAN_FILE_LINES}")
    if measured.share_of_short_functions < SHARE_OF_SHORT_FUNCTIONS:
        found.append(
            f"{measured.share_of_short_functions:.1%} of the functions are below {SHORT_FUNCTION_LINES} lines, "
            f"at least {SHARE_OF_SHORT_FUNCTIONS:.0%} are"
        )
    return found


def crowded_folders(modules: list[Module]) -> list[str]:
    """Folders in which nothing is found at a glance."""
    files = Counter(module.path.parent.as_posix() for module in modules)
    return [
        f"{folder}: {count} files, at most {FOLDER_FILES}" for folder, count in files.items() if count > FOLDER_FILES
    ]


def _lines(module: Module) -> int:
    return len(module.text.splitlines())


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1
