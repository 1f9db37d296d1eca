"""From text to tokens: the one renderer for training, scoring and generation."""

from __future__ import annotations

from typing import Any

from penchant.errors import DataError, ModelError, nearest
from penchant.feedback.records import Message, Record, Text
from penchant.rendering.boundary import continuation
from penchant.rendering.templates import BUILT_IN, AnswerEnd, answer_end, choose_template, special_texts

__all__ = ["Renderer"]


class Renderer:
    """Tokenises prompts exactly as generation is fed them, and responses exactly as they follow.

    A text prompt is tokenised as it stands, behind the BOS token where the tokenizer writes one. Messages go through
    the chat template with its generation prompt. A response is what follows, up to and including exactly one end
    token: the first special token that the template writes behind an answer, or the tokenizer's ``eos``.

    Args:
        tokenizer: a tokenizer of ``transformers``.
        chat_template: nothing for the tokenizer's own; ``plain`` or ``chatml``, built in; a path; or jinja text.
        end_token: text of the token that ends every response, instead of the one found.

    Raises:
        ModelError: when there is no end token, or the template cannot be rendered.
        ConfigurationError: when there is no such template.

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
        self.chat_template = choose_template(chat_template, tokenizer)
        self._specials = special_texts(tokenizer)
        self._end = AnswerEnd("", "", None)
        if self.chat_template:
            self._end = answer_end(tokenizer, self.chat_template, end_token)
        self._leading = self._leading_ids()
        # A tokenizer's own template places BOS itself; the built-in ones leave it to the tokenizer.
        self._template_leads = self.chat_template in BUILT_IN.values()
        eos = getattr(tokenizer, "eos_token", None)
        self._text_end = self._known(end_token or eos or self._end.token)
        self._chat_end = self._known(end_token or self._end.token or eos)
        vocabulary = tokenizer.get_vocab()
        self._text_end_id, self._chat_end_id = vocabulary[self._text_end], vocabulary[self._chat_end]
        self._last: tuple[Text, str, list[int], int] | None = None

    def _known(self, token: str | None) -> str:
        """``token`` if the vocabulary has it as one token."""
        known = ", ".join(map(repr, self._specials)) or "none"
        if token is None:
            raise ModelError(
                "The tokenizer has no end-of-sequence token, and no chat template names one.",
                why="Without an end token a model never learns to stop.",
                fix=f"Give one with end_token=... (--end-token). Special tokens of this tokenizer: {known}.",
            )
        if token not in self.tokenizer.get_vocab():
            raise ModelError(
                f"The end token {token!r} is not one token of the tokenizer's vocabulary.",
                fix=nearest(token, self._specials) if self._specials else "Add it to the tokenizer first.",
            )
        return token

    def _leading_ids(self) -> list[int]:
        """What the tokenizer writes in front of every text (BOS, usually); what it writes behind is not wanted here."""
        bare = self._encode("a")
        full = list(self.tokenizer("a", add_special_tokens=True)["input_ids"])
        for start in range(len(full) - len(bare) + 1):
            if full[start : start + len(bare)] == bare:
                return full[:start]
        return []

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) if text else []

    @property
    def end_token_id(self) -> int:
        """Id of the token that ends a response: the chat template's where there is one, else the tokenizer's eos."""
        return self._chat_end_id if self.chat_template else self._text_end_id

    @property
    def stop_token_ids(self) -> list[int]:
        """Ids at which generation stops: the end token first, then the tokenizer's eos if it is another."""
        eos = getattr(self.tokenizer, "eos_token_id", None)
        ends = [self.end_token_id, self._text_end_id, *([] if eos is None else [eos])]
        return list(dict.fromkeys(ends))

    def end_id(self, prompt: Text) -> int:
        """Id of the token that ends a response to this prompt: for messages the template's, for text the eos."""
        return self._text_end_id if isinstance(prompt, str) else self._chat_end_id

    def keep_first(self, prompt_ids: list[int]) -> int:
        """How many tokens at the prompt's start truncation must keep: 1 for a BOS token, else 0."""
        bos = getattr(self.tokenizer, "bos_token_id", None)
        lead = self._leading or ([] if bos is None else [bos])
        return len(lead) if prompt_ids[: len(lead)] == lead else 0

    def decode(self, ids: list[int], *, skip_special_tokens: bool = False) -> str:
        """The text of token ids, spaces as they are; special tokens are shown unless they are to be skipped."""
        return self.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False)

    def prompt_text(self, prompt: Text) -> str:
        """The text that a prompt is tokenised from: itself, or what the chat template makes of its messages.

        Raises:
            ModelError: for messages without a chat template.
            DataError: when the template refuses the messages.
        """
        return self._prompt(prompt)[0]

    def prompt_ids(self, prompt: Text) -> list[int]:
        """Token ids that generation is fed for this prompt, with BOS at most once.

        Raises:
            ModelError: for messages without a chat template.
            DataError: when the prompt renders to no tokens, or begins with two BOS tokens.
        """
        return list(self._prompt(prompt)[1])

    def response_ids(self, prompt: Text, response: Text) -> list[int]:
        """Token ids of a response behind this prompt, ending in exactly one end token.

        Args:
            prompt: a text or messages.
            response: a text, or one or more messages of assistant and tools.

        Raises:
            ModelError: for messages without a chat template.
            DataError: when messages answer a text, or the template refuses the conversation.
        """
        text, ids, lead = self._prompt(prompt)
        body = self._plain_body(response) if isinstance(prompt, str) else self._chat_body(prompt, text, response)
        return [*continuation(self._encode, self.decode, text, ids[lead:], body), self.end_id(prompt)]

    def render(self, record: Record) -> tuple[list[int], list[list[int]]]:
        """Token ids of a record's prompt and of each of its responses (for a comparison: chosen, rejected).

        Raises:
            DataError: as :meth:`prompt_ids` and :meth:`response_ids`, with the record's file and line.
        """
        try:
            prompt = self.prompt_ids(record.prompt)
            pairs = zip(record.answered, record.responses, strict=True)
            return prompt, [self.response_ids(answered, response) for answered, response in pairs]
        except DataError as error:
            raise DataError(error.what, where=str(record.source), why=error.why, fix=error.fix) from error

    def _prompt(self, prompt: Text) -> tuple[str, list[int], int]:
        """Text and ids of a prompt, and how many ids stand before the text's own; kept for the record's responses."""
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
                "The prompt renders to no tokens at all.",
                why="The first token of a response is predicted from the token before it.",
                fix="Give the record a prompt, or use a tokenizer that begins texts with BOS.",
            )
        if bos is not None and ids[:2] == [bos, bos]:
            raise DataError(
                f"The prompt begins with the BOS token {self.tokenizer.bos_token!r} twice.",
                why="A model has never seen two of them.",
                fix="Remove the token's text from the prompt, or from the chat template.",
            )
        self._last = (prompt if isinstance(prompt, str) else [dict(turn) for turn in prompt], text, ids, len(lead))
        return self._last[1:]

    def _apply(self, messages: list[Message], *, generation: bool) -> str:
        if not self.chat_template:
            raise ModelError(
                "The data are chat messages, but the tokenizer has no chat template.",
                why="It defines how turns become text; a wrong one would teach the model a format that it never sees.",
                fix="Choose a built-in one: chat_template=plain (--chat-template plain) writes 'User: ...' lines and "
                "suits any tokenizer; chatml writes <|im_start|> turns. Or give the path of a jinja file.",
            )
        try:
            return self.tokenizer.apply_chat_template(
                messages, chat_template=self.chat_template, tokenize=False, add_generation_prompt=generation
            )
        except Exception as error:
            roles = ", ".join(str(turn.get("role")) for turn in messages)
            raise DataError(
                f"The chat template refuses this conversation (roles: {roles}): {error}.",
                fix="Correct the turns, or choose another template (--chat-template plain).",
            ) from error

    def _plain_body(self, response: Text) -> str:
        if not isinstance(response, str):
            content = response[0].get("content") if len(response) == 1 else None
            if not isinstance(content, str):
                raise DataError(
                    "The prompt is a text, but the response is chat messages.",
                    fix="Give both as messages, or both as text.",
                )
            response = content
        return _without_end(response, self._text_end)

    def _chat_body(self, prompt: list[Message], text: str, response: Text) -> str:
        """The response's text as the template writes it behind ``text``, without the end token."""
        turns = [{"role": "assistant", "content": response}] if isinstance(response, str) else response
        full = self._apply([*prompt, *turns], generation=False)
        tail = self._end.tail
        if full.startswith(text):
            rest = full[len(text) :]
        elif len(turns) == 1 and isinstance(turns[0].get("content"), str):
            # The generation prompt opens what an answer in the history lacks, such as a thought.
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
                "The chat template writes this conversation's beginning differently once an answer follows it.",
                why="What the model is trained on would not be what it is given when it generates.",
                fix="Choose another template (--chat-template chatml or plain).",
            )
        opening, rest = text[len(history) :], full[len(history) :]
        shared = next((at for at, (a, b) in enumerate(zip(opening, rest, strict=False)) if a != b), len(opening))
        return rest[shared:]


def _without_end(text: str, end_token: str) -> str:
    """``text`` without end tokens that stand at its end already."""
    while text.rstrip().endswith(end_token):
        text = text.rstrip()[: -len(end_token)]
    return text
