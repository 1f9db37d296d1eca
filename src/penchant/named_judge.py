"""`judge_word`: the settings of a judge from one word, which may be a name, a folder or a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError
from penchant.named import named_settings
from penchant.plain_files import readable_text

__all__ = ["judge_word"]


def judge_word(word: str, where: str, of_folder: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """A judge as an option or a setting of a builder names it.

    Args:
        word: ``NAME,KEY=VALUE,...``; the folder of a reward model, or of the run that trained it, in place of the name;
            or a YAML file with name and settings.
        where: the option, for messages.
        of_folder: `penchant.rewards.folders.judge_of_folder`, called for a folder alone, since it loads what is heavy.

    Returns:
        The mapping that a recipe gives under ``judge``.

    Raises:
        ConfigurationError: it has another form.
        ModelError: the folder holds no judge.

    Example:
        >>> judge_word("verifier,rule=number,tolerance=0.5", "--judge", of_folder=lambda folder: {})
        {'name': 'verifier', 'rule': 'number', 'tolerance': 0.5}
    """
    if word.endswith((".yaml", ".yml")):
        found = yaml_document(readable_text(Path(word), ConfigurationError, where), word)
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise ConfigurationError("The file names no judge.", where=word, fix="Write name: and its settings.")
        return found
    if (folder := Path(word.split(",")[0]).expanduser()).is_dir():
        return of_folder(str(folder)) | {
            key: value for key, value in named_settings(word, "judge", where).items() if key != "name"
        }
    if "/" in (named := re.split(r"[,\s]", word)[0]):
        raise ConfigurationError(
            f"There is no folder {named!r}.",
            where=where,
            fix="Give the folder of a reward model or of the run that trained it, or a judge with its settings; for a "
            "reward model of the hub: reward_model,model=ID.",
        )
    return named_settings(word, "judge", where)
