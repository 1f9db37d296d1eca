"""`SearchPlan`, a search as a YAML file states it, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError, nearest
from penchant.named_code import places_beside
from penchant.plain_files import readable_text
from penchant.training.recipe import make_recipe
from penchant.training.search.kinds import LORA, Kind, kind_of
from penchant.training.search.proposing import SAMPLERS, Sampler, check_sampler
from penchant.training.search.space import BOTTLENECKS, GROUPS, Space

__all__ = ["SearchPlan", "plan_of", "read_search"]

#: AutoPEFT's grid of sizes.
GRID = (0, 1, 3, 6, 12, 24, 48, 96, 192, 384, 768)
_KEYS = ("output", "recipe", "evaluations", "initial", "sampler", "measure", "goal", "seed", "space")
_SPACE = (*GROUPS, *BOTTLENECKS, "kinds", "layers", "keys", "scale")
# Keys of the recipe that the search sets itself.
_OWN = ("output", "lora", "adapter", "parameters")


@dataclass(frozen=True)
class SearchPlan:
    """A search.

    Args:
        output: its folder.
        recipe: of every evaluation.
        evaluations: how many configurations are trained.
        initial: how many of them are drawn at random first.
        sampler: how the others are chosen.
        measure: figure of the summary after training.
        goal: ``max`` or ``min``, or None where it follows from the measure.
        seed: of the search.
        space: without its number of layers, which the model decides.
        by_layer: whether each decoder layer is switched on or off.
    """

    output: Path
    recipe: Mapping[str, Any]
    evaluations: int
    initial: int
    sampler: Sampler
    measure: str
    goal: str | None
    seed: int
    space: Space
    by_layer: bool


def read_search(path: Path) -> SearchPlan:
    """Read and check a plan.

    Raises:
        ConfigurationError: see `plan_of`.
    """
    found = yaml_document(readable_text(path, ConfigurationError, "plan"), str(path))
    return plan_of(places_beside(found, path) if isinstance(found, dict) else found, str(path))


def plan_of(found: Any, where: str) -> SearchPlan:
    """The plan in a document.

    Args:
        found: the document.
        where: named in errors.

    Raises:
        ConfigurationError: a key is unknown or missing, a value out of range, the recipe or the space cannot be used,
            or the sampler's library is absent.
    """
    given = _mapping(found, _KEYS, where, "The plan")
    for needed in ("recipe", "evaluations"):
        if needed not in given:
            raise ConfigurationError(f"The plan has no {needed}.", where=where, fix=f"Write {needed}: ...")
    evaluations = _whole(given["evaluations"], 1, where, "evaluations", "Give the number of adapters to train.")
    initial = _whole(given.get("initial", min(8, evaluations)), 1, where, "initial", "Give a number of at least 1.")
    sampler = given.get("sampler", "gp")
    if sampler not in SAMPLERS:
        raise ConfigurationError(f"There is no sampler {sampler!r}. {nearest(str(sampler), SAMPLERS)}", where=where)
    goal = given.get("goal")
    if goal not in (None, "max", "min"):
        raise ConfigurationError(f"The goal is {goal!r}.", where=where, fix="Give max or min.")
    space, by_layer = _space(given.get("space", {}), where)
    output, recipe = Path(str(given.get("output", "runs/search"))), _recipe(given["recipe"], space, where)
    check_sampler(sampler)  # loads its library, after all keys are read
    return SearchPlan(
        output,
        recipe,
        evaluations,
        initial,
        sampler,
        str(given.get("measure", "rewards/accuracy")),
        goal,
        _whole(given.get("seed", 0), 0, where, "seed", "Give a number of at least 0."),
        space,
        by_layer,
    )


def _recipe(found: Any, space: Space, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ConfigurationError("The recipe is no mapping.", where=where, fix="Write recipe: {model: ..., data: ...}.")
    recipe = {"samples": 0, **found}
    for own in _OWN:
        if own in recipe or own in (space.keys or {}):
            raise ConfigurationError(f"The search sets {own} itself.", where=f"{where}: {own}", fix="Remove it.")
    for name, values in (space.keys or {}).items():
        for value in values:
            make_recipe({**recipe, name: value}, where)
    if space.of_bottlenecks:
        make_recipe({**recipe, "parameters": {"name": "bottleneck"}}, where)
    else:
        for kind in space.kinds:
            make_recipe({**recipe, "lora": {"kind": kind.name, **kind.fields}}, where)
    if not isinstance(recipe.get("model"), str):
        raise ConfigurationError("The recipe has no model.", where=f"{where}: recipe", fix="Write model: FOLDER.")
    return recipe


def _space(found: Any, where: str) -> tuple[Space, bool]:
    given = _mapping(found, _SPACE, where, "The space")
    groups = _groups(given, where)
    ranks = {group: _grid(given.get(group, list(GRID)), where, group) for group in groups}
    if not any(any(grid) for grid in ranks.values()):
        raise ConfigurationError(
            "No configuration of the space has an adapter.", where=f"{where}: space", fix="Give a rank above 0."
        )
    layers, scale = given.get("layers", True), given.get("scale", 2.0)
    if not isinstance(layers, bool):
        raise ConfigurationError(f"space.layers is {layers!r}.", where=where, fix="Give true or false.")
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale > 0:
        raise ConfigurationError(f"space.scale is {scale!r}.", where=where, fix="Give a number above 0.")
    keys = given.get("keys") or {}
    if not isinstance(keys, dict) or not all(isinstance(each, list) and each for each in keys.values()):
        raise ConfigurationError("space.keys has no lists of values.", where=where, fix="Write {learning_rate: [...]}.")
    further = {str(name): tuple(values) for name, values in keys.items()}
    return Space(ranks, 0, further, float(scale), _kinds(given.get("kinds"), where)), layers


def _groups(given: dict[str, Any], where: str) -> tuple[str, ...]:
    """Those that share a rank: of linear layers, or, if one of them is named, of the published space."""
    named = [each for each in BOTTLENECKS if each in given]
    others = [each for each in (*GROUPS, "kinds", "scale") if each in given]
    if named and others:
        raise ConfigurationError(
            f"The space has both {named[0]} and {others[0]}.",
            where=f"{where}: space",
            why="A configuration has adapters in linear layers, or bottlenecks and prefixes.",
            fix=f"Remove {', '.join(others)}, or {', '.join(named)}.",
        )
    # A space without prefixes has no dimension for them, whatever else is left to its default.
    return tuple(each for each in BOTTLENECKS if each != "prefix" or each in named) if named else GROUPS


def _kinds(found: Any, where: str) -> tuple[Kind, ...]:
    """Kinds by name, as a list, or with fields of their own."""
    if found is None:
        return (LORA,)
    fields = {name: {} for name in found} if isinstance(found, list) else found
    known = isinstance(fields, dict) and all(isinstance(name, str) for name in fields)
    if not known or not fields or not all(isinstance(own or {}, dict) for own in fields.values()):
        raise ConfigurationError(
            f"space.kinds is {found!r}.", where=where, fix="Write kinds: [lora, ia3], or kinds: {loha: {FIELD: VALUE}}."
        )
    return tuple(kind_of(name.lower(), own or {}, f"{where}: space.kinds") for name, own in fields.items())


def _grid(found: Any, where: str, group: str) -> tuple[int, ...]:
    fix = "Give ranks of at least 0 in ascending order, for example [0, 1, 3, 6, 12]."
    if not isinstance(found, list) or not found:
        raise ConfigurationError(f"space.{group} is {found!r}.", where=where, fix=fix)
    grid = tuple(_whole(each, 0, where, f"a rank of space.{group}", fix) for each in found)
    if list(grid) != sorted(set(grid)):
        raise ConfigurationError(f"The ranks of space.{group} do not ascend: {found}.", where=where, fix=fix)
    return grid


def _mapping(found: Any, known: tuple[str, ...], where: str, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ConfigurationError(f"{what} is no mapping.", where=where, fix=f"Its keys are {', '.join(known)}.")
    for key in found:
        if key not in known:
            raise ConfigurationError(f"{what} has an unknown key {key!r}. {nearest(str(key), known)}", where=where)
    return found


def _whole(value: Any, least: int, where: str, what: str, fix: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(
            f"{what} is {value!r}; expected a whole number of at least {least}.", where=where, fix=fix
        )
    return value
