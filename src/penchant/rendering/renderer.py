"""`Renderer`, which turns prompts and responses into tokens for training, scoring and generation."""

from __future__ import annotations

from typing import Any

from penchant.errors import DataError, ModelError, nearest
from penchant.feedback.records import Message, Record, Text
from penchant.rendering.boundary import continuation
from penchant.rendering.templates import BUILT_IN, AnswerEnd, answer_end, choose_template, special_texts
from penchant.rendering.text_tokens import TextTokens

__all__ = ["Renderer"]


class Renderer:
    """Tokenises prompts exactly as generation receives them, and responses exactly as they follow.

    A text prompt is tokenised unchanged, after a BOS token if the tokenizer adds one. Messages are rendered with the
    chat template and its generation prompt. A response ends with exactly one end token: the first special token that
    the template writes after an answer, or the tokenizer's ``eos``.

    Args:
        tokenizer: a tokenizer of ``transformers``.
        chat_template: None for the tokenizer's template; ``plain`` or ``chatml`` (built in); a path; or Jinja text.
        end_token: text of the token that ends every response, instead of the detected one.

    Raises:
        ModelError: there is no end token, or the template cannot be rendered.
        ConfigurationError: there is no such template.

    Example:
        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> from transformers import PreTrainedTokenizerFast
        >>> words = Tokenizer(models.WordLevel({"</s>": 0, "Hi": 1, "there": 2, "?": 3}, unk_token="?"))
        >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> renderer = Renderer(PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", unk_token="?"))
        >>> renderer.prompt_ids("Hi"), renderer.response_ids("Hi", " there")
        ([1], [2, 0])
    """

    def __init__(self, tokenizer: Any, *, chat_template: str | None = None, end_token: str | None = None) -> None:
        self.tokenizer = tokenizer
        self._tokens = TextTokens(tokenizer)
        self.chat_template = choose_template(chat_template, tokenizer)
        self._specials = special_texts(tokenizer)
        self._end = AnswerEnd("", "", None)
        if self.chat_template:
            self._end = answer_end(tokenizer, self.chat_template, end_token)
        self._leading = self._leading_ids()
        # A tokenizer's template adds BOS itself; the built-in templates leave that to the tokenizer.
        self._template_leads = self.chat_template in BUILT_IN.values()
        eos = getattr(tokenizer, "eos_token", None)
        self._text_end = self._known(end_token or eos or self._end.token)
        self._chat_end = self._known(end_token or self._end.token or eos)
        vocabulary = tokenizer.get_vocab()
        self._text_end_id, self._chat_end_id = vocabulary[self._text_end], vocabulary[self._chat_end]
        self._last: tuple[Text, str, list[int], int] | None = None

    def _known(self, token: str | None) -> str:
        """``token``, checked to be a single token of the vocabulary."""
        known = ", ".join(map(repr, self._specials)) or "none"
        if token is None:
            raise ModelError(
                "The tokenizer has no end-of-sequence token, and no chat template names one.",
                why="Without an end token a model never learns to stop.",
                fix=f"Set one with end_token=... (--end-token). Special tokens of this tokenizer: {known}.",
            )
        if token not in self.tokenizer.get_vocab():
            raise ModelError(
                f"The end token {token!r} is not a single token of the tokenizer's vocabulary.",
                fix=nearest(token, self._specials) if self._specials else "Add it to the tokenizer first.",
            )
        return token

    def _leading_ids(self) -> list[int]:
        """The ids that the tokenizer adds before every text (usually BOS); ids added after it are ignored."""
        bare = self._encode("a")
        full = list(self.tokenizer("a", add_special_tokens=True)["input_ids"])
        for start in range(len(full) - len(bare) + 1):
            if full[start : start + len(bare)] == bare:
                return full[:start]
        return []

    def _encode(self, text: str) -> list[int]:
        return self._tokens.ids(text)

    @property
    def end_token_id(self) -> int:
        """Id of the token that ends a response: that of the chat template if there is one, else the tokenizer's eos."""
        return self._chat_end_id if self.chat_template else self._text_end_id

    @property
    def stop_token_ids(self) -> list[int]:
        """Ids at which generation stops: the end token, then the tokenizer's eos if it differs."""
        eos = getattr(self.tokenizer, "eos_token_id", None)
        ends = [self.end_token_id, self._text_end_id, *([] if eos is None else [eos])]
        return list(dict.fromkeys(ends))

    def end_id(self, prompt: Text) -> int:
        """Id of the token that ends a response to this prompt: the template's for messages, eos for text."""
        return self._text_end_id if isinstance(prompt, str) else self._chat_end_id

    def keep_first(self, prompt_ids: list[int]) -> int:
        """Number of tokens that truncation must keep at the start of the prompt: 1 for a BOS token, else 0."""
        bos = getattr(self.tokenizer, "bos_token_id", None)
        lead = self._leading or ([] if bos is None else [bos])
        return len(lead) if prompt_ids[: len(lead)] == lead else 0

    def decode(self, ids: list[int], *, skip_special_tokens: bool = False) -> str:
        """The text of token ids with spaces unchanged, optionally without special tokens."""
        return self.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False)

    def prompt_text(self, prompt: Text) -> str:
        """The text that a prompt is tokenised from: the prompt itself, or its messages rendered with the chat template.

        Raises:
            ModelError: the prompt is messages and there is no chat template.
            DataError: the template rejects the messages.
        """
        return self._prompt(prompt)[0]

    def prompt_ids(self, prompt: Text) -> list[int]:
        """Token ids that generation receives for this prompt, with at most one BOS.

        Raises:
            ModelError: the prompt is messages and there is no chat template.
            DataError: the prompt renders to no tokens, or begins with two BOS tokens.
        """
        return list(self._prompt(prompt)[1])

    def response_ids(self, prompt: Text, response: Text) -> list[int]:
        """Token ids of a response to this prompt, with exactly one end token at the end.

        Args:
            prompt: a text or messages.
            response: a text, or one or more messages of assistant and tools.

        Raises:
            ModelError: the prompt is messages and there is no chat template.
            DataError: the prompt is a text and the response is messages, or the template rejects the conversation.
        """
        text, ids, lead = self._prompt(prompt)
        body = self._plain_body(response) if isinstance(prompt, str) else self._chat_body(prompt, text, response)
        return [*continuation(self._encode, self.decode, text, ids[lead:], body), self.end_id(prompt)]

    def render(self, record: Record) -> tuple[list[int], list[list[int]]]:
        """Token ids of a record's prompt and of each of its responses (for a comparison: chosen, rejected).

        Raises:
            DataError: see :meth:`prompt_ids` and :meth:`response_ids`; the error names the record's file and line.
        """
        try:
            prompt = self.prompt_ids(record.prompt)
            pairs = zip(record.answered, record.responses, strict=True)
            return prompt, [self.response_ids(answered, response) for answered, response in pairs]
        except DataError as error:
            raise DataError(error.what, where=str(record.source), why=error.why, fix=error.fix) from error

    def _prompt(self, prompt: Text) -> tuple[str, list[int], int]:
        """Text and ids of a prompt, and the number of ids added before the text; the last prompt is cached."""
        last = self._last
        if last is not None and last[0] == prompt:
            return last[1:]
        text = prompt if isinstance(prompt, str) else self._apply(prompt, generation=True)
        ids = self._encode(text)
        lead: list[int] = []
        if (isinstance(prompt, str) or self._template_leads) and ids[: len(self._leading)] != self._leading:
            lead = self._leading
        ids = lead + ids
        bos = getattr(self.tokenizer, "bos_token_id", None)
        if not ids:
            raise DataError(
                "The prompt renders to no tokens.",
                why="The first token of a response is predicted from the token before it.",
                fix="Give the record a prompt, or use a tokenizer that adds BOS.",
            )
        if bos is not None and ids[:2] == [bos, bos]:
            raise DataError(
                f"The prompt begins with two BOS tokens {self.tokenizer.bos_token!r}.",
                why="The model was not trained on two BOS tokens.",
                fix="Remove the token's text from the prompt, or from the chat template.",
            )
        self._last = (prompt if isinstance(prompt, str) else [dict(turn) for turn in prompt], text, ids, len(lead))
        return self._last[1:]

    def _apply(self, messages: list[Message], *, generation: bool) -> str:
        if not self.chat_template:
            raise ModelError(
                "The data contains chat messages, but the tokenizer has no chat template.",
                why="The template defines the chat format; a wrong one trains the model on an unused format.",
                fix="Choose a built-in one: chat_template=plain (--chat-template plain) writes 'User: ...' lines and "
                "works with any tokenizer; chatml writes <|im_start|> turns. Or give the path of a Jinja file.",
            )
        try:
            return self.tokenizer.apply_chat_template(
                messages, chat_template=self.chat_template, tokenize=False, add_generation_prompt=generation
            )
        except Exception as error:
            roles = ", ".join(str(turn.get("role")) for turn in messages)
            raise DataError(
                f"The chat template rejects this conversation (roles: {roles}): {error}.",
                fix="Correct the turns, or choose another template (--chat-template plain).",
            ) from error

    def _plain_body(self, response: Text) -> str:
        if not isinstance(response, str):
            content = response[0].get("content") if len(response) == 1 else None
            if not isinstance(content, str):
                raise DataError(
                    "The prompt is text, but the response is chat messages.",
                    fix="Use messages for both, or text for both.",
                )
            response = content
        return _without_end(response, self._text_end)

    def _chat_body(self, prompt: list[Message], text: str, response: Text) -> str:
        """The response as the template renders it after ``text``, without the end token."""
        turns = [{"role": "assistant", "content": response}] if isinstance(response, str) else response
        full = self._apply([*prompt, *turns], generation=False)
        tail = self._end.tail
        if full.startswith(text):
            rest = full[len(text) :]
        elif len(turns) == 1 and isinstance(turns[0].get("content"), str):
            # The generation prompt adds text that answers in the history do not have, such as a thinking tag.
            rest = turns[0]["content"] + tail
        else:
            rest = self._after_history(prompt, text, full)
        if tail and rest.endswith(tail):
            rest = rest[: -len(tail)]
        return _without_end(rest, self._chat_end) + self._end.before

    def _after_history(self, prompt: list[Message], text: str, full: str) -> str:
        history = self._apply(prompt, generation=False)
        if not full.startswith(history):
            raise DataError(
                "The chat template renders the history of this conversation differently when an answer follows it.",
                why="The model would be trained on another prompt than it receives in generation.",
                fix="Choose another template (--chat-template chatml or plain).",
            )
        opening, rest = text[len(history) :], full[len(history) :]
        shared = next((at for at, (a, b) in enumerate(zip(opening, rest, strict=False)) if a != b), len(opening))
        return rest[shared:]


def _without_end(text: str, end_token: str) -> str:
    """``text`` without trailing end tokens."""
    while text.rstrip().endswith(end_token):
        text = text.rstrip()[: -len(end_token)]
    return text
