"""A judge as a word of the command line: its name and settings, or a YAML file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError
from penchant.known_settings import check_part_keys
from penchant.named import named_settings
from penchant.plain_files import readable_text

__all__ = ["JUDGE", "JudgeOption", "parse_judge"]

JUDGE = typer.Option(
    metavar="NAME,KEY=VALUE,...",
    help="The judge and its settings: reward_model,model=FOLDER or llm,url=ADDRESS,model=NAME; the folder of a "
    "reward model in place of the name; or a YAML file with name and settings. `penchant list judges` names them.",
)
JudgeOption = Annotated[str, JUDGE]


def parse_judge(word: str, where: str = "--judge") -> dict[str, Any]:
    """The settings of a judge, for `penchant.rewards.build_judge`.

    Args:
        word: the value of the option; a comma inside of a value does not end it.
        where: the option, for messages.

    Raises:
        ConfigurationError: it has another form, or a key that the judge does not have.

    Example:
        >>> parse_judge("verifier,rule=exact")
        {'name': 'verifier', 'rule': 'exact'}
        >>> parse_judge("weighted,weights=[0.7, 0.3],over=prompt")
        {'name': 'weighted', 'weights': [0.7, 0.3], 'over': 'prompt'}
    """
    found = _settings(word, where)
    check_part_keys("judge", found, besides=("as",))
    return found


def _settings(word: str, where: str) -> dict[str, Any]:
    if word.endswith((".yaml", ".yml")):
        found = yaml_document(readable_text(Path(word), ConfigurationError, where), word)
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise ConfigurationError("The file names no judge.", where=word, fix="Write name: and its settings.")
        return found
    if (folder := Path(word.split(",")[0]).expanduser()).is_dir():
        from penchant.rewards.folders import judge_of_folder

        return judge_of_folder(str(folder)) | {
            key: value for key, value in named_settings(word, "judge", where).items() if key != "name"
        }
    if "/" in word.split(",")[0]:
        raise ConfigurationError(
            f"There is no folder {word.split(',')[0]!r}.",
            where=where,
            fix="Give the folder of a reward model or of the run that trained it, or a judge with its settings; for a "
            "reward model of the hub: reward_model,model=ID.",
        )
    return named_settings(word, "judge", where)
