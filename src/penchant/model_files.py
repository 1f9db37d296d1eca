"""The files of a model folder: its configuration, its weights, and whether it may bring code of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.errors import ModelError
from penchant.hub_route import expect_hub, unreachable

__all__ = [
    "check_weight_files",
    "code_refused",
    "first_line",
    "needs_code",
    "projected_config",
    "read_config",
    "remote_code",
    "remote_code_allowed",
]

# Sizes that every configuration must have above zero, where it has them.
SIZES = (
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "vocab_size",
)
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json")

# The model type of a model with projections or bottlenecks (`penchant.likelihood.projected`).
PROJECTED = "penchant-projected"

_allowed: ContextVar[bool] = ContextVar("remote_code_allowed", default=False)


@contextmanager
def remote_code(allowed: bool = True) -> Iterator[None]:
    """A context in which models and tokenizers may run Python code from their own repository.

    Only the caller decides this (``--trust-remote-code``, ``trust_remote_code=True``), never a recipe, because a recipe
    may come from someone else.

    Args:
        allowed: whether code may run.

    Example:
        >>> with remote_code():
        ...     remote_code_allowed()
        True
        >>> remote_code_allowed()
        False
    """
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def remote_code_allowed() -> bool:
    """Whether code from a model's repository may run; passed to every ``from_pretrained``, so nothing asks."""
    return _allowed.get()


def read_config(source: str | Path) -> Any:
    """The configuration of a model of transformers.

    Args:
        source: a folder with ``config.json``, or a hub id.

    Raises:
        ModelError: it cannot be read, a size in it is not positive, or it needs code from its repository.
    """
    from transformers import AutoConfig

    _check_config_file(Path(source))
    expect_hub(source)
    try:
        if (inside := projected_config(source)) is not None:
            return AutoConfig.for_model(**inside["base"])
        return AutoConfig.from_pretrained(str(source), trust_remote_code=remote_code_allowed())
    except Exception as error:  # transformers raises many types; each means that the configuration cannot be used
        if needs_code(error):
            raise code_refused(source) from error
        reason = unreachable() if not Path(source).exists() else ""
        raise ModelError(
            f"No model can be loaded from here: its configuration cannot be read ({reason or first_line(error)}).",
            where=str(source),
            fix="Check the path; a hub id needs network access (or a copy in the local cache), and a new kind of model "
            "a new version of transformers.",
        ) from error


def projected_config(source: str | Path) -> dict[str, Any] | None:
    """The configuration of a model with projections or bottlenecks; None for any other.

    It has ``base``, and the paths of its parts in ``layers`` and ``bottlenecks``.

    Args:
        source: a folder with ``config.json``, or a hub id.
    """
    from transformers import PretrainedConfig

    try:
        values: dict[str, Any] = PretrainedConfig.get_config_dict(str(source))[0]
    except OSError:  # reading the configuration reports it
        return None
    return values if values.get("model_type") == PROJECTED else None


def _check_config_file(folder: Path) -> None:
    """Refuse a ``config.json`` that is not a JSON object, or has a size below 1."""
    file = folder / "config.json"
    if not file.is_file():
        return
    try:
        values = json_document(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model's configuration is not valid JSON ({first_line(error)}).",
            where=str(file),
            fix="Get the file again from where the model comes from.",
        ) from error
    if not isinstance(values, dict):
        raise ModelError("The model's configuration is not a JSON object.", where=str(file))
    for part in (values, *(each for each in values.values() if isinstance(each, dict))):
        for name in SIZES:
            size = part.get(name)
            if isinstance(size, int) and size < 1:
                raise ModelError(
                    f"The model's configuration has {name} = {size}; expected at least 1.",
                    where=str(file),
                    fix="Get the file again from where the model comes from.",
                )


def needs_code(error: BaseException) -> bool:
    """Whether transformers refused a model because it needs code from its repository."""
    return "trust_remote_code" in str(error)


def code_refused(source: str | Path) -> ModelError:
    """The error for a model that needs code from its repository."""
    return ModelError(
        "This model needs Python code from its own repository, and running that code was not allowed.",
        where=str(source),
        why="Such code can do anything on this machine that you can.",
        fix="Read the code, then allow it with --trust-remote-code (in Python: trust_remote_code=True).",
    )


def check_weight_files(source: str | Path, what: str) -> None:
    """Check that a folder has complete files of weights, without reading the weights.

    Args:
        source: a folder; a hub id is not checked.
        what: what cannot be loaded otherwise, for the error.

    Raises:
        ModelError: the weights are missing, in another format, or damaged.
    """
    folder = Path(source)
    if not folder.is_dir():
        return
    if not any((folder / name).is_file() for name in WEIGHTS) and not any(folder.glob("model*.safetensors")):
        raise _without_weights(folder, what)
    _check_shards(folder, what)
    for file in sorted(folder.glob("*.safetensors")):
        _check_readable(file, what)


def _without_weights(folder: Path, what: str) -> ModelError:
    names = sorted(entry.name for entry in folder.iterdir())
    if any(name.endswith(".gguf") for name in names):
        return ModelError(
            f"{what} can be loaded from here: the folder has only GGUF weights.",
            where=str(folder),
            why="They are quantized for inference and cannot be trained.",
            fix="Give the model that they were made from (model.safetensors).",
        )
    return ModelError(
        f"{what} can be loaded from here: the folder has no weights (it contains: {', '.join(names[:8])}).",
        where=str(folder),
        fix="Give a folder with model.safetensors, as save_pretrained writes it.",
    )


def _check_shards(folder: Path, what: str) -> None:
    """Refuse a folder that lacks a file of weights that its index names."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        names = sorted(set(json_document(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{what} can be loaded from here: the index of its weights cannot be read ({first_line(error)}).",
            where=str(index),
            fix="Get the file again from where the model comes from.",
        ) from error
    lacking = [name for name in names if not (folder / name).is_file()]
    if lacking:
        raise ModelError(
            f"{what} can be loaded from here: {len(lacking)} of {len(names)} files of weights are missing, for "
            f"example {lacking[0]}.",
            where=str(folder),
            fix="Download or copy the whole folder.",
        )


def _check_readable(file: Path, what: str) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="pt"):
            pass
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{what} can be loaded from here: {file.name} is damaged or incomplete ({first_line(error)}; it has "
            f"{file.stat().st_size:,} bytes).",
            where=str(file.parent),
            fix="Download or copy the file again.",
        ) from error


def first_line(error: BaseException, length: int = 240) -> str:
    """The first line of an error's message, or its type if it has none."""
    text = str(error).strip()
    return text.splitlines()[0][:length] if text else type(error).__name__
