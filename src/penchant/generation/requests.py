"""`Requests`: JSON requests to a server that may be busy, slow or wrong, many at a time, each with its time-outs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from penchant.addresses import is_local, secrets_of, shown, without_secrets
from penchant.errors import ConfigurationError, ModelError
from penchant.generation.answers import BadAnswer, Busy, Long, Refused, TooLong, check, parsed

if TYPE_CHECKING:
    import httpx2

__all__ = ["Patience", "Requests", "key_in"]

A = TypeVar("A")

# Characters of what a server said that a message repeats.
SHOWN = 200
RESUME = "What was done is kept: run the same command with --resume."


@dataclass(frozen=True)
class Patience:
    """How often and how long a request is tried.

    Args:
        timeout: seconds until one attempt is given up, from the connection to the last byte of the answer.
        total_timeout: seconds for all attempts of one request, with the pauses between them.
        attempts: number of attempts.
        pause: seconds before the second attempt; doubles with every further one.
        longest_pause: limit of a pause, and of what a server's ``Retry-After`` may ask for, in seconds.
    """

    timeout: float = 300.0
    total_timeout: float = 900.0
    attempts: int = 4
    pause: float = 1.0
    longest_pause: float = 60.0


class Requests:
    """Sends JSON to one address of a server, with retries.

    Redirects are not followed: the key and the prompts would go to an address that nobody gave.

    Args:
        address: of the server; its secrets are in no message.
        path: appended to the address: ``completions``.
        key: sent as ``Authorization: Bearer``; None for no key.
        patience: attempts and time-outs.
        parallel: number of requests at the same time.
        turn: awaited before every attempt: a limit of requests per minute, or an error that ends the work.
        fix: the last sentence of an error: what becomes of the finished requests.
        key_name: the environment variable of the key, for errors.
        plain: answers may be plain text, which is not parsed.
    """

    def __init__(
        self,
        address: str,
        path: str,
        key: str | None,
        patience: Patience,
        parallel: int,
        *,
        turn: Callable[[], Awaitable[None]] | None = None,
        fix: str = RESUME,
        key_name: str = "OPENAI_API_KEY",
        plain: bool = False,
    ) -> None:
        self.address, self.path, self.patience, self.parallel = address, path, patience, parallel
        self.key, self.turn, self.fix, self.key_name, self.plain = key, turn, fix, key_name, plain
        # It logs the address of every request.
        logging.getLogger("httpx2").setLevel(logging.WARNING)

    def ask(
        self,
        bodies: Sequence[Any],
        read: Callable[[int, Any], A],
        *,
        longest: int,
        finish: bool = False,
        too_long: Callable[[int, TooLong], A] | None = None,
    ) -> list[A]:
        """Send requests, and read their answers.

        Args:
            bodies: what to send.
            read: makes the result from the place of a request and its answer; raises `BadAnswer` if it cannot be used.
            longest: maximum bytes of an answer.
            finish: after a failure, wait for the answers to requests that are under way and read them, since they are
                paid for; no further one is sent. Otherwise they are given up.
            too_long: makes the result of a request that is longer than the server's context; absent: it is an error.

        Raises:
            ModelError: a request has no usable answer after all its attempts, or the server refuses it.
        """
        return _apart(self._all(bodies, read, longest, finish, too_long))

    async def _all(
        self,
        bodies: Sequence[Any],
        read: Callable[[int, Any], A],
        longest: int,
        finish: bool,
        too_long: Callable[[int, TooLong], A] | None,
    ) -> list[A]:
        import httpx2

        limits = httpx2.Limits(max_connections=self.parallel)
        gate = asyncio.Semaphore(self.parallel)
        # Proxies of the environment are for other hosts than this machine.
        outside = not is_local(self.address)
        async with httpx2.AsyncClient(timeout=None, limits=limits, follow_redirects=False, trust_env=outside) as client:
            failed: list[Exception] = []
            found: dict[int, A] = {}

            async def one(place: int) -> None:
                async with gate:
                    if failed:
                        return
                    try:
                        found[place] = await self._one(
                            client, bodies[place], lambda answer: read(place, answer), longest
                        )
                    except Exception as error:
                        if isinstance(error, TooLong) and too_long is not None:
                            found[place] = too_long(place, error)
                            return
                        failed.append(error)
                        if not finish:
                            raise

            try:
                async with asyncio.TaskGroup() as group:
                    for place in range(len(bodies)):
                        group.create_task(one(place))
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None
        if failed:
            raise failed[0]
        return [found[place] for place in range(len(bodies))]

    async def _one(self, client: httpx2.AsyncClient, body: Any, read: Callable[[Any], A], longest: int) -> A:
        """The result of one request, after as many attempts as it takes and may take."""
        patience, clock = self.patience, asyncio.get_running_loop()
        end = clock.time() + patience.total_timeout
        reason, attempt, kind = "", 0, ModelError
        while attempt < patience.attempts and clock.time() < end:
            attempt += 1
            pause = min(patience.longest_pause, patience.pause * 2.0 ** min(attempt - 1, 30) * random.uniform(1, 1.25))
            if self.turn is not None:
                await self.turn()
            try:
                limit = min(patience.timeout, end - clock.time())
                async with asyncio.timeout(limit):
                    content = await self._send(client, body, longest)
                return read(content if self.plain else parsed(content))
            except TimeoutError:
                reason = f"no whole answer within {limit:.3g} seconds"
            except BadAnswer as error:
                reason = self._shown(error)
                if isinstance(error, Refused):
                    kind = TooLong if isinstance(error, Long) else ModelError
                    break
                if isinstance(error, Busy):
                    pause = min(patience.longest_pause, max(pause, error.pause))
            if attempt < patience.attempts and clock.time() + pause < end:
                await asyncio.sleep(pause)
            else:
                break
        raise self._failed(reason, attempt, kind)

    async def _send(self, client: httpx2.AsyncClient, body: Any, longest: int) -> bytes:
        """The body of a good answer; its size is limited while it arrives."""
        import httpx2

        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        content = bytearray()
        try:
            url = httpx2.URL(self.address)
            url = url.copy_with(path=f"{url.path.rstrip('/')}/{self.path}")
            async with client.stream("POST", url, content=json.dumps(body).encode(), headers=headers) as answer:
                good = answer.status_code == 200
                async for piece in answer.aiter_raw():
                    content += piece
                    if len(content) > (longest if good else 10_000):
                        break
        except httpx2.InvalidURL:
            raise Refused("the address cannot be asked") from None
        except httpx2.HTTPError as error:
            raise BadAnswer(type(error).__name__, str(error)) from None
        check(answer, bytes(content), self.address, longest=longest, plain=self.plain)
        return bytes(content)

    def _shown(self, error: BadAnswer) -> str:
        """What was wrong, with what the server said on one line and without secrets."""
        hidden = [*([self.key] if self.key else []), *secrets_of(self.address)]
        said = _one_line(without_secrets(error.said, hidden))
        return f"{error.what}: {said}" if said else error.what

    def _failed(self, reason: str, attempts: int, kind: type[ModelError]) -> ModelError:
        tried = "" if attempts == 1 else f" after {attempts} attempts"
        return kind(
            f"The server did not answer as expected{tried} ({reason}).",
            where=shown(self.address),
            fix=f"{self._remedy(reason)} {self.fix}",
        )

    def _remedy(self, reason: str) -> str:
        if reason.startswith("status 429"):
            return "It limits how often it is asked: ask later, or less at once (parallel=1; per_minute)."
        return f"Check that it runs, that the url ends in /v1, the name of the model, and the key in {self.key_name}."


def key_in(name: str) -> str | None:
    """The key that an environment variable holds; None if it is absent or empty.

    Args:
        name: of the variable.

    Raises:
        ConfigurationError: it holds a character that a header cannot hold.
    """
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            "The key holds a character that is not printable ASCII.", where=name, fix="Set it again."
        )
    return key or None


def _apart(work: Coroutine[Any, Any, A]) -> A:
    """Run a coroutine in a thread of its own, because a notebook has a running loop in this one.

    An interrupt here ends the requests that are under way.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return running.result()
    finally:
        running.cancel()
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(_ended(), loop).result(timeout=5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
        if not thread.is_alive():
            loop.close()


async def _ended() -> None:
    """Wait until all other tasks of the loop are over."""
    others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    await asyncio.gather(*others, return_exceptions=True)


def _one_line(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(printable.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."
