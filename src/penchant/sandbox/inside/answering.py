"""How a candidate answers its examiner: each request is one call or one look at an object."""

from __future__ import annotations

import builtins
import operator
import types
from collections.abc import Callable
from typing import Any

from penchant.sandbox.inside.values import decoded, encoded
from penchant.sandbox.inside.wire import read_message, write_message

__all__ = ["OPERATIONS", "Answers"]


def _call(thing: Any, *arguments: Any, **named: Any) -> Any:
    return thing(*arguments, **named)


def _is_instance(thing: Any, kind: Any) -> bool:
    return isinstance(thing, kind)


#: What may be asked of an object, by name.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": _call,
    "isinstance": _is_instance,
    **{name: getattr(builtins, name) for name in ("getattr", "setattr", "len", "iter", "next", "bool", "str", "repr")},
    **{name: getattr(builtins, name) for name in ("hash", "int", "float", "abs", "round")},
    **{name: getattr(operator, name) for name in ("eq", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv")},
    **{name: getattr(operator, name) for name in ("floordiv", "mod", "neg", "getitem", "setitem", "delitem")},
}


class Answers:
    """Serves requests until the examiner has gone.

    Args:
        names: the names of the program's module.
        requests, answers: file descriptors.
    """

    def __init__(self, names: dict[str, Any], requests: int, answers: int) -> None:
        self._names, self._requests, self._answers = names, requests, answers
        self._objects: list[Any] = []

    def serve(self) -> None:
        """Answer until the examiner has gone."""
        while True:
            try:
                request = read_message(self._requests)
            except EOFError:
                return
            write_message(self._answers, self._answer(request))

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if request["do"] == "name":
                return self._named(request["name"])
            arguments = [self._decoded(each) for each in request["arguments"]]
            named = {name: self._decoded(each) for name, each in request["named"].items()}
            value = OPERATIONS[request["do"]](*arguments, **named)
            return {"value": self._encoded(value), "arguments": [self._encoded(each) for each in arguments]}
        except BaseException as error:
            return {"raised": type(error).__name__, "text": _text(error)}

    def _named(self, name: str) -> dict[str, Any]:
        if name not in self._names:
            return {"absent": True}
        value = self._names[name]
        if isinstance(value, types.ModuleType):
            return {"module": value.__name__}
        return {"value": self._encoded(value)}

    def _handle(self, value: Any) -> int:
        self._objects.append(value)
        return len(self._objects) - 1

    def _encoded(self, value: Any) -> Any:
        return encoded(value, self._handle)

    def _decoded(self, sent: Any) -> Any:
        return decoded(sent, self._object)

    def _object(self, handle: int) -> Any:
        """What a handle stands for: an object of the candidate, or, below zero, a function of the examiner."""
        return self._objects[handle] if handle >= 0 else self._callback(handle)

    def _callback(self, handle: int) -> Callable[..., Any]:
        def callback(*arguments: Any) -> Any:
            write_message(self._answers, {"callback": handle, "arguments": [self._encoded(each) for each in arguments]})
            while True:
                request = read_message(self._requests)
                if request["do"] == "returned":
                    return self._decoded(request["value"])
                write_message(self._answers, self._answer(request))

        return callback


def _text(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except BaseException:
        return ""
