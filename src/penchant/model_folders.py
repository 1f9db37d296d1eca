"""Folders of models: adapters and the models that they were trained on, and the model of a run."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.errors import ModelError
from penchant.hub_route import expect_hub
from penchant.plain_files import usable

__all__ = ["ADAPTER_CONFIG", "absent", "adapter_config", "base_error", "base_of", "trained_model"]

#: The file that makes a folder an adapter.
ADAPTER_CONFIG = "adapter_config.json"

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def absent(name: str) -> str:
    """The end of a message about a model: that its name is no folder on this machine; empty if it is one.

    Example:
        >>> absent("."), absent("no/such/folder")
        ('', ' There is no such folder on this machine.')
    """
    return "" if Path(name).expanduser().exists() else " There is no such folder on this machine."


def adapter_config(source: str | Path) -> dict[str, Any] | None:
    """The contents of a source's ``adapter_config.json``; None for a source that is not an adapter.

    Args:
        source: a folder, or the id of an adapter on the hub.

    Raises:
        ModelError: the file is not JSON.

    Example:
        >>> adapter_config("no/such/folder") is None
        True
    """
    folder = usable(Path(source), ModelError, "folder")
    file = folder / ADAPTER_CONFIG
    if not file.is_file():
        if folder.exists() or not HUB_ID.fullmatch(str(source)):
            return None
        expect_hub(source)
        found = _on_hub(str(source))
        if found is None:
            return None
        file = Path(found)
    try:
        config = json_document(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{ADAPTER_CONFIG} cannot be read ({error}).", where=str(source), fix="Restore or remove the file."
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"{ADAPTER_CONFIG} is not a JSON object.", where=str(source), fix="Restore the file.")
    return config


@lru_cache(maxsize=64)
def _on_hub(name: str) -> str | None:
    from transformers.utils.peft_utils import find_adapter_config_file

    try:
        found: str | None = find_adapter_config_file(name)
    except Exception:  # loading the model reports what is wrong with the name
        return None
    return found


def base_of(source: str | Path, base: str | None = None) -> str:
    """The model that holds the weights of a source: the source itself, or the base of an adapter.

    A relative path in ``adapter_config.json`` is looked up from the current folder, then from the adapter's folder.

    Args:
        source: a model or an adapter, as folder or hub id.
        base: the adapter's base as the user names it; by default what ``adapter_config.json`` names.

    Raises:
        ModelError: the base is not named, does not exist, or is an adapter itself.

    Example:
        >>> base_of("models/tiny")
        'models/tiny'
    """
    config = adapter_config(source)
    if config is None:
        return str(source)
    found = base if base is not None else _stated(source, config.get("base_model_name_or_path"))
    if adapter_config(found) is not None:
        raise ModelError(
            f"The base of this adapter, {found}, is an adapter itself.",
            where=str(source),
            fix="Merge that adapter into its own base first, and give the merged model as base.",
        )
    return found


def _stated(source: str | Path, stated: Any) -> str:
    """The base that an adapter's configuration names."""
    if not isinstance(stated, str) or not stated:
        raise base_error(source, stated)
    for start in (Path(), Path(source), Path(source).parent):
        if (start / Path(stated).expanduser()).is_dir():
            return str(start / Path(stated).expanduser())
    if not HUB_ID.fullmatch(stated) or stated.startswith("."):
        raise base_error(source, stated)
    return stated


def base_error(source: str | Path, stated: Any, reason: str = "") -> ModelError:
    """The error for an adapter whose base cannot be found.

    Args:
        source: the adapter.
        stated: what names its base.
        reason: why that cannot be loaded, if more is known.
    """
    named = f"names {stated!r}" if stated else "names none"
    return ModelError(
        f"This is an adapter, and the model that it was trained on is not found: {ADAPTER_CONFIG} {named} as "
        f"base_model_name_or_path{f' ({reason})' if reason else ''}.",
        where=str(source),
        fix="Give that model as base=FOLDER_OR_ID (a key of recipes; --base for `penchant score`), or correct the path "
        "in that file.",
    )


def trained_model(name: str | Path) -> str:
    """The model of a run, if a run's folder is named; any other name as it is.

    Args:
        name: a model's folder or hub id, or a run's folder.

    Example:
        >>> trained_model("models/tiny")
        'models/tiny'
    """
    run = Path(name).expanduser()
    known = any((run / file).is_file() for file in ("config.json", ADAPTER_CONFIG))
    return str(run / "model") if not known and (run / "model").is_dir() else str(name)
