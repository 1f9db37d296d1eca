"""Imports go down: the floors of the house, and what may be imported where."""

from __future__ import annotations

import sys

from house.source import Import, Module, imports

FLOORS = {
    "feedback": 1,
    "objectives": 1,
    "rendering": 2,
    "checks": 3,
    "forest": 3,
    "likelihood": 4,
    "sandbox": 4,
    "generation": 5,
    "rewards": 5,
    "curation": 6,
    "diagnostics": 6,
    "evaluation": 6,
    "inference": 6,
    "modalities": 6,
    "online": 7,
    "training": 7,
    "cli": 8,
}
# Beside the house: these folders may use every floor, and only the command line uses them.
LAB = "lab"
RECEIPTS = "receipts"
SIDES = {LAB, RECEIPTS}
# The one way from methods to receipts: `penchant.objectives.evaluate` is looked up there when it is asked for.
LAZY_NAME = ("objectives/__init__.py", "penchant.receipts.evaluation", "evaluate")
DOORS = {"__init__.py": "lazily", "__main__.py": "cli"}

# What only one kind of response has.
ONE_MODALITY = (
    "forest.build",
    "forest.layout",
    "generation",
    "likelihood.causal",
    "likelihood.denoiser",
    "likelihood.denoising",
    "likelihood.forest_scorer",
    "likelihood.hook",
    "likelihood.image_batch",
    "likelihood.loading",
    "likelihood.logps",
    "likelihood.noising",
    "likelihood.outputs",
    "likelihood.pipelines",
    "likelihood.scoring",
    "modalities.images",
    "modalities.text",
)

# An objective can be lifted out and used anywhere.
OBJECTIVE_ROOMS = {"objectives", "errors", "registry", "settings"}
OBJECTIVE_LIBRARIES = {"torch", "annotated_types", "pydantic"}


def forbidden_arrows(modules: list[Module]) -> list[str]:
    """Imports that do not go to a lower floor, and folders that have no floor."""
    found = [
        f"{module.path.as_posix()}: the folder {module.folder!r} stands on no floor"
        for module in modules
        if module.folder and module.folder not in {*FLOORS, *SIDES}
    ]
    for module in modules:
        for imported in imports(module):
            reason = _reason_against(module, imported)
            if reason:
                found.append(f"{module.at(imported.node)}: imports {'.'.join(imported.parts)}, but {reason}")
    return found


def _reason_against(module: Module, imported: Import) -> str:
    """Why an import is not allowed; empty where it is."""
    target = imported.target
    if not imported.internal or target == module.folder or target not in {*FLOORS, *SIDES}:
        return ""
    if not module.folder:
        return _reason_against_door(module, imported)
    if _is_lazy_name(module, imported):
        return ""
    if target in SIDES:
        return "" if module.folder == "cli" else f"only cli may import {target}"
    if module.folder in SIDES:
        return ""
    own, other = FLOORS.get(module.folder, 0), FLOORS[target]
    if other > own:
        return f"{target} (floor {other}) is above {module.folder} (floor {own})"
    return ""


def _is_lazy_name(module: Module, imported: Import) -> bool:
    """Whether this is the import of `LAZY_NAME`, in a function or for a type checker."""
    file, home, name = LAZY_NAME
    names = [alias.name for alias in getattr(imported.node, "names", ())]
    here = module.path.as_posix() == file and ".".join(imported.parts) == home
    return here and imported.lazy and names == [name]


def _reason_against_door(module: Module, imported: Import) -> str:
    """Files directly in the package are floor 0; only its doors lead to other floors."""
    door = DOORS.get(module.path.name)
    if (door == "lazily" and imported.lazy) or door == imported.target:
        return ""
    return "a file directly in the package imports no floor (__init__ only where a name is asked for)"


def sibling_cycles(modules: list[Module]) -> list[str]:
    """Folders on the same floor that import each other, directly or by way of others."""
    arrows: dict[str, set[str]] = {}
    for module in modules:
        for imported in imports(module):
            own, other = FLOORS.get(module.folder), FLOORS.get(imported.target)
            if imported.internal and own is not None and own == other and imported.target != module.folder:
                arrows.setdefault(module.folder, set()).add(imported.target)
    return [f"{folder}: imports itself by way of its siblings" for folder in arrows if folder in _reach(arrows, folder)]


def _reach(arrows: dict[str, set[str]], start: str) -> set[str]:
    """All folders that can be reached from ``start`` along the arrows."""
    reached: set[str] = set()
    waiting = list(arrows.get(start, ()))
    while waiting:
        folder = waiting.pop()
        if folder not in reached:
            reached.add(folder)
            waiting.extend(arrows.get(folder, ()))
    return reached


def one_modality_imports(modules: list[Module]) -> list[str]:
    """Training and measuring import nothing that only one kind of response has."""
    return [
        f"{module.at(imported.node)}: imports {'.'.join(imported.parts)}, which belongs to one modality"
        for module in modules
        if module.folder == "training" or module.path.as_posix() == "evaluation/heldout.py"
        for imported in imports(module)
        if imported.internal and any(_is_within(imported.parts, one) for one in ONE_MODALITY)
    ]


def _is_within(parts: tuple[str, ...], file: str) -> bool:
    """Whether dotted parts name a file or folder of the package, or something in it."""
    wanted = tuple(file.split("."))
    return parts[1 : 1 + len(wanted)] == wanted


def foreign_imports_in_objectives(modules: list[Module]) -> list[str]:
    """What an objective imports beyond the standard library, torch, its own package and the errors."""
    allowed = OBJECTIVE_LIBRARIES | sys.stdlib_module_names
    return [
        f"{module.at(imported.node)}: an objective does not import {'.'.join(imported.parts)}"
        for module in modules
        if module.folder == "objectives"
        for imported in imports(module)
        if not (
            imported.target in OBJECTIVE_ROOMS or _is_lazy_name(module, imported)
            if imported.internal
            else imported.parts[0] in allowed
        )
        and not _is_lazy_name(module, imported)
    ]
