"""The text of ``known_settings.json``, by which a mistyped key is said before the libraries are loaded.

``python -m penchant.cli.tools.known_settings`` writes it anew after a class with settings has been added; a test fails
if it is out of date.
"""

from __future__ import annotations

import json
from typing import Any

from penchant.generation.registry import ENGINES
from penchant.inference.choice import CHOICES
from penchant.inference.prompting.base import PROMPTINGS
from penchant.known_settings import TABLE
from penchant.objectives.core.expression import NAMED_SUMS
from penchant.objectives.core.registry import OBJECTIVES
from penchant.online.asking import ASKING
from penchant.online.opponents import OPPONENTS
from penchant.online.pairing import PAIRINGS
from penchant.online.process_rewards.process_reward import PROCESS_REWARDS
from penchant.online.recipe import methods
from penchant.online.samplers.sampler import SAMPLERS
from penchant.online.shown.paper_names import PAPER_NAMES
from penchant.registry import Configurable, Registry
from penchant.rewards.registry import JUDGES
from penchant.training.merging.rules import MERGES
from penchant.training.parameters.strategy import STRATEGIES

__all__ = ["known_settings_text"]

#: The registries whose names and settings a recipe or an option gives.
REGISTRIES: tuple[Registry[Any], ...] = (
    *(OBJECTIVES, JUDGES, ENGINES, CHOICES, PROMPTINGS, MERGES, STRATEGIES),
    *(PAIRINGS, SAMPLERS, ASKING, OPPONENTS, PROCESS_REWARDS),
)


def known_settings_text() -> str:
    """The text of the file: one line for each name.

    Example:
        >>> '"dpo": ["beta", "reference_free"' in known_settings_text()
        True
    """
    kinds = [f"{json.dumps(each.kind)}: {_kind(each)}" for each in REGISTRIES]
    return "{\n" + ",\n".join([*kinds, f'"online recipe": {_recipes()}']) + "\n}\n"


def _recipes() -> str:
    """The online recipes, and names of papers that are one; their keys are those of every recipe."""
    aliases = {name: each.recipe for name, each in sorted(PAPER_NAMES.items()) if each.recipe}
    settings: dict[str, list[str]] = {name: [] for name in methods()}
    return f'{{"word": "key", "aliases": {json.dumps(aliases)}, "settings": {json.dumps(settings)}}}'


def _kind(registry: Registry[Any]) -> str:
    packaged = [each for each in registry.things() if each.__module__.startswith("penchant.")]
    lines = ",\n".join(
        f"  {json.dumps(each.id)}: {json.dumps(list(dict.fromkeys(_settings(each))))}" for each in packaged
    )
    ids = {each.id for each in packaged}
    aliases = {alias: name for alias, name in sorted(registry.aliases().items()) if name in ids}
    further = f', "sums": {json.dumps(NAMED_SUMS)}' if registry is OBJECTIVES else ""
    word = json.dumps(packaged[0].setting_word)
    return f'{{"word": {word}, "aliases": {json.dumps(aliases)}{further}, "settings": {{\n{lines}\n}}}}'


def _settings(cls: type[Configurable]) -> list[str]:
    """The names of the settings, those that differ in Python, and those that are answered with another's name."""
    own = [name for each in cls.declared_settings() for name in (each.name, each.attribute)]
    return list(dict.fromkeys([*own, *(each.name for each in getattr(cls, "former", ()))]))


if __name__ == "__main__":
    TABLE.write_text(known_settings_text(), encoding="utf-8")
