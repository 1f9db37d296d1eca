"""A judge as a word of the command line: its name and settings, or a YAML file of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.errors import ConfigurationError
from penchant.known_settings import check_part_keys
from penchant.named_judge import judge_word

if TYPE_CHECKING:
    from penchant.curation.judged_file import NamedJudge
    from penchant.feedback.records import Record

__all__ = ["JUDGE", "JudgeOption", "build_judges", "judge_names", "parse_judge"]

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
    found = judge_word(word, where, _of_folder)
    check_part_keys("judge", found, besides=("as",))
    return found


def judge_names(settings: Sequence[dict[str, Any]], further: Sequence[str] = ()) -> list[str]:
    """What the judgements of each judge are called; ``as`` is taken out of its settings.

    Args:
        settings: of each judge, as `parse_judge` reads them.
        further: names that are taken besides; they come last.

    Raises:
        ConfigurationError: two have one name.
    """
    from penchant.curation.judged import names_of

    names = [*names_of(settings), *further]
    for each in settings:
        each.pop("as", None)
    if len(set(names)) < len(names):
        raise ConfigurationError(f"Two judges are named {names[-1]!r}.", where="--judge", fix="Name one with as=WORD.")
    return names


def build_judges(
    settings: Mapping[str, Mapping[str, Any]], records: Iterable[Record], device: str | None = None, cache: bool = True
) -> dict[str, NamedJudge]:
    """The judges by name, each with its settings.

    Args:
        settings: by name.
        records: that they judge.
        device: of their models; None for a GPU if there is one.
        cache: whether the judgements of models are kept on disk.

    Raises:
        PenchantError: a judge judges nothing, or cannot be built.
    """
    import torch

    from penchant.curation.judged_file import NamedJudge
    from penchant.rewards.judgement_cache import cached
    from penchant.rewards.registry import build_judge

    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    found: dict[str, NamedJudge] = {}
    for name, own in settings.items():
        made = build_judge(own, records, where)
        if made is None:
            raise ConfigurationError("The judge 'none' judges nothing.", where="--judge")
        found[name] = NamedJudge(cached(made) if cache else made, own)
    return found


def _of_folder(folder: str) -> dict[str, Any]:
    from penchant.rewards.folders import judge_of_folder

    return judge_of_folder(folder)
