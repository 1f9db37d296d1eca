"""`Budget`: the calls and tokens that a judge may spend, and its pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from penchant.errors import ConfigurationError

__all__ = ["Budget"]


class Budget:
    """Counts calls and tokens against their limits, and spaces calls in time.

    Stored answers cost nothing. Requests under way are counted as calls; their tokens are known only when they are
    answered, so the tokens may exceed the limit by those of the requests under way.

    Args:
        calls: maximum number of calls, or None.
        tokens: maximum number of tokens of prompts and answers, as the server counts them, or None.
        per_minute: maximum number of attempts per minute, or None.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        calls: int | None = None,
        tokens: int | None = None,
        per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.calls, self.tokens, self.per_minute, self.clock = calls, tokens, per_minute, clock
        self.calls_spent = self.tokens_spent = 0
        self._next = 0.0

    def allowance(self, wanted: int) -> int:
        """How many of some further calls the limits allow now."""
        if self.tokens is not None and self.tokens_spent >= self.tokens:
            return 0
        return wanted if self.calls is None else max(0, min(wanted, self.calls - self.calls_spent))

    def spend(self, tokens: int) -> None:
        """Count an answered call."""
        self.calls_spent += 1
        self.tokens_spent += tokens

    async def turn(self) -> None:
        """Wait until the next attempt may be sent.

        Raises:
            ConfigurationError: the tokens are spent.
        """
        if self.tokens is not None and self.tokens_spent >= self.tokens:
            raise self.exhausted()
        if self.per_minute is None:
            return
        now = self.clock()
        start = max(now, self._next)
        self._next = start + 60.0 / self.per_minute
        if start > now:
            await asyncio.sleep(start - now)

    def exhausted(self) -> ConfigurationError:
        """The error that says which limit is reached."""
        over = self.tokens is not None and self.tokens_spent >= self.tokens
        limit = f"{self.tokens:,} tokens (budget_tokens)" if over else f"{self.calls:,} calls (budget_calls)"
        return ConfigurationError(
            f"The judge has spent its budget of {limit}: {self.calls_spent:,} calls with {self.tokens_spent:,} tokens.",
            where="judge",
            fix="The answers so far are stored: run the same command with a larger budget, and only the rest is paid.",
        )
