"""`LocalAnswerer`: a causal language model in this process as what an LLM judge asks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Message, Text, as_text
from penchant.generation.chat_answers import ChatAnswer
from penchant.generation.engine import generate
from penchant.likelihood.context import length_limit
from penchant.likelihood.loading import load_model
from penchant.likelihood.logps import sequence_logps
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.answer_words import word_ids
from penchant.rewards.answerers import Question

__all__ = ["LocalAnswerer"]


class LocalAnswerer:
    """Generates answers, or computes the probabilities of two words as the beginning of the answer.

    Without a chat template, the contents of the messages are a plain text that the model continues.

    Args:
        model: a folder, a hub id, or a model in memory.
        tokenizer: required if the model is given in memory.
        max_new_tokens: maximum tokens of an answer.
        temperature: of sampling; 0 means greedy decoding.
        batch_size: sequences per forward pass.

    Raises:
        ModelError: the model cannot be loaded.
    """

    def __init__(
        self, model: Any, tokenizer: Any = None, *, max_new_tokens: int, temperature: float, batch_size: int
    ) -> None:
        named = isinstance(model, str)
        if tokenizer is None and not named:
            raise ModelError("The judge's model is given in memory, without a tokenizer.")
        tokenizer = load_tokenizer(model) if tokenizer is None else tokenizer
        self.network = (load_model(model) if named else model).eval()
        self.renderer = Renderer(tokenizer)
        self.max_new_tokens, self.temperature, self.batch_size = max_new_tokens, temperature, batch_size
        self.limit = length_limit(str(model) if named else "", self.network, tokenizer)

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)

    def ask(self, questions: Sequence[Question]) -> list[ChatAnswer]:
        """See `penchant.rewards.answerers.Answerer.ask`.

        Raises:
            ConfigurationError: a question does not fit into the model's context.
        """
        found: dict[int, ChatAnswer] = {}
        chosen = [place for place, each in enumerate(questions) if each.words]
        for place, first in zip(chosen, self._probabilities([questions[at] for at in chosen]), strict=True):
            found[place] = ChatAnswer("", 0, first)
        written = [place for place, each in enumerate(questions) if not each.words]
        for place, text in zip(written, self._texts([questions[at] for at in written]), strict=True):
            found[place] = ChatAnswer(text)
        return [found[place] for place in range(len(questions))]

    def prompt(self, messages: Sequence[Message]) -> Text:
        """The messages as the model reads them: as they are, or as one text without a chat template."""
        if self.renderer.chat_template is not None:
            return list(messages)
        return "\n\n".join(as_text([message]) for message in messages) + "\n\n"

    def _prompt_ids(self, question: Question, room: int) -> list[int]:
        ids = self.renderer.prompt_ids(self.prompt(question.messages))
        if self.limit is not None and len(ids) + room > self.limit:
            raise ConfigurationError(
                f"A question to the judge has {len(ids):,} tokens and leaves no room for {room} more within the "
                f"{self.limit:,} of its model.",
                where="judge",
                why="A judge that reads only a part of the responses would compare other texts.",
                fix="Use a model with a longer context, a smaller max_new_tokens, or shorter responses.",
            )
        return ids

    def _probabilities(self, questions: Sequence[Question]) -> list[dict[str, float]]:
        """The probability of each word as the beginning of the answer."""
        prompts: list[list[int]] = []
        answers: list[list[int]] = []
        for question in questions:
            prompt = self.prompt(question.messages)
            words = word_ids(self.renderer, prompt, question.words)
            ids = self._prompt_ids(question, max(map(len, words)))
            prompts += [ids] * len(words)
            answers += words
        logps = iter(sequence_logps(self.network, prompts, answers, batch_size=self.batch_size))
        return [{word: math.exp(next(logps)) for word in question.words} for question in questions]

    def _texts(self, questions: Sequence[Question]) -> list[str]:
        texts: dict[int, str] = {}
        # Every draw has a seed of its own, and with it other random numbers.
        for draw in sorted({each.draw for each in questions}):
            places = [place for place, each in enumerate(questions) if each.draw == draw]
            given = generate(
                self.network,
                self.renderer.tokenizer,
                [self._prompt_ids(questions[place], self.max_new_tokens) for place in places],
                max_new_tokens=self.max_new_tokens,
                temperature=self.temperature,
                stop_token_ids=self.renderer.stop_token_ids,
                seed=draw,
                batch_size=self.batch_size,
            )
            for place, [tokens] in zip(places, given, strict=True):
                texts[place] = self.renderer.decode(tokens, skip_special_tokens=True)
        return [texts[place] for place in range(len(questions))]
