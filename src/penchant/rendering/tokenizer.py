"""`load_tokenizer`, which loads a tokenizer without its model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ModelError
from penchant.hub_route import expect_hub, unreachable
from penchant.model_files import code_refused, needs_code, read_config, remote_code_allowed
from penchant.model_folders import base_of, trained_model
from penchant.plain_files import usable
from penchant.quiet import quiet_transformers
from penchant.rendering.vocabulary import check_vocabulary, rows_of

__all__ = ["load_tokenizer"]


# One of these files makes a folder's tokenizer.
FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def load_tokenizer(source: str | Path, base: str | None = None) -> Any:
    """The tokenizer of a model folder or hub id.

    Args:
        source: a folder with a tokenizer (``tokenizer.json``), or a hub id. An adapter folder without a tokenizer has
            that of its base.
        base: for an adapter folder, its base as the user names it.

    Returns:
        A tokenizer of ``transformers``.

    Raises:
        ModelError: the folder is missing or has no tokenizer, the hub has none with this id, or it has more tokens than
            the model in the same folder.

    Example:
        >>> load_tokenizer("/no/such/folder")
        Traceback (most recent call last):
            ...
        penchant.errors.ModelError: /no/such/folder: There is no such folder. ...
    """
    from transformers import AutoTokenizer

    name = str(source)
    usable(Path(name), ModelError, "folder")
    if Path(name).is_dir() and not any((Path(name) / file).is_file() for file in FILES):
        name = base_of(name, base)
    _check_folder(name)
    expect_hub(name)
    with_model = (Path(name) / "config.json").is_file()
    if with_model:
        read_config(name)  # transformers reads it for the tokenizer too, and would blame the tokenizer
    try:
        with quiet_transformers(downloads=True):
            tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=remote_code_allowed())
    except Exception as error:  # transformers raises many types; each means that no tokenizer can be loaded
        if needs_code(error):
            raise code_refused(name) from error
        raise _without_tokenizer(name, error) from error
    if with_model or not Path(name).is_dir():
        check_vocabulary(tokenizer, rows_of(name), name)
    return tokenizer


def _check_folder(name: str) -> None:
    folder = Path(name)
    if not folder.exists() and (folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1):
        raise ModelError("There is no such folder.", where=name, fix="Give the model's folder, or its id on the hub.")
    if folder.exists() and not folder.is_dir():
        raise ModelError(
            "This is a file, not a model folder.", where=name, fix="Give the folder that contains tokenizer.json."
        )


def _without_tokenizer(name: str, error: Exception) -> ModelError:
    folder = Path(name)
    if (folder / "model_index.json").is_file():
        return ModelError(
            "This is a diffusers pipeline, which generates images; a language model is expected here.",
            where=name,
            fix="Train it with `penchant train`; `penchant data check` checks its data without --model.",
        )
    if (inside := trained_model(name)) != name:
        return ModelError("This is the folder of a run, not of a model.", where=name, fix=f"Its model is {inside}.")
    if folder.is_dir():
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
        what = f"The folder has no tokenizer that can be loaded (it contains: {found})."
        fix = "Give a folder with tokenizer.json, such as one written by save_pretrained."
    else:
        what = "There is no such folder, and the hub has no tokenizer with this id that could be fetched."
        fix = "Check the spelling, the network, and your access to the model."
    reason = unreachable() if not folder.is_dir() else ""
    if reason:
        what = "There is no such folder on this machine, and no copy of a model with this id in the cache of the hub."
        fix = "Give the model's folder; or, if it is an id of the hub, connect to the network."
    reason = reason or (str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
    return ModelError(what, where=name, why=f"({reason})", fix=fix)
