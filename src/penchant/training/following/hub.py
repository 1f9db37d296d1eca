"""Publishing the trained model on the Hugging Face hub: checked at the start, uploaded at the end."""

from __future__ import annotations

import logging
import os
from typing import Any

from penchant.errors import ConfigurationError
from penchant.training.folder import RunFolder
from penchant.training.recipe import Recipe

__all__ = ["check_hub", "publish"]

log = logging.getLogger("penchant")


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


def check_hub(repository: str) -> None:
    """Check name, token and write permission, without creating the repository.

    Args:
        repository: ``name`` or ``owner/name``.

    Raises:
        ConfigurationError: the name is malformed, there is no token, or it may not write there; or the hub cannot be
            reached.
    """
    from huggingface_hub import get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise ConfigurationError(
            f"{repository!r} is not the name of a repository.", where="push_to_hub", fix="Write owner/name."
        ) from error
    if get_token() is None:
        raise ConfigurationError(
            "There is no token of the hub, so the model could not be uploaded at the end.",
            where="push_to_hub",
            fix="Log in with `hf auth login`, or set HF_TOKEN in the environment.",
        )
    try:
        account = _api().whoami()
    except Exception as error:
        raise ConfigurationError(
            f"The hub does not answer for this token ({type(error).__name__}: {_first_line(error)}).",
            where="push_to_hub",
            fix="Check token and network, or remove push_to_hub and upload the folder model/ later.",
        ) from error
    _refuse_foreign(repository, account)


def _refuse_foreign(repository: str, account: dict[str, Any]) -> None:
    """Refuse an owner that the account does not write for, and a token that only reads."""
    owner, slash, _ = repository.rpartition("/")
    owners = [account["name"], *(each["name"] for each in account.get("orgs", []))]
    if slash and owner not in owners:
        raise ConfigurationError(
            f"The token belongs to {account['name']!r}, who is not a member of {owner!r}.",
            where="push_to_hub",
            fix=f"Use an owner among {', '.join(map(repr, owners))}, or another token.",
        )
    role = (account.get("auth") or {}).get("accessToken", {}).get("role")
    if role == "read":
        raise ConfigurationError(
            "The token may only read.", where="push_to_hub", fix="Create a token with write permission."
        )


def publish(recipe: Recipe, folder: RunFolder) -> None:
    """Upload the saved model with its card, and note its address in the summary.

    A failure is a warning, since the run itself is done; the warning says how to upload the model later.

    Args:
        recipe: names the repository; nothing is done without ``push_to_hub``.
        folder: of the finished run.
    """
    if recipe.push_to_hub is None:
        return
    try:
        api = _api()
        made = api.create_repo(recipe.push_to_hub, private=recipe.hub_private, exist_ok=True)
        api.upload_folder(repo_id=made.repo_id, folder_path=folder.model, commit_message="Model trained with Penchant")
    except Exception as error:
        log.warning(
            "The model was not uploaded (%s: %s). It is complete in %s. To upload it: hf upload %s %s",
            type(error).__name__,
            _first_line(error),
            folder.model,
            recipe.push_to_hub,
            folder.model,
        )
        return
    folder.write_json("summary.json", {**(folder.read_json("summary.json") or {}), "hub": str(made)})


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
