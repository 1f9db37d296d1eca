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
        skips: a question that does not fit into the model's context gets an empty answer; otherwise it is an error.

    Raises:
        ModelError: the model cannot be loaded.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        max_new_tokens: int,
        temperature: float,
        batch_size: int,
        skips: bool = False,
    ) -> None:
        named = isinstance(model, str)
        if tokenizer is None and not named:
            raise ModelError("The judge's model is given in memory, without a tokenizer.")
        tokenizer = load_tokenizer(model) if tokenizer is None else tokenizer
        self.network = (load_model(model) if named else model).eval()
        self.renderer = Renderer(tokenizer)
        self.max_new_tokens, self.temperature, self.batch_size = max_new_tokens, temperature, batch_size
        self.skips = skips
        self.limit = length_limit(str(model) if named else "", self.network, tokenizer)

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)

    def ask(self, questions: Sequence[Question]) -> list[ChatAnswer]:
        """See `penchant.rewards.answerers.Answerer.ask`.

        Raises:
            ConfigurationError: a question does not fit into the model's context.
        """
        found = {place: ChatAnswer("") for place in range(len(questions))}
        fitting = [place for place, each in enumerate(questions) if self._fits(each)]
        chosen = [place for place in fitting if questions[place].words]
        for place, first in zip(chosen, self._probabilities([questions[at] for at in chosen]), strict=True):
            found[place] = ChatAnswer("", 0, first)
        written = [place for place in fitting if not questions[place].words]
        for place, text in zip(written, self._texts([questions[at] for at in written]), strict=True):
            found[place] = ChatAnswer(text)
        return [found[place] for place in range(len(questions))]

    def prompt(self, messages: Sequence[Message]) -> Text:
        """The messages as the model reads them: as they are, or as one text without a chat template."""
        if self.renderer.chat_template is not None:
            return list(messages)
        return "\n\n".join(as_text([message]) for message in messages) + "\n\n"

    def _fits(self, question: Question) -> bool:
        """Whether a question and its answer fit into the context.

        Raises:
            ConfigurationError: it does not, and such questions are not skipped.
        """
        # A word is a few tokens.
        size, room = len(self._prompt_ids(question)), 4 if question.words else self.max_new_tokens
        if self.limit is None or size + room <= self.limit:
            return True
        if self.skips:
            return False
        raise ConfigurationError(
            f"A question to the judge has {size:,} tokens and leaves no room for {room} more within the {self.limit:,} "
            "of its model.",
            where="judge",
            why="A judge that reads only a part of the responses would compare other texts.",
            fix="Use a model with a longer context, a smaller max_new_tokens, or too_long=skip: such responses then "
            "have no verdict.",
        )

    def _prompt_ids(self, question: Question) -> list[int]:
        return self.renderer.prompt_ids(self.prompt(question.messages))

    def _probabilities(self, questions: Sequence[Question]) -> list[dict[str, float]]:
        """The probability of each word as the beginning of the answer."""
        prompts: list[list[int]] = []
        answers: list[list[int]] = []
        for question in questions:
            prompt = self.prompt(question.messages)
            words = word_ids(self.renderer, prompt, question.words)
            prompts += [self._prompt_ids(question)] * len(words)
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
                [self._prompt_ids(questions[place]) for place in places],
                max_new_tokens=self.max_new_tokens,
                temperature=self.temperature,
                stop_token_ids=self.renderer.stop_token_ids,
                seed=draw,
                batch_size=self.batch_size,
            )
            for place, [tokens] in zip(places, given, strict=True):
                texts[place] = self.renderer.decode(tokens, skip_special_tokens=True)
        return [texts[place] for place in range(len(questions))]
