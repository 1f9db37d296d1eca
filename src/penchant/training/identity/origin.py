"""What the result of a run depends on besides its recipe: a fingerprint of each, kept in the run's folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.code_files import code_of_class, code_of_place
from penchant.manifest import about_of, digest_of
from penchant.modalities import Modality
from penchant.objectives.core.objective import Objective

__all__ = ["ORIGIN_FILE", "code_of", "former_about", "former_origin", "origin_of", "signed"]

ORIGIN_FILE = "origin.json"
# Where the manifests of a run lie that say what it was made from.
MANIFESTS = ("checkpoints/checkpoint-*/complete.json", "states/state-*.json", "best/step-*/complete.json")
OWN_DIGEST = "sha256"

log = logging.getLogger("penchant")


def origin_of(
    *,
    model: str,
    data: str,
    heldout: str | None,
    modality: Modality,
    objective: Objective,
    recipe: Any,
    **more: str | None,
) -> dict[str, str]:
    """Fingerprints of what a run depends on, by the name that a message calls it.

    Args:
        model: of the initial weights and the configuration.
        data: of the training data.
        heldout: of the held-out data; None if the run measures on training data.
        modality: knows the tokenizer and the template, or the other parts of a pipeline.
        objective: the loss, whose code is compared where it is the user's.
        recipe: may name the place of the objective.
        more: further ones; None for what the run does not have.
    """
    place = recipe.objective.get("path") if isinstance(recipe.objective, Mapping) else None
    sampled = getattr(recipe, "eval", None)
    found = {
        "model": model,
        "data": data,
        "held-out data": heldout,
        **modality.origin(),
        "code of the objective": code_of(objective, "objective", place),
        "code of the judge of samples": None if sampled is None else code_of(None, "judge", sampled.judge.get("path")),
        **{name.replace("_", " "): value for name, value in more.items()},
    }
    return {name: value for name, value in found.items() if value is not None}


def code_of(thing: Any, where: str, place: Any = None) -> str | None:
    """A fingerprint of the user's code of a part of the run; None where the code is ours or a library's.

    Args:
        thing: the part.
        where: what the part is called in the recipe.
        place: where the recipe says that it is found, if it does.
    """
    if isinstance(place, str):
        return code_of_place(place, where)
    return None if thing is None else code_of_class(type(thing))


def signed(origin: Mapping[str, str]) -> dict[str, str]:
    """The content of the file: the fingerprints with their own hash, so that damage is not taken for a change."""
    return {**origin, OWN_DIGEST: digest_of(dict(origin))}


def former_origin(folder: Path) -> dict[str, str]:
    """The fingerprints at the start of the run in a folder; those of its newest checkpoint if the file is damaged.

    Args:
        folder: of the run.

    Returns:
        Fingerprints by name; empty for a run that has recorded nothing.
    """
    path = folder / ORIGIN_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        digest = found.pop(OWN_DIGEST, None)
    except (OSError, ValueError, AttributeError):
        found, digest = None, None
    # Earlier versions wrote no hash.
    if found is not None and digest in (None, digest_of(found)):
        return {str(name): str(value) for name, value in found.items()}
    about = former_about(folder)
    if about:
        log.warning("%s is missing or damaged; what the run started from is read from its checkpoints.", ORIGIN_FILE)
    return {name: value for name, value in about.items() if name not in ("run", "recipe")}


def former_about(folder: Path) -> dict[str, str]:
    """What the newest sound manifest in a run's folder says of the run; empty if there is none.

    Args:
        folder: of the run.
    """
    for pattern in MANIFESTS:
        for path in sorted(folder.glob(pattern), key=lambda each: each.stat().st_mtime_ns, reverse=True):
            if about := about_of(path):
                return about
    return {}
