"""The candidate as its examiner sees it: names, calls, and stand-ins for the objects that it keeps."""

from __future__ import annotations

import builtins
from typing import Any

from penchant.sandbox.inside.values import decoded, encoded
from penchant.sandbox.inside.wire import read_message, write_message

__all__ = ["Candidate", "CandidateError", "Remote"]

# Methods of plain values that are themselves a verdict: an object in place of a text must not answer them.
_VERDICTS = {name for name in dir(str) if name.startswith("is")}
_VERDICTS |= {"startswith", "endswith", "issubset", "issuperset", "isdisjoint", "count", "find", "index", "equals"}


class CandidateError(Exception):
    """The candidate raised an exception of its own, ended, or answered with something malformed."""


class Candidate:
    """The other end of the channel.

    Args:
        answers, requests: file descriptors.
    """

    def __init__(self, answers: int, requests: int) -> None:
        self._answers, self._requests = answers, requests
        self._functions: list[Any] = []

    def look_up(self, name: str) -> dict[str, Any]:
        """What the program's module has under a name: ``value``, ``module`` or neither."""
        found = self._exchange({"do": "name", "name": name})
        return found if isinstance(found, dict) else {}

    def ask(self, operation: str, *arguments: Any, **named: Any) -> Any:
        """One operation on the candidate's side; what it does to lists, sets and dictionaries is done here too."""
        sent = [self.encoded(each) for each in arguments]
        asked = {name: self.encoded(each) for name, each in named.items()}
        answer = self._exchange({"do": operation, "arguments": sent, "named": asked})
        while isinstance(answer, dict) and "callback" in answer:
            answer = self._exchange({"do": "returned", "value": self.encoded(self._called(answer))})
        if not isinstance(answer, dict):
            raise CandidateError("The program answered with something malformed.")
        if "raised" in answer:
            raise _exception(str(answer["raised"]), str(answer.get("text", "")))
        changed = answer["arguments"]
        for mine, before, after in zip(arguments, sent, changed, strict=False):
            if before != after and isinstance(mine, list | set | dict | bytearray):
                _become(mine, self.decoded(after))
        return self.decoded(answer["value"])

    def decoded(self, sent: Any) -> Any:
        """The value that was sent, or a stand-in."""
        return decoded(sent, self._stand_in)

    def encoded(self, value: Any) -> Any:
        """A value to send; functions of the tests become callbacks."""
        return encoded(value, self._handle)

    def _stand_in(self, handle: Any) -> Any:
        return Remote(self, handle) if handle >= 0 else self._functions[-handle - 1]

    def _handle(self, value: Any) -> int:
        if isinstance(value, Remote):
            return vars(value)["_handle"]
        self._functions.append(value)
        return -len(self._functions)

    def _called(self, answer: dict[str, Any]) -> Any:
        function = self._functions[-int(answer["callback"]) - 1]
        return function(*map(self.decoded, answer["arguments"]))

    def _exchange(self, message: dict[str, Any]) -> Any:
        try:
            write_message(self._requests, message)
            return read_message(self._answers)
        except (EOFError, BrokenPipeError):
            raise CandidateError("The program has ended.") from None


class Remote:
    """An object of the candidate.

    It can be called, its attributes and items read, and it can be compared with other objects of the candidate. It
    equals no plain value, and does no arithmetic with one: it would decide its own test.
    """

    def __init__(self, candidate: Candidate, handle: int) -> None:
        vars(self).update(_candidate=candidate, _handle=handle)

    def __getattr__(self, name: str) -> Any:
        if name in _VERDICTS:
            raise CandidateError(f"An object of the program's own class is not asked for {name!r}; a plain value is.")
        return _ask(self, "getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "setattr", name, value)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return vars(self)["_candidate"].ask("call", self, *arguments, **named)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Remote) and _ask(value, "isinstance", self) is True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and _ask(self, "eq", other) is True

    def __contains__(self, value: Any) -> bool:
        return any(each == value for each in self)

    def __iter__(self) -> Any:
        return _ask(self, "iter")

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        _ask(self, "delitem", key)


def _ask(thing: Remote, operation: str, *arguments: Any) -> Any:
    return vars(thing)["_candidate"].ask(operation, thing, *arguments)


def _unary(operation: str) -> Any:
    def method(self: Remote) -> Any:
        return _ask(self, operation)

    return method


def _binary(operation: str) -> Any:
    def method(self: Remote, other: Any) -> Any:
        return _ask(self, operation, other) if isinstance(other, Remote) else NotImplemented

    return method


for _name in ("len", "bool", "str", "repr", "hash", "int", "float", "neg"):
    setattr(Remote, f"__{_name}__", _unary(_name))
for _name in ("lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod"):
    setattr(Remote, f"__{_name}__", _binary(_name))


def _become(mine: Any, other: Any) -> None:
    """Change a collection in place to what the candidate made of it."""
    if type(mine) is not type(other):
        return
    if isinstance(mine, list | bytearray):
        mine[:] = other
    else:
        mine.clear()
        mine.update(other)


def _exception(name: str, text: str) -> Exception:
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(text)
        except TypeError:
            pass
    return CandidateError(f"{name}: {text}")
