"""Checks before resuming: same recipe, same initial model, same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from penchant.errors import ConfigurationError
from penchant.manifest import digest_of
from penchant.objectives.core.registry import OBJECTIVES
from penchant.training.recipe import Recipe

__all__ = ["check_same_origin", "check_same_recipe", "recipe_fingerprint"]

# Keys that do not affect the results.
FREE = {
    "output",
    "cache",
    "save_every",
    "keep_checkpoints",
    "checkpoints",
    "push_to_hub",
    "hub_private",
    "samples",
    "sample_tokens",
    "sample_steps",
    "report_to",
    "accumulate",
    "device",
    "strategy",
    "processes",
}

# The key that names each part of a run's origin, where it is not called alike.
KEY_OF = {
    "held-out data": "eval_data",
    "tokenizer": "model",
    "chat template": "chat_template",
    "pipeline": "model",
    "code of the objective": "objective",
    "code of the judge": "judge",
    "code of the judge of samples": "eval.judge",
    "judge": "judge",
    "code of the pairing": "pairing",
}

# Keys and reference kinds under their names in recipes of earlier versions.
FORMER_KEYS = {"anchor": "reference", "anchor_rate": "reference_rate", "medium": "modality"}
FORMER_REFERENCES = {"fixed": "initial", "moving": "ema"}
# Keys that earlier versions wrote down and that have no exact counterpart.
GONE = {"sampling_batch", "server", "server_model"}


def check_same_recipe(path: Path, values: dict[str, Any]) -> None:
    """Refuse to resume a run under another recipe.

    Args:
        path: the run's ``recipe.yaml``, possibly of an earlier version; without the file nothing is checked.
        values: the recipe to continue with.

    Raises:
        ConfigurationError: a key that affects the results has changed, or the file cannot be read.
    """
    if not path.is_file():
        return
    try:
        former = _renamed(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            "The recipe of the run to resume cannot be read.",
            where=str(path),
            fix="Restore the file, or start a new run in another folder.",
        ) from error
    if gone := sorted(GONE & set(former)) + _gone_settings(former.get("objective")):
        raise ConfigurationError(
            f"The run was started by an earlier version with {', '.join(gone)}, which this version does not have.",
            where=str(path),
            fix="Finish it with the version that started it, or start another run in another folder.",
        )
    former = _with_newer_keys(former, values)
    keys = sorted((set(former) | set(values)) - FREE)
    if changed := [key for key in keys if former.get(key) != values.get(key)]:
        raise ConfigurationError(
            " ".join(
                f"The run was started with {key} = {former.get(key)!r}, but this recipe has {values.get(key)!r}."
                for key in changed
            ),
            where=str(path),
            fix="Resume with the same recipe, or start a new run in another folder.",
        )


def check_same_origin(folder: Path, former: dict[str, str], origin: dict[str, str]) -> None:
    """Refuse to resume a run whose model or data have changed.

    Args:
        folder: the run's folder, for the message.
        former: fingerprints at the start of the run.
        origin: current fingerprints.

    Raises:
        ConfigurationError: one of them has changed.
    """
    changed = [name for name, value in origin.items() if former.get(name, value) != value]
    if not changed:
        return
    keys = sorted({KEY_OF.get(name, name) for name in changed})
    trained = " (not the trained one)" if "model" in changed else ""
    raise ConfigurationError(
        " ".join(
            f"The {name} has changed since the run was started (fingerprint {former[name][:12]} then, "
            f"{origin[name][:12]} now)."
            for name in changed
        ),
        where=str(folder),
        why="The rest of the run would not match the part already done.",
        fix=f"Restore the original {' and '.join(changed)}{trained} ({', '.join(keys)} in the recipe), or start a new "
        "run in another folder (--out).",
    )


def recipe_fingerprint(values: dict[str, Any]) -> str:
    """SHA-256 of the keys that affect the results; a key at its default counts as one that is not given.

    Args:
        values: the resolved recipe.
    """
    known = Recipe.model_fields
    plain = {key: json.loads(json.dumps(known[key].default, default=str)) for key in values if key in known}
    kept = {key: value for key, value in _renamed(values).items() if key not in FREE and plain.get(key) != value}
    return digest_of(kept)


def _gone_settings(objective: Any) -> list[str]:
    """The settings of a single method that the method does not have any more."""
    if not isinstance(objective, dict) or objective.get("name") not in OBJECTIVES:
        return []
    known = {each.name for each in OBJECTIVES.get(objective["name"]).hyperparameters()}
    return [f"objective.{key}" for key in objective if key != "name" and key not in known]


def _with_newer_keys(former: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A recipe of an earlier version, with the keys that it did not know at their defaults."""
    known = Recipe.model_fields
    newer = {key: known[key].default for key in values if key not in former and key in known}
    return {**{key: default for key, default in newer.items() if values[key] == default}, **former}


def _renamed(former: dict[str, Any]) -> dict[str, Any]:
    values = {FORMER_KEYS.get(key, key): value for key, value in former.items()}
    if isinstance(values.get("reference"), str):
        values["reference"] = FORMER_REFERENCES.get(values["reference"], values["reference"])
    return values
