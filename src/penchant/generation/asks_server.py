"""`AsksServer`: the settings of whatever sends requests to a server."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt

from penchant.generation.requests import Patience

__all__ = ["AsksServer"]


class AsksServer:
    """Settings of engines and judges behind a server: how many requests at once, how often, how long."""

    parallel: Annotated[int, Gt(0), "number of concurrent requests"] = 16
    timeout: Annotated[float, Gt(0), "seconds until an attempt of a request is given up"] = 300.0
    total_timeout: Annotated[float, Gt(0), "seconds for all attempts of a request, with pauses"] = 900.0
    attempts: Annotated[int, Gt(0), "attempts per request, if the server is busy or its answer cannot be used"] = 4
    pause: Annotated[float, Ge(0), "seconds before the second attempt; doubles with every further attempt"] = 1.0
    longest_pause: Annotated[float, Ge(0), "limit of a pause, and of the server's Retry-After, in seconds"] = 60.0

    def patience(self) -> Patience:
        """How often and how long a request is tried, by these settings."""
        return Patience(self.timeout, self.total_timeout, self.attempts, self.pause, self.longest_pause)
