"""Model and data of the sums world for a study: right demonstrations, right before wrong answers, held-out sums."""

from __future__ import annotations

from pathlib import Path

from penchant.lab.worlds.sums.checked import SumsWorld
from penchant.lab.worlds.sums.world import careless_demonstrations, problems
from penchant.writing import write_rows

__all__ = ["write_study_data"]

_LARGEST, _HELD_OUT = 49, 300


def write_study_data(folder: Path, seed: int = 0) -> dict[str, str]:
    """Write the data, and train the base model if this machine has none: half of its demonstrations were wrong.

    No held-out sum is among the others. A pair is the right answer before one that is off by up to three.

    Args:
        folder: for the files; made if absent.
        seed: of the order of sums and of wrong answers.

    Returns:
        The keys ``model``, ``demonstrations``, ``pairs`` and ``held_out`` of a study.
    """
    world = SumsWorld(largest=_LARGEST)
    rows = problems(largest=_LARGEST, seed=seed)
    held_out, known = rows[:_HELD_OUT], rows[_HELD_OUT:]
    right = careless_demonstrations(known, wrong=0.0, seed=seed)
    wrong = {each["prompt"]: each["completion"] for each in careless_demonstrations(known, wrong=1.0, seed=seed)}
    pairs = [
        {"prompt": each["prompt"], "chosen": each["completion"], "rejected": wrong[each["prompt"]]}
        for each in right
        if wrong[each["prompt"]] != each["completion"]
    ]
    folder.mkdir(parents=True, exist_ok=True)
    places = {name: folder / f"{name}.jsonl" for name in ("demonstrations", "pairs", "held_out")}
    for (name, place), found in zip(places.items(), (right, pairs, held_out), strict=True):
        write_rows(place, found, f"The {name}")
    return {"model": str(world.base_model()), **{name: str(place) for name, place in places.items()}}
