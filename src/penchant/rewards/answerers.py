"""`Answerer`, what an LLM judge asks: a server or a model in this process; and `EndpointAnswerer`, the server."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from penchant.addresses import checked, is_local, server_of, shown
from penchant.feedback.records import Message
from penchant.generation.answers import TooLong
from penchant.generation.chat_answers import ChatAnswer, chat_answer_in
from penchant.generation.requests import Patience, Requests, key_in
from penchant.rewards.budget import Budget
from penchant.rewards.calls import StoredCalls, call_key, calls_folder

__all__ = ["Answerer", "EndpointAnswerer", "Question", "share_of"]

STORED = "The answers so far are stored: run the same command again, and only the rest is asked."
# Likely first tokens that a server is asked for; servers allow no more.
LIKELY = 20


@dataclass(frozen=True)
class Question:
    """One call of a judge.

    Args:
        messages: the conversation.
        words: two words whose probabilities as the first of the answer are wanted; empty for a text.
        draw: number of the sample, if the same question is asked several times.
    """

    messages: Sequence[Message]
    words: tuple[str, ...] = field(default=())
    draw: int = 0


class Answerer(Protocol):
    """Answers questions of a judge, as many at a time as it can."""

    def ask(self, questions: Sequence[Question]) -> list[ChatAnswer]:
        """The answers, in order; ``first`` holds the probabilities of a question's words."""

    def to(self, device: Any) -> None:
        """Move a model in this process to a device."""


def share_of(first: Mapping[str, float], words: Sequence[str]) -> float | None:
    """The probability of the first of two words, relative to both; None if neither is likely.

    p = p(first) / (p(first) + p(second)); a token counts for a word if it is the word but for case and outer spaces.

    Example:
        >>> share_of({"A": 0.25, " A": 0.125, "B": 0.125, "The": 0.5}, ("A", "B"))
        0.75
    """
    sums = [sum(own for token, own in first.items() if token.strip().lower() == word.lower()) for word in words]
    total = sum(sums)
    return sums[0] / total if total > 0 else None


class EndpointAnswerer:
    """Asks a server by ``POST {url}/chat/completions``, several requests at a time; answers are stored on disk.

    Args:
        url: address of the server up to and including ``/v1``.
        model: name of the model on the server.
        sampling: ``temperature``, ``max_tokens`` and other keys of the request.
        patience: attempts and time-outs.
        parallel: number of concurrent requests.
        budget: limits.
        store: file of the stored answers; None for one of the server and model in the cache folder.
        key_name: environment variable of the key.

    Raises:
        ConfigurationError: the address or the key cannot be used.
        OutputError: the store cannot be used.
    """

    def __init__(
        self,
        url: str,
        model: str,
        sampling: Mapping[str, Any],
        patience: Patience,
        *,
        parallel: int,
        budget: Budget,
        store: Path | None = None,
        key_name: str = "OPENAI_API_KEY",
    ) -> None:
        address = checked(url, "judge.url")
        self.model, self.sampling, self.budget = model, dict(sampling), budget
        self.server = shown(address)
        own = server_of(address)
        name = call_key(own, {"model": model})[:16]
        self.calls = StoredCalls(calls_folder() / f"{name}.jsonl" if store is None else store, own)
        #: Questions whose answers were stored before.
        self.found = 0
        key = key_in(key_name)
        self.requests = Requests(
            address, "chat/completions", key, patience, parallel, turn=budget.turn, fix=STORED, key_name=key_name
        )
        self._notice = _notice(self.server, address, f" and the key of {key_name}" if key else "")

    def to(self, device: Any) -> None:
        """See `Answerer.to`: nothing is on this machine."""

    def ask(self, questions: Sequence[Question]) -> list[ChatAnswer]:
        """See `Answerer.ask`; equal questions are asked once, stored ones not at all.

        A question that is longer than the server's context has an empty answer, which is not stored.

        Raises:
            ConfigurationError: the budget is spent.
            ModelError: the server cannot be reached, or gives no usable answer.
        """
        bodies = [self._body(each) for each in questions]
        missing: dict[str, tuple[dict[str, Any], Question]] = {}
        for body, question in zip(bodies, questions, strict=True):
            if self.calls.get(body) is None:
                missing.setdefault(call_key(self.calls.server, body), (body, question))
            else:
                self.found += 1
        if missing:
            self._ask(list(missing.values()))
        return [self.calls.get(body) or ChatAnswer("") for body in bodies]

    def _ask(self, missing: Sequence[tuple[dict[str, Any], Question]]) -> None:
        if self._notice:
            logging.getLogger("penchant").info(self._notice)
            self._notice = ""
        allowed = self.budget.allowance(len(missing))
        sent = missing[:allowed]

        def read(place: int, answer: Any) -> None:
            body, question = sent[place]
            found = chat_answer_in(answer, probabilities=bool(question.words))
            self.budget.spend(found.tokens)
            self.calls.put(body, found)

        refused: list[TooLong] = []
        longest = 2**20 + 6 * 1024 * int(self.sampling.get("max_tokens", 1024))
        self.requests.ask(
            [body for body, _question in sent],
            read,
            longest=longest,
            finish=True,
            too_long=lambda _place, error: refused.append(error),
        )
        if refused:
            logging.getLogger("penchant").warning(
                "%d of %d questions are longer than the context of the server %s and have no answer. Of the first: %s "
                "Use a model with a longer context, or a smaller max_new_tokens.",
                len(refused),
                len(sent),
                self.server,
                refused[0].what,
            )
        if allowed < len(missing):
            raise self.budget.exhausted()

    def _body(self, question: Question) -> dict[str, Any]:
        body = {"model": self.model, "messages": list(question.messages), **self.sampling}
        if question.words:
            body |= {"max_tokens": 1, "logprobs": True, "top_logprobs": LIKELY}
        return body | ({"seed": question.draw} if question.draw else {})


def _notice(server: str, address: str, key: str) -> str:
    open_ = key and address.startswith("http:") and not is_local(address)
    return f"Prompts, responses{key} go to the server {server}{', without encryption' if open_ else ''}."
