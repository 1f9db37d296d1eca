"""`merge_models`: the merged model as a folder, written tensor by tensor in the shards of the first model."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ModelError, OutputError
from penchant.likelihood.reward_folder import MEANING
from penchant.locks import working_in
from penchant.targets import input_at
from penchant.training.merging.agreement import Source, check_agreement, read_source
from penchant.training.merging.folder import clear_merge, note_merge
from penchant.training.merging.rules import MergeRule, Tensors
from penchant.training.merging.stored import Stored, header_of
from penchant.writing import output_errors_of, replacing

__all__ = ["Merged", "merge_models"]

# What a loaded model needs besides its weights. The configuration is last: without it nothing loads.
_SETTINGS = (
    "*.jinja", "*.model", "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt",
    "tekken.json", "preprocessor_config.json", "processor_config.json", "generation_config.json", "*.py", MEANING,
    "model.safetensors.index.json", "config.json",
)  # fmt: skip
_LAYER = re.compile(r"\.(\d+)\.")


@dataclass(frozen=True)
class Merged:
    """What `merge_models` wrote.

    Args:
        folder: of the merged model.
        tensors: how many were merged.
        numbers: how many numbers they have.
    """

    folder: Path
    tensors: int
    numbers: int


def merge_models(
    models: Sequence[str | Path],
    rule: MergeRule,
    output: str | Path,
    *,
    base: str | Path | None = None,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
) -> Merged:
    """Merge models of the same architecture into a folder that loads like any other.

    Shards, number types, configuration and tokenizer are those of the first model. Numbers are merged in float32
    (float64 where they are stored so); memory holds small parts of each tensor, whatever its size.

    Args:
        models: folders of models or of runs.
        rule: how they are merged.
        output: folder of the merged model.
        base: the model that they were tuned from, for the rules that need it.
        overwrite: a merged model in the folder is replaced.
        about: further facts for ``merge.json``.

    Raises:
        ConfigurationError: the rule does not fit the number of models, or needs a base.
        ModelError: the models differ in architecture, tensors or tokens, cannot be read, or give numbers that are not
            finite.
        OutputError: the folder holds other files, is read by this merge, or cannot be written.
    """
    rule.check(len(models), base is not None)
    sources = [read_source(each) for each in models]
    started = None if base is None else read_source(base)
    check_agreement([*sources, *([] if started is None else [started])])
    goal = Path(output)
    with _claimed(goal, overwrite, [str(each.folder) for each in (*sources, started) if each is not None]):
        facts: dict[str, Any] = {"method": rule.id, "settings": rule.settings, "models": [str(each) for each in models]}
        facts |= {"base": None if base is None else str(base), **(about or {})}
        note_merge(goal, facts, _written_names(sources[0]))
        with output_errors_of(goal, "The merged model", "Free disk space, then merge again with --overwrite."):
            return _write(goal, sources, started, rule)


@contextmanager
def _claimed(goal: Path, overwrite: bool, inputs: list[str]) -> Iterator[None]:
    """Lock the folder and remove the merge that is in it; inputs are never touched."""
    if goal.exists() and (own := input_at(goal, inputs)) is not None:
        raise OutputError(
            f"--out names a folder that this merge reads ({own}).", where=str(goal), fix="Name another folder."
        )
    with working_in(goal, "The merged model", "Choose another folder with --out."):
        clear_merge(goal, overwrite)
        yield


def _settings_of(source: Source) -> list[Path]:
    found = [each for pattern in _SETTINGS for each in sorted(source.folder.glob(pattern)) if each.is_file()]
    return list(dict.fromkeys(found))


def _written_names(source: Source) -> list[str]:
    weights = dict.fromkeys(each.file.name for each in source.tensors.values())
    return [*weights, *(each.name for each in _settings_of(source))]


def _write(goal: Path, sources: Sequence[Source], base: Source | None, rule: MergeRule) -> Merged:
    first = sources[0]
    depths = _depths(first.tensors)
    for file in dict.fromkeys(each.file for each in first.tensors.values()):
        with replacing(goal / file.name) as written:
            written.write(header_of(file))
            for name, tensor in first.tensors.items():
                if tensor.file == file:
                    for part in _parts(name, sources, base, rule, depths.get(name)):
                        written.write(part)
    for each in _settings_of(first):
        with each.open("rb") as read, replacing(goal / each.name) as written:
            shutil.copyfileobj(read, written)
    sizes = [math.prod(each.shape) for each in first.tensors.values()]
    return Merged(goal, len(sizes), sum(sizes))


def _depths(names: Any) -> dict[str, float]:
    """Where the layer of each tensor lies, from 0 to 1."""
    layers = {name: int(found.group(1)) for name in names if (found := _LAYER.search(name)) is not None}
    last = max(layers.values(), default=0)
    return {name: layer / last if last else 0.0 for name, layer in layers.items()}


def _parts(
    name: str, sources: Sequence[Source], base: Source | None, rule: MergeRule, depth: float | None
) -> Iterator[Any]:
    """The bytes of a merged tensor."""
    first = sources[0].tensors[name]
    if first.dtype is None:
        yield from _common(name, [*sources, *([] if base is None else [base])])
        return
    models = [Stored(each.tensors[name]) for each in sources]
    started = None if base is None else Stored(base.tensors[name])
    for part in rule.merged(Tensors(models, started, name, depth)):
        yield _as_bytes(part.to(first.dtype), name)


def _as_bytes(part: Tensor, name: str) -> memoryview:
    if not bool(torch.isfinite(part).all()):
        raise ModelError(
            f"The merged tensor {name} has numbers that are not finite.",
            why="A model has such numbers itself, or they became too large for the number type of the first model.",
            fix="Check the models, or give smaller weights.",
        )
    return memoryview(part.contiguous().view(torch.uint8).numpy().data)


def _common(name: str, sources: Sequence[Source]) -> Iterator[bytes]:
    """The bytes of a tensor that is not merged, which all models must share."""
    for parts in zip(*(each.tensors[name].bytes_in_parts() for each in sources), strict=True):
        if any(part != parts[0] for part in parts[1:]):
            raise ModelError(
                f"The tensor {name} ({sources[0].tensors[name].kind}) differs between the models.",
                where=str(sources[0].folder),
                why="Only floating-point numbers can be merged.",
                fix="Merge models that share it.",
            )
        yield parts[0]
