"""Whether models can be merged: the same architecture, the same tensors, the same tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.errors import ModelError
from penchant.likelihood.reward_folder import MEANING
from penchant.model_folders import ADAPTER_CONFIG, trained_model
from penchant.plain_files import readable_text
from penchant.training.merging.stored import StoredTensor, stored_tensors

__all__ = ["Source", "check_agreement", "read_source"]

# Keys of config.json that do not change what the weights compute.
_SILENT = {
    "_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache", "bos_token_id", "eos_token_id",
    "pad_token_id", "_attn_implementation", "attn_implementation", "architectures_note", "id2label", "label2id",
    "attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "initializer_range",
}  # fmt: skip
# Files whose content says which token an id is, for tokenizers without tokenizer.json.
_VOCABULARIES = ("tokenizer.model", "spiece.model", "vocab.json", "merges.txt", "vocab.txt", "tekken.json")


@dataclass(frozen=True)
class Source:
    """A model on the disk.

    Args:
        folder: of the model.
        config: its ``config.json``.
        tensors: by name.
        tokens: what its tokenizer knows, by kind; empty without one.
    """

    folder: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]
    tokens: Mapping[str, Any]


def read_source(name: str | Path) -> Source:
    """Read what a model's folder holds, without its weights.

    Args:
        name: folder of a model, or of a run.

    Raises:
        ModelError: it is no folder of a whole model in safetensors.
    """
    folder = Path(trained_model(name)).expanduser()
    if not folder.is_dir():
        raise ModelError(
            "There is no such folder.",
            where=str(name),
            fix="Give the folder of a model or of a run; `hf download ID --local-dir FOLDER` gets one of the hub.",
        )
    if (folder / ADAPTER_CONFIG).is_file():
        raise ModelError(
            "This is an adapter, not a whole model.",
            where=str(folder),
            why="Adapters are low-rank factors: a mean of factors is not the mean of what they add.",
            fix="Merge it into its base first (merge_and_unload of peft), and give the merged model.",
        )
    if not (folder / "config.json").is_file():
        raise ModelError("The folder has no config.json.", where=str(folder), fix="Give the folder of a model.")
    try:
        config = json_document(readable_text(folder / "config.json", ModelError, "configuration"))
    except ValueError as error:
        raise ModelError(f"The model's configuration is not valid JSON ({error}).", where=str(folder)) from error
    if not isinstance(config, dict):
        raise ModelError("The model's configuration is not a JSON object.", where=str(folder))
    return Source(folder, config, stored_tensors(folder), _tokens(folder))


def _tokens(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer.json"
    if not file.is_file():
        kept = [folder / name for name in _VOCABULARIES if (folder / name).is_file()]
        return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in kept}
    try:
        found = json_document(file.read_text(encoding="utf-8"))
        model, added = found["model"], found.get("added_tokens") or []
        return {
            "vocabulary": model.get("vocab"),
            "merges": [each.split(" ") if isinstance(each, str) else each for each in model.get("merges") or []],
            "added tokens": {each["id"]: each["content"] for each in added},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The tokenizer cannot be read ({error}).", where=str(file)) from error


def check_agreement(sources: Sequence[Source]) -> None:
    """Refuse models that cannot be merged, each compared with the first.

    Raises:
        ModelError: architecture, sizes, tensors or tokens differ; what differs is named.
    """
    first = sources[0]
    for other in sources[1:]:
        _check_configs(first, other)
        _check_tensors(first, other)
        _check_tokens(first, other)
        _check_heads(first, other)


def _refuse(first: Source, other: Source, what: str, why: str, fix: str) -> ModelError:
    return ModelError(what, where=f"{first.folder} and {other.folder}", why=why, fix=fix)


def _check_configs(first: Source, other: Source) -> None:
    keys = sorted((set(first.config) | set(other.config)) - _SILENT)
    different = [key for key in keys if first.config.get(key) != other.config.get(key)]
    if not different:
        return
    # The kind of the model says more than its sizes.
    key = next((key for key in ("model_type", "architectures", "hidden_size") if key in different), different[0])
    more = f" (and {len(different) - 1} more keys)" if len(different) > 1 else ""
    raise _refuse(
        first,
        other,
        f"The models have different architectures: {key} is {first.config.get(key)!r} in one and "
        f"{other.config.get(key)!r} in the other{more}.",
        "Merging combines weights that do the same work.",
        "Merge models that were tuned from the same one.",
    )


def _check_tensors(first: Source, other: Source) -> None:
    for one, two in ((first, other), (other, first)):
        lacking = sorted(set(one.tensors) - set(two.tensors))
        if lacking:
            raise _refuse(
                first,
                other,
                f"{two.folder} lacks {len(lacking)} tensors of {one.folder}, for example {lacking[0]}.",
                "Every tensor must be in all models.",
                "Save both with the same version of transformers and the same tie_word_embeddings.",
            )
    for name, tensor in first.tensors.items():
        found = other.tensors[name]
        if tensor.shape != found.shape:
            raise _refuse(
                first,
                other,
                f"The tensor {name} has the shape {list(tensor.shape)} in one model and {list(found.shape)} in the "
                "other.",
                "Numbers are merged place by place.",
                "Merge models that were tuned from the same one; added tokens change the embeddings.",
            )
        if (tensor.dtype is None or found.dtype is None) and tensor.kind != found.kind:
            raise _refuse(
                first,
                other,
                f"The tensor {name} is stored as {tensor.kind} in one model and as {found.kind} in the other.",
                "Quantized numbers cannot be merged with others.",
                "Give both models in float32, float16 or bfloat16.",
            )


def _check_tokens(first: Source, other: Source) -> None:
    if not first.tokens or not other.tokens:
        return
    different = [key for key in first.tokens if first.tokens[key] != other.tokens.get(key)]
    if different or set(first.tokens) != set(other.tokens):
        raise _refuse(
            first,
            other,
            f"The tokenizers differ in their {(different or ['files'])[0]}.",
            "A row of the embeddings would mean one token in one model and another in the other.",
            "Merge models with the same tokenizer.",
        )


def _check_heads(first: Source, other: Source) -> None:
    heads = [each.folder / MEANING for each in (first, other)]
    texts = [each.read_bytes() if each.is_file() else None for each in heads]
    if texts[0] != texts[1]:
        raise _refuse(
            first,
            other,
            f"The models have different {MEANING}: they are reward models of different objectives or heads.",
            "What stands in that file is not merged.",
            "Merge reward models of the same objective whose head is in the model.",
        )
