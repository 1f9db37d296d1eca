"""Tests, claims and receipts lie in folders named like those of what they are about."""

from __future__ import annotations

from pathlib import Path

from house.circles import imported_names
from house.source import Module

CLAIMS = ("lab", "claims", "papers")
ADAPTER = ("penchant", "receipts", "adapters", "adapter")
#: Folders of tests that are about no folder of the package.
WITHOUT_A_MIRROR = {"house", "reliability"}


def without_a_mirror(modules: list[Module]) -> list[str]:
    """Folders of claims and files of adapters that are named after no room of the methods and no floor."""
    floors = {module.folder for module in modules}
    rooms = {module.path.parts[1] for module in modules if module.folder == "objectives" and len(module.path.parts) > 2}
    found = []
    for module in modules:
        *folders, _ = module.path.parts
        if tuple(folders[:3]) == CLAIMS and folders[3:4] and folders[3] not in rooms:
            found.append(f"{module.path.as_posix()}: there is no folder objectives/{folders[3]}")
        if _holds_adapters(module) and module.path.stem not in rooms | floors:
            subject = module.path.stem
            found.append(f"{module.path.as_posix()}: there is no folder objectives/{subject} and no folder {subject}")
    return found


def _holds_adapters(module: Module) -> bool:
    """Whether a file registers adapters of published cases."""
    file = module.folder == "receipts" and module.path.name != "__init__.py"
    return file and any(name == ADAPTER for _, name in imported_names(module))


def stray_tests(tests: Path, package: Path) -> list[str]:
    """Files of tests in a folder that the package does not have; what crosses floors lies directly in ``tests``."""
    return [
        f"tests/{folder.as_posix()}/{path.name}: the package has no folder {folder.as_posix()}"
        for path in sorted(tests.rglob("test_*.py"))
        if (folder := path.parent.relative_to(tests)).parts
        and folder.parts[0] not in WITHOUT_A_MIRROR
        and not (package / folder).is_dir()
    ]
