"""What judges share that score with a trained part on the states of a frozen language model."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.likelihood.cache import fingerprint
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rewards.judge import Judge
from penchant.rewards.said import tokenizer_identity
from penchant.writing import replacing, write_json

__all__ = ["FrozenModelJudge", "read_part", "write_part"]

Part = TypeVar("Part")


class FrozenModelJudge(Judge):
    """The base of judges whose scores a trained part makes of a frozen model's states.

    Attributes:
        features: reads the states; has ``network`` and ``renderer``.
        scale: a difference of scores, times this, is a Bradley-Terry logit.
    """

    reads_messages = True

    model: Annotated[str | None, "the frozen model, where it has moved since"] = None
    batch_size: Annotated[int, Gt(0), "sequences per forward pass"] = 16

    features: Any
    scale = 1.0

    def to(self, device: Any) -> None:
        """See `Judge.to`: the trained part stays on the processor."""
        self.features.network.to(device)

    @property
    def read_by(self) -> str:
        """The identity of the frozen model and its tokenizer."""
        return f"{fingerprint(self.features.network)} {tokenizer_identity(self.features.renderer)}"

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`."""
        return self.score_all([prompt], [responses])[0]

    @abstractmethod
    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `Judge.score_all`."""

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`."""
        return bradley_terry(self.scale * torch.tensor(self.score(prompt, responses), dtype=torch.float64))


def write_part(folder: str | Path, name: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a trained part: ``NAME.safetensors`` and ``NAME.json``.

    Args:
        folder: made if it is missing.
        name: of the files.
        tensors: the numbers.
        about: what else is needed to read them.
    """
    from safetensors.torch import save

    goal = Path(folder)
    goal.mkdir(parents=True, exist_ok=True)
    with replacing(goal / f"{name}.safetensors") as file:
        file.write(save({key: each.contiguous() for key, each in tensors.items()}))
    write_json(goal / f"{name}.json", dict(about), "The trained part")


def read_part(
    folder: str | Path, name: str, what: str, build: Callable[[dict[str, Tensor], dict[str, Any]], Part]
) -> Part:
    """Read a trained part.

    Args:
        folder: that `write_part` wrote.
        name: of the files, and of the command that wrote them.
        what: it is, for messages.
        build: makes it of the numbers and of what is said about them.

    Raises:
        ModelError: the folder holds none, or it is damaged.
    """
    from safetensors.torch import load_file

    place = Path(folder)
    try:
        about = json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
        return build(load_file(place / f"{name}.safetensors"), about)
    except Exception as error:  # safetensors and torch raise types of their own
        raise ModelError(
            f"The folder holds no {what} ({type(error).__name__}: {str(error)[:200]}).",
            where=str(folder),
            fix=f"Give the folder that `penchant {name}` wrote.",
        ) from error
