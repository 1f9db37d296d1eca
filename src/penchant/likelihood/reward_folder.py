"""Saved reward models: a sequence-classification model of transformers, and beside it what its outputs mean."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

from penchant.errors import ConfigurationError, ModelError, PenchantError
from penchant.likelihood.checkpoint import AS_JUDGE
from penchant.model_files import read_config
from penchant.model_folders import adapter_config
from penchant.objectives.core.composite import reward_part
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Objective
from penchant.objectives.functional.heads import Head
from penchant.writing import write_text

__all__ = [
    "MEANING",
    "check_answers",
    "is_classifier",
    "is_saved_classifier",
    "other_than",
    "read_meaning",
    "save_reward_model",
    "start_from",
]

log = logging.getLogger("penchant")

#: The file that names the objective; its trained parts are beside it.
MEANING = "reward_model.json"
PARTS = "reward_head.safetensors"

#: Parts that a run finds after its last step, so that it may start from a folder without them.
FITTED_LAST = ("penalty.penalties",)


def save_reward_model(model: Any, objective: Objective, folder: Path, pad: int) -> bool:
    """Save a language model with a trained reward head as a sequence-classification model.

    Its logits are the outputs of the head at the last token that is not padding. ``reward_model.json`` names the
    objective and its hyper-parameters, ``reward_head.safetensors`` holds all its trained parts.

    Args:
        model: the language model, whose layers are taken over.
        objective: with a ``reward_head``; a linear one without bias becomes the classifier's.
        folder: where the language model was saved; its weights and configuration are replaced.
        pad: token id of padding, another one than the end token.

    Returns:
        False where transformers has no such architecture, and where the objective trains the output head too: then the
        folder stays a language model, with the trained parts beside it.
    """
    from safetensors.torch import save_file

    head: Any = objective.reward_head
    meaning = {"objective": objective.id, "hyper": objective.hyper, "outputs": getattr(head, "outputs", None)}
    both = objective.requirements.needs.scores
    classifier = _classifier(model, head, pad) if isinstance(head, Head) and not both else None
    if both:
        log.info("The saved folder is a language model, with the trained parts of %s beside it.", objective.id)
    elif classifier is None:
        log.warning(
            "The saved folder is a language model, with the trained parts of %s beside it (%s): transformers has no "
            "sequence classification of this form for %s.",
            objective.id,
            PARTS,
            type(model).__name__,
        )
    else:
        old = [*folder.glob("model*.safetensors"), *folder.glob("*.index.json"), folder / "generation_config.json"]
        for path in old:
            path.unlink(missing_ok=True)
        classifier.save_pretrained(folder)
    state = {name: value.detach().cpu().contiguous() for name, value in objective.state_dict().items()}
    save_file(state, str(folder / PARTS))
    write_text(folder / MEANING, json.dumps(meaning, indent=1) + "\n")
    return classifier is not None


def _classifier(model: Any, head: Any, pad: int) -> Any:
    """A sequence-classification model that shares the layers of a language model, or None."""
    from transformers import AutoModelForSequenceClassification

    config = type(model.config).from_dict(model.config.to_dict())
    config.num_labels, config.pad_token_id = head.outputs, pad
    try:
        with torch.device("meta"):
            found: Any = AutoModelForSequenceClassification.from_config(config)
    except ValueError:
        return None
    layer = getattr(found, "score", None)
    if type(found.base_model) is not type(model.base_model) or not isinstance(layer, nn.Linear):
        return None
    if head.bias is not None or layer.bias is not None or layer.weight.shape != head.weight.shape:
        return None
    setattr(found, found.base_model_prefix, model.base_model)
    own = next(model.base_model.parameters())
    layer.weight = nn.Parameter(head.weight.detach().to(own.device, own.dtype))
    return found


def is_classifier(source: str | Path) -> bool:
    """Whether a folder or hub id holds a sequence-classification model, or an adapter of one.

    Raises:
        ModelError: it has no configuration that can be read.
    """
    adapter = adapter_config(source)
    if adapter is not None:
        return adapter.get("task_type") == "SEQ_CLS"
    names = getattr(read_config(source), "architectures", None) or [""]
    return str(names[0]).endswith("ForSequenceClassification")


def is_saved_classifier(source: str | Path) -> bool:
    """Whether a folder holds a classifier that training wrote for a reward objective."""
    return (Path(source) / MEANING).is_file() and is_classifier(source)


def check_answers(source: str | Path) -> None:
    """Refuse the folder of a reward model where a policy is expected, also one that stayed a language model.

    Args:
        source: folder or hub id of a model, or the folder of a run.

    Raises:
        ModelError: training wrote it for a reward objective.

    Example:
        >>> check_answers("no/such/folder")
    """
    for place in (Path(source), Path(source) / "model"):
        if (place / MEANING).is_file():
            raise ModelError(
                f"This folder holds a reward model (its {MEANING} says of which objective): it answers nothing.",
                where=str(place),
                fix=f"Give a model that answers.{AS_JUDGE}",
            )


def start_from(objective: Objective, source: str | Path) -> list[str]:
    """Let an objective start from the trained parts of a saved reward model, if its folder has some.

    Parts that belong to the people of the former data start anew where the objective trains new people alone.

    Args:
        objective: of the new run; its parts are changed in place.
        source: the model of the new run.

    Returns:
        The names of the parts that were taken over; none for other models, and for objectives without trained parts.

    Raises:
        ModelError: the folder's model predicts no tokens, and the objective needs that.
        ConfigurationError: it was trained with another objective, or one of another size.
    """
    former = read_meaning(source)
    if former is None:
        return []
    trained = reward_part(objective)
    if trained is None:
        if is_classifier(source):
            raise ModelError(
                f"This folder holds a reward model (trained with {former.id}): it predicts no tokens.",
                where=str(source),
                fix=f"Give the language model that it was trained from, or train it on with --objective {former.id}.",
            )
        return []
    objective = trained
    if objective.requirements.needs.scores and is_classifier(source):
        raise ModelError(
            f"This folder holds a reward model without an output head, and {objective.id} with these settings also "
            "predicts tokens.",
            where=str(source),
            fix="Give the language model that it was trained from"
            + (", or set objective.sft_weight=0." if objective.id == "gpm" else "."),
        )
    if former.id not in (objective.id, *objective.continues):
        raise ConfigurationError(
            f"The model was trained with the objective {former.id}, and cannot be trained on with {objective.id}.",
            where=str(source),
            why="Its trained parts would be lost.",
            fix=f"Use --objective {former.id}, or start from the language model that it was trained from.",
        )
    fresh = {"weights"} if getattr(objective, "only_annotators", False) else set()
    state = {name: value for name, value in former.state_dict().items() if name not in fresh}
    own = {name: value.shape for name, value in objective.state_dict().items()}
    wrong = [name for name, value in state.items() if own.get(name, value.shape) != value.shape]
    missing = [name for name in own if name not in {*state, *fresh, *FITTED_LAST}]
    if wrong or missing:
        raise ConfigurationError(
            f"The trained parts in the folder do not fit this objective: {', '.join(wrong or missing)}.",
            where=str(source),
            why=f"It was trained with {_differing(former, objective) or 'other sizes'}.",
            fix="Give the same settings of the objective.",
        )
    objective.load_state_dict(state, strict=False)
    return list(state)


def _differing(former: Objective, objective: Objective) -> str:
    """The former settings that differ from the new ones, as they are written on the command line."""
    new = objective.hyper
    return ", ".join(f"objective.{key}={value}" for key, value in former.hyper.items() if new.get(key) != value)


def read_meaning(folder: str | Path) -> Objective | None:
    """The objective of a saved reward model, with its trained parts; None for a folder that says nothing of it.

    Args:
        folder: of a model; a hub id says nothing.

    Raises:
        ModelError: the files are damaged, or name an objective that is not installed.
    """
    path = Path(folder) / MEANING
    if not path.is_file():
        return None
    from safetensors.torch import load_file

    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        objective = build(told["objective"], **told["hyper"])
        objective.load_state_dict(load_file(str(Path(folder) / PARTS)))
    except PenchantError as error:
        raise ModelError(error.what, where=str(path), fix=error.fix) from error
    except Exception as error:
        raise ModelError(
            f"What the outputs of this reward model mean cannot be read: {error}.",
            where=str(path),
            fix=f"Restore {MEANING} and {PARTS} of the run's model folder, or delete both if the model has one output.",
        ) from error
    return objective.eval()


def other_than(end: int, padding: int | None) -> int:
    """A token id for padding that is not the end token, which a classifier would pass over.

    Args:
        end: the end token.
        padding: the tokenizer's own padding, or None.

    Example:
        >>> other_than(end=2, padding=2), other_than(end=0, padding=None)
        (0, 1)
    """
    return next(each for each in (padding, 0, 1) if each is not None and each != end)
