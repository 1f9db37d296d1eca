"""Models and data of the sums world, for studies and pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from penchant.lab.checkpoints import keep
from penchant.lab.pretrained import Pretraining, train_and_keep
from penchant.lab.worlds.sums.checked import SumsWorld
from penchant.lab.worlds.sums.world import careless_demonstrations, problems
from penchant.writing import write_rows

__all__ = ["write_named", "write_study_data"]

_LARGEST, _HELD_OUT, _TRAFFIC = 49, 300, 200


def write_study_data(
    folder: Path, names: Sequence[str] = ("model", "demonstrations", "pairs", "held_out"), seed: int = 0
) -> dict[str, str]:
    """Write data, and train the models if this machine has none; no held-out sum is among the others.

    ``model`` has learned from demonstrations of which half were wrong, and ``instructed`` from right ones after that.
    ``pairs`` hold the right answer before one that is off by up to three. ``held_out`` are pairs with the answer.
    ``traffic`` are sums that a deployed model is asked, of which no pair or demonstration is made. ``text`` are sums
    with their results as text.

    Args:
        folder: for the files; made if absent.
        names: of what is wanted.
        seed: of the order of sums and of wrong answers.

    Returns:
        The place of each.
    """
    rows = problems(largest=_LARGEST, seed=seed)
    held_out, traffic, known = rows[:_HELD_OUT], rows[_HELD_OUT:][:_TRAFFIC], rows[_HELD_OUT + _TRAFFIC :]
    right = careless_demonstrations(known, wrong=0.0, seed=seed)
    found: dict[str, list[dict[str, Any]]] = {
        "demonstrations": right,
        "pairs": _pairs(known, seed),
        "held_out": _pairs(held_out, seed),
        "traffic": traffic,
        "text": [{"prompt": "", "completion": f"{each['prompt']}{each['completion']}"} for each in right],
    }
    places = write_named(folder, names, found)
    world = SumsWorld(largest=_LARGEST)
    places |= {"model": str(world.base_model())} if "model" in names else {}
    if "instructed" in names:
        settings = {"largest": _LARGEST, "seed": seed}
        made = partial(_instruct, str(world.base_model()), right)
        places["instructed"] = str(keep("sums-instructed", settings, (__name__, *world.made_by), made))
    return places


def write_named(folder: Path, names: Sequence[str], found: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Write rows as files, those that are wanted.

    Args:
        folder: for the files; made if absent.
        names: of what is wanted; one without rows is left out.
        found: rows by name.

    Returns:
        The place of each file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = {name: str(folder / f"{name}.jsonl") for name in names if name in found}
    for name, place in places.items():
        write_rows(place, found[name], f"The {name}")
    return places


def _pairs(rows: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    wrong = {each["prompt"]: each["completion"] for each in careless_demonstrations(list(rows), wrong=1.0, seed=seed)}
    return [
        {**each, "chosen": each["answer"], "rejected": wrong[each["prompt"]]}
        for each in rows
        if wrong[each["prompt"]] != each["answer"]
    ]


def _instruct(model: str, rows: list[dict[str, Any]], folder: Path) -> None:
    plan = Pretraining(len(rows), epochs=2, batch_size=16, learning_rate=1e-3, width=0, seed=1)
    train_and_keep(folder, plan, model=model, data=rows)
