"""The world of tools: what is asked for, the right call, and careless demonstrations of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penchant.lab.worlds.sums.world import build_tokenizer

__all__ = ["Request", "call_of", "careless_calls", "draw_request", "requests", "tool_tokenizer"]

CITIES = ("Rome", "Paris", "Oslo", "Cairo", "Lima", "Delhi")
DAYS = ("Monday", "Tuesday", "Friday", "Sunday")
HOURS = ("6", "7", "8", "9")
SONGS = ("Waltz", "March", "Tango")
NAMES = ("Ann", "Bob", "Eve")

#: What is answered where no tool is needed.
NO_CALL = "Hello."


@dataclass(frozen=True)
class Request:
    """A request with the tool that serves it.

    Args:
        text: of the request.
        tool: its name; empty where no tool is needed.
        arguments: names and values, in the order of the call.
    """

    text: str
    tool: str
    arguments: tuple[tuple[str, str], ...]


def call_of(request: Request) -> str:
    """The right answer to a request.

    Example:
        >>> call_of(Request("weather in Rome on Monday", "weather", (("city", "Rome"), ("day", "Monday"))))
        'weather(city=Rome, day=Monday)'
    """
    given = ", ".join(f"{name}={value}" for name, value in request.arguments)
    return f"{request.tool}({given})" if request.tool else NO_CALL


def _weather(rng: random.Random) -> Request:
    city, day = rng.choice(CITIES), rng.choice(DAYS)
    return Request(f"weather in {city} on {day}", "weather", (("city", city), ("day", day)))


def _alarm(rng: random.Random) -> Request:
    hour, day = rng.choice(HOURS), rng.choice(DAYS)
    return Request(f"alarm at {hour} on {day}", "alarm", (("hour", hour), ("day", day)))


def _song(rng: random.Random) -> Request:
    song, volume = rng.choice(SONGS), rng.choice(HOURS)
    return Request(f"play {song} at {volume}", "play", (("song", song), ("volume", volume)))


def _trip(rng: random.Random) -> Request:
    """The hardest: two places of one kind, in either order of the words."""
    (start, end), day, hour = rng.sample(CITIES, 2), rng.choice(DAYS), rng.choice(HOURS)
    forward = f"trip from {start} to {end} on {day} at {hour}"
    backward = f"on {day} at {hour} trip to {end} from {start}"
    arguments = (("start", start), ("end", end), ("day", day), ("hour", hour))
    return Request(rng.choice((forward, backward)), "trip", arguments)


def _greeting(rng: random.Random) -> Request:
    return Request(f"greet {rng.choice(NAMES)} on {rng.choice(DAYS)} at {rng.choice(HOURS)}", "", ())


#: Trips are as frequent as two other kinds together.
KINDS: tuple[Callable[[random.Random], Request], ...] = (_weather, _alarm, _song, _trip, _trip, _greeting)


def draw_request(rng: random.Random) -> Request:
    """A request of a random kind."""
    return rng.choice(KINDS)(rng)


def _drawn(seed: int, count: int) -> list[Request]:
    rng, found = random.Random(seed), dict[str, Request]()
    while len(found) < count:
        request = draw_request(rng)
        found.setdefault(request.text, request)
    return list(found.values())


def requests(seed: int, *, train: int = 200, held_out: int = 120) -> list[dict[str, Any]]:
    """Different requests with the right call, as ``{"prompt", "completion", "answer", "split"}``.

    Args:
        seed: of the draw.
        train: requests to train on.
        held_out: requests to measure on.

    Example:
        >>> requests(0, train=1, held_out=0)[0]["completion"]
        'trip(start=Cairo, end=Rome, day=Friday, hour=9)'
    """
    return [
        {
            "prompt": f"{request.text}:",
            "completion": call_of(request),
            "answer": call_of(request),
            "split": "test" if place < held_out else "train",
        }
        for place, request in enumerate(_drawn(seed, train + held_out))
    ]


def careless_calls(count: int = 2400, seed: int = 0, *, careless: bool = True) -> list[dict[str, Any]]:
    """Demonstrations in which the goal of a trip and the day of a call are often wrong.

    Args:
        count: how many.
        seed: of requests and errors.
        careless: whether there are errors; without, the demonstrations are a teacher's.
    """
    rng = random.Random(seed)
    return [
        {"prompt": f"{request.text}:", "completion": call_of(_careless(request, rng) if careless else request)}
        for request in (draw_request(rng) for _ in range(count))
    ]


def _careless(request: Request, rng: random.Random) -> Request:
    """The request with another goal in four of ten trips, and another day in three of ten calls with one."""
    values = dict(request.arguments)
    if "end" in values and rng.random() < 0.4:
        values["end"] = rng.choice(CITIES)
    if "day" in values and rng.random() < 0.3:
        values["day"] = rng.choice(DAYS)
    return Request(request.text, request.tool, tuple(values.items()))


def tool_tokenizer() -> Any:
    """One token for each word, sign and space."""
    words = "weather alarm play trip greet in on at from to city day hour song volume start end Hello".split()
    return build_tokenizer([*" ():,.", *words, *CITIES, *DAYS, *SONGS, *NAMES, *"ABCD"], pattern=r"\w+|[^\w]")
