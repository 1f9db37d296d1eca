"""What a server's answer means: whether it can be used, whether to ask again, and what the server said."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from penchant.addresses import shown
from penchant.errors import ModelError

if TYPE_CHECKING:
    import httpx2

__all__ = ["BadAnswer", "Busy", "Long", "Refused", "TooLong", "check", "message_of", "parsed"]

# HTTP statuses that are retried: the server is busy or not ready yet.
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
# HTTP statuses of requests that are longer than the server's context, and what servers say of these.
LONG = {400, 413, 422}
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|max(imum)?[ _](context|model[ _]len)|too long|too many (input )?tokens|"
    r"longer than .{0,40}(context|model)|max_new_tokens` must be",
    re.IGNORECASE,
)


class BadAnswer(Exception):
    """An answer that cannot be used; the request is sent again.

    Args:
        what: our words about it.
        said: the server's words, in which parts of the address and the key may stand.
    """

    def __init__(self, what: str, said: str = "") -> None:
        super().__init__(what)
        self.what, self.said = what, said


class Refused(BadAnswer):
    """An answer that would be the same the next time."""


class Long(Refused):
    """The refusal of a request that is longer than the server's context."""


class TooLong(ModelError):
    """A request is longer than the server's context; shorter ones are answered."""


class Busy(BadAnswer):
    """An answer that asks for a pause, in seconds, before the next request."""

    def __init__(self, what: str, said: str, pause: float) -> None:
        super().__init__(what, said)
        self.pause = pause


def check(answer: httpx2.Response, content: bytes, address: str, *, longest: int, plain: bool) -> None:
    """Refuse an answer by its status, type and size.

    Args:
        answer: with its status and headers.
        content: its body, or the beginning of one that is too long.
        address: of the server.
        longest: maximum bytes of an answer.
        plain: whether it may be of another type than JSON.

    Raises:
        BadAnswer: it cannot be used; by its class, whether to ask again (`Refused`: not), and when (`Busy`).
    """
    status, headers = answer.status_code, answer.headers
    if 300 <= status < 400:
        target = shown(_target(address, headers.get("Location", "")))
        raise Refused(f"status {status}: a redirect to {target}, which is not followed; give that address")
    if status != 200:
        if status not in PASSING and status < 500:
            long = status in LONG and _TOO_LONG.search(content[:10_000].decode("utf-8", "replace"))
            raise (Long if long else Refused)(f"status {status}", _said(content))
        raise Busy(f"status {status}", _said(content), _seconds(headers.get("Retry-After")))
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if headers.get("Content-Encoding", "identity") != "identity":
        raise BadAnswer("an answer that is compressed, which was not asked for")
    if kind and "json" not in kind and not plain:
        raise BadAnswer("an answer that is not of the type application/json", f"{kind}: {_said(content)}")
    if len(content) > longest:
        raise BadAnswer(f"an answer of more than {longest:,} bytes, which is longer than what was asked for")


def parsed(content: bytes) -> Any:
    """The JSON of an answer.

    Raises:
        BadAnswer: it is not JSON.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"an answer that is not JSON ({type(error).__name__})", _said(content)) from None


def _said(content: bytes) -> str:
    """What a server said: the message of its error, or the beginning of its answer."""
    text = content[:10_000].decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        text = message_of(json.loads(content)) or text
    return text


def message_of(answer: Any) -> str | None:
    """The message of an error in OpenAI's form, or None."""
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else None


def _target(address: str, location: str) -> str:
    try:
        return urljoin(address, location)
    except ValueError:
        return ""


def _seconds(given: str | None) -> float:
    """The seconds of a ``Retry-After``: a number, or a date; 0 for anything else."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, float(given or 0))
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        when = parsedate_to_datetime(str(given))
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return 0.0
