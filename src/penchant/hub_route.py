"""Whether there is a way to the hub: without one, its files come from the cache alone, and nothing is tried again."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["expect_hub", "unreachable"]

#: Seconds that a connection may take, and after which a hub that could not be reached is tried again.
_PATIENCE, _AGAIN = 4.0, 30.0


class _Route:
    """What was found out about the hub in this process: the reason why it cannot be reached, and when that was."""

    reason = ""
    asked = -_AGAIN
    known = False


def expect_hub(source: str | Path) -> None:
    """Say before files of a hub id are asked for; where no connection can be made, they are looked up in the cache.

    huggingface_hub tries every file six times, and waits in between: more than a minute until a mistyped path is an
    error on a machine without a network. One connection is tried here, for at most four seconds; if there is one,
    all is left as it is. Folders that exist, and processes with ``HF_HUB_OFFLINE``, try nothing.

    Args:
        source: the id, or a folder.
    """
    if _Route.known or Path(source).expanduser().exists():
        return
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE and not _Route.reason:
        return  # the user said so
    if time.monotonic() - _Route.asked < _AGAIN:
        return
    _Route.reason, _Route.asked = _no_way_to(constants.ENDPOINT), time.monotonic()
    _Route.known = not _Route.reason
    constants.HF_HUB_OFFLINE = bool(_Route.reason)


def unreachable() -> str:
    """Why the hub cannot be reached, in words; empty if it can, or if nobody has asked.

    Example:
        >>> unreachable()
        ''
    """
    return _Route.reason


def _no_way_to(address: str) -> str:
    """Why no connection to an address can be made; empty if one can."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(host):
        proxied = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        try:
            host, port = proxied.hostname or host, proxied.port or 3128
        except ValueError:
            return ""  # the library will say what is wrong with it
    found: list[str] = []
    # The look-up of a name knows no limit of time; so the thread that makes it is left behind.
    asking = threading.Thread(target=lambda: found.append(_connected(host, port)), daemon=True)
    asking.start()
    asking.join(_PATIENCE + 0.5)
    reason = found[0] if found else f"no answer within {_PATIENCE:g} seconds"
    return reason and f"{host} cannot be reached: {reason}"


def _connected(host: str, port: int) -> str:
    """Why no connection can be made; empty if one can."""
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            return ""
    except OSError as error:
        return str(error.strerror or error)
