"""`load_checkpoint`, the one loader of policies, references and reward models: every weight comes from the files."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from penchant.errors import ModelError
from penchant.likelihood.generation_settings import usable_generation_config
from penchant.likelihood.projected.loading import OF_FILES, add_parts, without_parts
from penchant.model_files import (
    check_weight_files,
    code_refused,
    first_line,
    needs_code,
    projected_config,
    read_config,
    remote_code_allowed,
)
from penchant.quiet import quiet_transformers

__all__ = [
    "AS_JUDGE",
    "LANGUAGE_MODEL",
    "REWARD_BASE",
    "REWARD_MODEL",
    "REWARD_START",
    "Kind",
    "check_config",
    "check_finite",
    "check_finite_tensors",
    "load_checkpoint",
]

log = logging.getLogger("penchant")


@dataclass(frozen=True)
class Kind:
    """A kind of model that is loaded.

    Args:
        auto: the class of transformers that loads it.
        none: how an error begins: "No causal language model".
        expected: what to give, for errors.
        spare: names of weights that may be in the files without a place in the model, as regular expressions.
        refused: endings of architectures of other kinds, with their names.
        absent: names of weights that an adapter brings, so that the files may lack them, as regular expressions.
        outputs: number of outputs of the head, if the configuration does not decide it.
    """

    auto: str
    none: str
    expected: str
    spare: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    absent: tuple[str, ...] = ()
    outputs: int | None = None


# Buffers of older versions, and parts that training with the other parts does not read.
BUFFERS = (r"\.inv_freq$", r"\.attn\.(masked_)?bias$", r"(^|\.)position_ids$", r"^mtp\.")
#: What to do with a reward model where a policy is expected.
AS_JUDGE = (
    " A reward model is a judge: `penchant judge FILE --judge FOLDER` prints its accuracy and writes its scores, and "
    "`penchant audit FILE --judge FOLDER` says what moves it."
)
VISION = "a vision-language model, which is not supported yet"

LANGUAGE_MODEL = Kind(
    "AutoModelForCausalLM",
    "No causal language model",
    "a complete causal language model (not an encoder or a reward model)",
    (*BUFFERS, r"^v_head\.", r"^value_head\."),
    (
        ("ForSequenceClassification", "a classification or reward model"),
        ("ForTokenClassification", "a classification model"),
        ("ForQuestionAnswering", "a model that marks answers in a text"),
        ("ForMaskedLM", "an encoder with masked tokens"),
    ),
)
REWARD_MODEL = Kind(
    "AutoModelForSequenceClassification",
    "The reward model cannot be loaded: nothing",
    "the folder or hub id of a sequence-classification model with one output",
    (*BUFFERS, r"^lm_head\."),
    (),
)
# The language model below a saved reward model, to train it on; it has no output head, unless that is its embedding.
REWARD_START = replace(
    LANGUAGE_MODEL,
    spare=(*LANGUAGE_MODEL.spare, r"^score\."),
    refused=LANGUAGE_MODEL.refused[1:],
    absent=(r"^lm_head\.",),
)
# The base of a reward model that is an adapter: the head is in the adapter's folder.
REWARD_BASE = replace(REWARD_MODEL, absent=(r"^score\.", r"^classifier\."), outputs=1)


def load_checkpoint(source: str | Path, kind: Kind, options: dict[str, Any]) -> Any:
    """Load a model of transformers, and check that its files and its configuration fit each other.

    Args:
        source: a folder written by ``save_pretrained``, or a hub id.
        kind: the kind of model.
        options: further arguments of ``from_pretrained``.

    Returns:
        The model. Its weights are finite, and each comes from the files or is tied to one that does.

    Raises:
        ModelError: the source is another kind of model, or weights are missing, superfluous, of another shape, damaged
            or not finite.
    """
    config = read_config(source)
    check_config(config, kind, source)
    check_weight_files(source, kind.none)
    if kind.outputs is not None:
        config.num_labels = kind.outputs
    if (settings := usable_generation_config(source)) is not None:
        options = {**options, "generation_config": settings}
    if (projected := projected_config(source)) is not None:
        options = {**options, **_of_projected(kind, source)}
    model, found = _from_pretrained(source, kind, {**options, "config": config})
    _check_weights(model, found if projected is None else without_parts(found), kind, source)
    if projected is not None:
        add_parts(model, source, projected)
    check_finite(model, source)
    return model


def _of_projected(kind: Kind, source: str | Path) -> dict[str, Any]:
    """How the weights of a projected model are read; only a language model is."""
    if kind.auto == LANGUAGE_MODEL.auto:
        return OF_FILES
    raise ModelError(
        f"{kind.none} can be loaded from here: this is a language model with projections or bottlenecks.",
        where=str(source),
        fix=f"Give {kind.expected}.",
    )


def _from_pretrained(source: str | Path, kind: Kind, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    import transformers

    try:
        with quiet_transformers(downloads=True):  # missing weights are an error here, no table
            model, found = getattr(transformers, kind.auto).from_pretrained(
                str(source),
                output_loading_info=True,
                # Reported by `_check_weights`, with both shapes.
                ignore_mismatched_sizes=True,
                trust_remote_code=remote_code_allowed(),
                **options,
            )
    except Exception as error:  # transformers raises many types; each means that the model cannot be loaded
        if needs_code(error):
            raise code_refused(source) from error
        if "Weights only load failed" in str(error):  # the advice of PyTorch's message is to run the code
            raise ModelError(
                f"{kind.none} can be loaded from here: a file of weights is a pickle that holds more than tensors.",
                where=str(source),
                why="Loading it whole would run code of its author.",
                fix="Give weights as .safetensors files.",
            ) from error
        raise ModelError(
            f"{kind.none} can be loaded from here ({first_line(error)}).",
            where=str(source),
            fix="Check the path; a hub id needs network access (or a copy in the local cache).",
        ) from error
    return model, found


def check_config(config: Any, kind: Kind, source: str | Path) -> None:
    """Refuse a configuration of another kind of model.

    Args:
        config: of transformers.
        kind: the expected kind.
        source: where it comes from, for the error.

    Raises:
        ModelError: it is an encoder-decoder, a vision-language model, or a model with another head.
    """
    names = list(getattr(config, "architectures", None) or [])
    found = None
    if getattr(config, "is_encoder_decoder", False):
        found = "an encoder-decoder model; these are not supported"
    elif any(getattr(config, part, None) is not None for part in ("vision_config", "audio_config")):
        found = VISION
    else:
        found = next((text for ending, text in kind.refused if names and names[0].endswith(ending)), None)
    if found is not None:
        described = names[0] if names else type(config).__name__.removesuffix("Config")
        raise ModelError(
            f"{kind.none} can be loaded from here: {described} is {found}.",
            where=str(source),
            fix=f"Give {kind.expected}.{AS_JUDGE if _is_reward_model(names, kind) else ''}",
        )


def _is_reward_model(names: list[str], kind: Kind) -> bool:
    return kind is LANGUAGE_MODEL and bool(names) and names[0].endswith("ForSequenceClassification")


def _check_weights(model: Any, found: dict[str, Any], kind: Kind, source: str | Path) -> None:
    """Refuse a model whose files and configuration do not fit each other."""
    if mismatched := sorted(found["mismatched_keys"]):
        name, in_files, in_model = mismatched[0]
        raise ModelError(
            f"{len(mismatched)} of the weights have another shape in the files than the configuration says, for "
            f"example {name!r}: {list(in_files)} in the files, {list(in_model)} by config.json.",
            where=str(source),
            why="They would be initialised randomly.",
            fix="Give weights and config.json of the same model.",
        )
    missing = sorted(name for name in found["missing_keys"] if not any(re.search(each, name) for each in kind.absent))
    if missing:
        raise ModelError(
            f"{len(missing)} of the model's weights are not in its files, for example {missing[0]!r}.",
            where=str(source),
            why="They would be initialised randomly.",
            fix=f"Give {'a folder with ' if kind is LANGUAGE_MODEL else ''}{kind.expected}.",
        )
    spare = sorted(name for name in found["unexpected_keys"] if any(re.search(each, name) for each in kind.spare))
    if unexpected := sorted(set(found["unexpected_keys"]) - set(spare)):
        raise ModelError(
            f"{len(unexpected)} of the weights in the files have no place in {type(model).__name__}, for example "
            f"{unexpected[0]!r}.",
            where=str(source),
            why="config.json describes another model (fewer layers, another kind), which would compute other numbers.",
            fix="Give weights and config.json of the same model.",
        )
    # The head of a saved reward model is read by its objective.
    spare = [name for name in spare if kind is not REWARD_START or not name.startswith("score.")]
    if spare:
        log.warning("%s: weights that this model does not use are left out: %s.", source, ", ".join(spare[:5]))


def check_finite(model: nn.Module, source: str | Path) -> None:
    """Refuse weights that are not numbers, before they spoil every result.

    Args:
        model: any model.
        source: where it comes from, for the error.

    Raises:
        ModelError: a weight is NaN or infinite; the message names the first such tensor.
    """
    check_finite_tensors(model.named_parameters(), source)


def check_finite_tensors(named: Iterable[tuple[str, torch.Tensor]], source: str | Path) -> None:
    """Refuse tensors with NaN or infinite numbers.

    Args:
        named: tensors with their names.
        source: where they come from, for the error.

    Raises:
        ModelError: as `check_finite`.
    """
    bad = [name for name, weight in named if not _is_finite(weight.detach())]
    if bad:
        raise ModelError(
            f"{len(bad)} of the model's tensors contain NaN or infinite numbers, for example {bad[0]!r}.",
            where=str(source),
            why="Every log-probability would be NaN.",
            fix="Get the weights again from where the model comes from, or an earlier checkpoint.",
        )


def _is_finite(weight: torch.Tensor) -> bool:
    if not weight.is_floating_point() or not weight.numel() or weight.is_meta or weight.element_size() < 2:
        return True
    # The extremes are NaN where any number is; no mask as large as the weight is needed.
    low, high = torch.aminmax(weight)
    return bool(torch.isfinite(low) & torch.isfinite(high))
