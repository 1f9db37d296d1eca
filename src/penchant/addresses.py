"""Addresses of servers: which ones are accepted, and how they are shown without their secrets."""

from __future__ import annotations

import hashlib
import re
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from penchant.errors import ConfigurationError

__all__ = ["HIDDEN", "checked", "is_local", "secrets_of", "server_of", "shown", "without_secrets"]

#: What stands for a part of an address that may be a secret.
HIDDEN = "..."

# The parts of a path that interfaces of servers have. Any other part may be a token, so it is not shown.
PLAIN = frozenset(
    "api apis beta chat completions deployments endpoints engines generate inference llm models ollama openai openapi "
    "predict proxy serve serving sglang tgi v0 v1 v2 v3 v4 vllm".split()
)
# Keys as providers write them, wherever they stand in a text.
KEYS = re.compile(r"(?i)\b(?:(?:sk|pk|hf|ghp|gsk|xai|key|token|api)[-_][\w-]{4,}|(?:bearer|basic)\s+\S+)")


def checked(address: str, where: str) -> str:
    """An address that can be asked, without a slash at its end.

    Args:
        address: for example ``http://localhost:8000/v1``.
        where: the recipe key that names it, for messages.

    Raises:
        ConfigurationError: it does not begin with ``http://`` or ``https://``, names no host, or lacks a part that was
            left out when it was written down.

    Example:
        >>> checked("http://localhost:8000/v1/", "engine.url")
        'http://localhost:8000/v1'
        >>> checked("file:///etc/passwd", "engine.url")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: engine.url: The address begins with 'file:', expected http:// or https://...
    """
    try:
        parts, problem = urlsplit(address), ""
        if parts.scheme not in ("http", "https"):
            begins = f"begins with {parts.scheme + ':'!r}" if parts.scheme else "has no scheme"
            problem = f"The address {begins}, expected http:// or https://."
        elif not parts.hostname or not re.fullmatch(r"[\w.\-:%]+", parts.hostname):
            problem = "The address names no host."
        elif parts.port == 0 or re.search(r"[\x00-\x20\x7f-\x9f\ud800-\udfff\\]", address):
            problem = "The address holds a port or a character that no address has."
    except ValueError as error:
        # The reason may quote the address.
        problem = f"The address cannot be read ({type(error).__name__})."
    if problem:
        raise ConfigurationError(problem, where=where, fix="Write it as http://HOST:PORT/v1.") from None
    if HIDDEN in (*parts.path.split("/"), parts.query):
        raise ConfigurationError(
            f"The address {shown(address)} was written down without a part that may be a secret.",
            where=where,
            fix=f"Give the whole address on the command line: {where}=ADDRESS.",
        )
    return address.rstrip("/")


def shown(address: str) -> str:
    """An address as it may be printed and written down.

    User, password, query and fragment are left out. Every part of the path that is not a usual one (``v1``, ``api``) is
    replaced: it may be a token.

    Example:
        >>> shown("https://me:password@host:8000/TOKEN/v1?key=secret")
        'https://host:8000/.../v1?...'
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return HIDDEN
    host = f"[{host}]" if ":" in host else host
    path = "/".join(each if not each or each.lower() in PLAIN else HIDDEN for each in parts.path.split("/"))
    return f"{parts.scheme}://{host}{port}{path}{f'?{HIDDEN}' if parts.query or parts.fragment else ''}"


def server_of(address: str) -> str:
    """What tells one server from another one: the address as it is shown, and a digest of its path if parts are hidden.

    Two deployments behind one host are two servers. User, password and query do not count: keys stand there.

    Example:
        >>> server_of("http://host/v1?key=old") == server_of("http://host/v1?key=new") == shown("http://host/v1?key=new")
        True
        >>> server_of("http://host/llama/v1") == server_of("http://host/qwen/v1")
        False
    """
    found = shown(address)
    path = urlsplit(address).path
    if HIDDEN not in found.partition("?")[0].split("/"):
        return found
    return f"{found} {hashlib.sha256(path.encode()).hexdigest()}"


def secrets_of(address: str) -> list[str]:
    """The parts of an address that `shown` leaves out, longest first."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return [address]
    found = [parts.username or "", parts.password or "", parts.query, parts.fragment, *_values(parts)]
    found += [each for each in parts.path.split("/") if each.lower() not in PLAIN]
    return sorted({one for each in found for one in (each, unquote(each)) if len(one) > 2}, key=len, reverse=True)


def _values(parts: SplitResult) -> list[str]:
    return [each.partition("=")[2] for each in parts.query.split("&")]


def without_secrets(text: str, secrets: list[str]) -> str:
    """A text of a server, in which its address and key may stand, without them.

    Args:
        text: what the server said.
        secrets: what must not be shown, as by `secrets_of`.

    Example:
        >>> without_secrets("Incorrect API key sk-12345678 for /TOKEN/v1", ["TOKEN"])
        'Incorrect API key ... for /.../v1'
    """
    for each in secrets:
        text = text.replace(each, HIDDEN)
    return KEYS.sub(HIDDEN, text)


def is_local(address: str) -> bool:
    """Whether an address leads to this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
