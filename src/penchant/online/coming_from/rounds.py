"""How many prompts, steps and rounds an online run of another library has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from penchant.errors import ConfigurationError, PenchantError
from penchant.feedback import read
from penchant.plain_files import stands
from penchant.training.coming_from.translation import Translation, finite, whole_number

__all__ = ["Rounds", "put_rounds", "rounds_of_groups"]


@dataclass(frozen=True)
class Rounds:
    """The shape of a round.

    Args:
        prompts: of a round, over all processes.
        batch: prompts of an optimizer step.
        passes: over the samples of a round.
        accumulate: micro-batches of a step.
    """

    prompts: int
    batch: int
    passes: int = 1
    accumulate: int = 1

    @property
    def steps(self) -> int:
        """Optimizer steps of a round."""
        return math.ceil(self.prompts / self.batch) * self.passes


def rounds_of_groups(found: Translation, per_device: str, default: int, samples: int) -> Rounds:
    """The rounds of a trainer whose batch sizes count responses, ``samples`` of them to a prompt (GRPO, RLOO).

    Args:
        found: the translation.
        per_device: the library's key of the responses per device.
        default: its default.
        samples: responses to a prompt.

    Raises:
        ConfigurationError: the responses of a round do not fill whole groups.
    """
    size = whole_number(found.take(per_device, default), per_device)
    parts = whole_number(found.take("gradient_accumulation_steps", 1), "gradient_accumulation_steps")
    step = size * parts * found.processes
    held = whole_number(found.take("steps_per_generation", parts), "steps_per_generation")
    drawn = whole_number(found.take("generation_batch_size", size * held * found.processes), "generation_batch_size")
    if samples < 1 or drawn < samples or drawn % samples:
        raise ConfigurationError(
            f"A round draws {drawn} responses, which are not whole groups of {samples} (num_generations).",
            where="num_generations",
            fix="Say with --processes for how many GPUs the file was written; or change the batch size.",
        )
    batch = max(1, math.ceil(step / samples))
    if step % samples:
        found.note(f"A step of {step} responses does not fill whole groups of {samples}; it has {batch} prompts here.")
    found.note(
        f"A round draws {drawn} responses: {drawn // samples} prompts with {samples} each. A step of the optimizer has "
        f"{step} of them ({per_device} {size} × accumulation {parts} × {found.processes} of --processes): "
        f"batch_size={batch} prompts."
    )
    return Rounds(drawn // samples, batch, whole_number(found.take("num_iterations", 1), "num_iterations"), parts)


def put_rounds(found: Translation, rounds: Rounds, epochs: float) -> None:
    """Set the keys of the rounds, and how many there are.

    Args:
        found: the translation.
        rounds: their shape.
        epochs: the library's default number of passes over the prompts.
    """
    found.put("prompts_per_iteration", rounds.prompts)
    found.put("batch_size", rounds.batch)
    found.put("epochs", rounds.passes)
    if min(rounds.accumulate, rounds.batch) > 1:
        found.put("accumulate", min(rounds.accumulate, rounds.batch))
    limit = finite(found.take("max_steps", -1) or -1, "max_steps")
    if limit > 0:
        found.skip("num_train_epochs", "num_epochs")
        found.put("iterations", max(1, math.ceil(limit / rounds.steps)))
        asked = "total_episodes" if found.has("total_episodes") else "max_steps"
        found.note(
            f"{asked}={found.given[asked]} are {found.recipe['iterations']} rounds of {rounds.steps} optimizer steps."
        )
    else:
        key = "num_epochs" if found.has("num_epochs") else "num_train_epochs"
        _from_epochs(found, rounds, finite(found.take(key, epochs), key), key)
    for theirs, ours in (("save_steps", "save_rounds"), ("eval_steps", "eval_every")):
        if (every := finite(found.take(theirs) or 0, theirs)) >= 1:
            found.put(ours, max(1, round(every / rounds.steps)))
            found.note(f"{theirs}={every:g} optimizer steps are {ours}={found.recipe[ours]} rounds.")


def _from_epochs(found: Translation, rounds: Rounds, epochs: float, key: str) -> None:
    """The number of rounds from that of passes over the prompts, if the data lie here."""
    prompts = _prompts(found.recipe)
    if prompts is None:
        found.note(
            f"Not translated: {key}={epochs:g}: rounds are counted here, and how many prompts the data have is not "
            f"known. Write iterations: prompts × {epochs:g} / {rounds.prompts}; until then it is the method's own."
        )
        return
    found.put("iterations", max(1, math.ceil(max(1, prompts // rounds.prompts) * epochs)))
    found.note(
        f"{key}={epochs:g} passes over {prompts} prompts are iterations={found.recipe['iterations']} rounds of "
        f"{rounds.prompts} prompts."
    )


def _prompts(recipe: dict[str, Any]) -> int | None:
    """The number of prompts of the data; None if they lie elsewhere or cannot be read."""
    data = recipe.get("data")
    places = [data] if isinstance(data, str) else data or []
    if not places or not all(stands(place) for place in places):
        return None
    try:
        return len(read(data, mapping=recipe.get("mapping"), split=recipe.get("split"), on_bad="skip"))
    except PenchantError:
        return None
