"""Alignment of a world's base model with several objectives, and the rewards of their responses."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from penchant.lab.policies import answer
from penchant.lab.pretrained import TextWorld

__all__ = ["Spoken", "align_each", "numbers"]

#: Far from the usual seeds of feedback.
_FRESH = 1_000_000


@dataclass(frozen=True)
class Spoken:
    """A policy, and its results on fresh prompts.

    Args:
        model: the policy.
        reward: mean true reward of its responses.
        length: mean length of its responses, tokens.
        summary: the ``summary.json`` of its run; empty for the base model.
    """

    model: Any
    reward: float
    length: float
    summary: Mapping[str, Any]


def align_each(
    world: TextWorld,
    objectives: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    seed: int,
    *,
    learning_rate: float = 5e-4,
    epochs: float = 2,
    batch_size: int = 16,
    judged: int = 500,
) -> dict[str, Spoken]:
    """Align the base model with each of several objectives on the same feedback, and evaluate all on the same prompts.

    Args:
        world: the world with base model, prompts and reward.
        objectives: by arm name; values as for ``objective`` of `penchant.train`.
        records: the feedback.
        seed: seed of training and sampling.
        learning_rate: peak learning rate.
        epochs: passes over the feedback.
        batch_size: examples per step.
        judged: number of fresh prompts.

    Returns:
        The results for ``reference``, the base model, and for each objective.

    Raises:
        PenchantError: as `penchant.train`.
    """
    from penchant.training.api import train

    spoken = {"reference": _ask(world, world.policy(), seed, judged, {})}
    for name, objective in objectives.items():
        with tempfile.TemporaryDirectory() as place:
            trained = train(
                model=str(world.base_model()),
                data=[dict(record) for record in records],
                objective=objective,
                output=Path(place) / "run",
                batch_size=batch_size,
                epochs=epochs,
                learning_rate=learning_rate,
                seed=seed,
                samples=0,
                progress=False,
            )
        spoken[name] = _ask(world, trained.model, seed, judged, trained.summary)
    return spoken


def _ask(world: TextWorld, model: Any, seed: int, judged: int, summary: Mapping[str, Any]) -> Spoken:
    asked = [record["prompt"] for record in world.prompts(judged, _FRESH + seed)]
    given = answer(model, world.tokenizer(), asked, max_new_tokens=world.longest, seed=_FRESH + seed)
    rewards = [world.reward(prompt, first.text) for prompt, (first,) in zip(asked, given, strict=True)]
    return Spoken(model, fmean(rewards), fmean(len(first.ids) for (first,) in given), summary)


def numbers(spoken: Mapping[str, Spoken], *quantities: Literal["reward", "length"]) -> dict[str, float]:
    """The results by name, such as ``dpo, length``.

    Args:
        spoken: as returned by `align_each`.
        quantities: the numbers to return, in order.
    """
    return {f"{name}, {each}": getattr(said, each) for each in quantities for name, said in spoken.items()}
