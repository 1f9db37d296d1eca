"""`Renderer`, which turns prompts and responses into tokens for training, scoring and generation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from penchant.errors import DataError, ModelError, nearest
from penchant.feedback.images import Image
from penchant.feedback.passages import Passage
from penchant.feedback.records import Conversation, Record, Text
from penchant.rendering.boundary import continuation
from penchant.rendering.characters import covering, token_spans
from penchant.rendering.chat import Chat
from penchant.rendering.law import check_tools, check_turns
from penchant.rendering.templates import special_texts
from penchant.rendering.text_tokens import TextTokens
from penchant.rendering.truncation import Mask
from penchant.rendering.turns import Piece, opened_twice, response_pieces, without_end

__all__ = ["Renderer", "ResponseTokens"]


class ResponseTokens(NamedTuple):
    """Token ids of a response, and which of them are learned (None: all)."""

    ids: list[int]
    learned: Mask = None

    @property
    def length(self) -> int:
        """Number of learned tokens."""
        return len(self.ids) if self.learned is None else sum(self.learned)


class Renderer:
    """Tokenises prompts exactly as generation receives them, and responses exactly as they follow.

    A text prompt is tokenised unchanged, after a BOS token if the tokenizer adds one. Messages are rendered with the
    chat template and its generation prompt. A response ends with exactly one end token: the first special token that
    the template writes after an answer, or the tokenizer's ``eos``. Whatever a conversation wants said is found in its
    rendering (`penchant.rendering.law`), or it is an error.

    Args:
        tokenizer: a tokenizer of ``transformers``.
        chat_template: None for the tokenizer's template; ``plain`` or ``chatml`` (built in); a path; or Jinja text.
        end_token: text of the token that ends every response, instead of the detected one.
        template_arguments: variables of the chat template (``enable_thinking``); those of a record take precedence.
        as_chat: render a text prompt as a user turn, and the response to it as the assistant's.

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

    def __init__(
        self,
        tokenizer: Any,
        *,
        chat_template: str | None = None,
        end_token: str | None = None,
        template_arguments: Mapping[str, Any] | None = None,
        as_chat: bool = False,
    ) -> None:
        self.tokenizer, self.as_chat = tokenizer, as_chat
        self._tokens = TextTokens(tokenizer)
        self.chat = Chat(tokenizer, chat_template, end_token, template_arguments)
        self.chat_template = self.chat.template
        self._specials = special_texts(tokenizer)
        self._leading = self._leading_ids()
        eos = getattr(tokenizer, "eos_token", None)
        self._text_end = self._known(end_token or eos or self.chat.end.token)
        self._chat_end = self._known(end_token or self.chat.end.token or eos)
        vocabulary = tokenizer.get_vocab()
        self._text_end_id, self._chat_end_id = vocabulary[self._text_end], vocabulary[self._chat_end]
        self._last: tuple[Any, str, list[int], int] | None = None
        self._last_spans: tuple[Any, list[tuple[int, int]]] | None = None

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
        return self._text_end_id if isinstance(self._turns(prompt), str) else self._chat_end_id

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
            DataError: the template rejects the messages, or leaves out something of them.
        """
        return self._prompt(prompt)[0]

    def prompt_ids(self, prompt: Text) -> list[int]:
        """Token ids that generation receives for this prompt, with at most one BOS.

        Raises:
            ModelError: the prompt is messages and there is no chat template.
            DataError: the prompt renders to no tokens, begins with two BOS tokens, or is rendered incompletely.
        """
        return list(self._prompt(prompt)[1])

    def response_ids(self, prompt: Text, response: Text) -> list[int]:
        """Token ids of a response to this prompt; see `response_tokens`."""
        return self.response_tokens(prompt, response).ids

    def response_tokens(self, prompt: Text, response: Text) -> ResponseTokens:
        """Token ids of a response to this prompt, with exactly one end token at the end, and which of them are learned.

        What the assistant writes is learned, the end token of each of its turns included. The turns of others between
        them (tools, users) and all turn headers are context.

        Args:
            prompt: a text or messages.
            response: a text, or messages that begin and end with a turn of the assistant; of a `Passage` only the
                tokens that hold a letter of its span are learned.

        Raises:
            ModelError: the prompt is messages and there is no chat template.
            DataError: the prompt is a text and the response is messages, or the template rejects the conversation or
                leaves out something of the response.
        """
        prompt = self._turns(prompt)
        text, ids, lead = self._prompt(prompt)
        if isinstance(prompt, str):
            body = self._plain_body(response)
            if (tag := opened_twice(text, body)) is not None:
                raise DataError(
                    f"The prompt ends with {tag}, and the response opens it again.",
                    why="The model would learn to write it twice.",
                    fix="Remove it from the prompt or from the response.",
                )
            pieces = [Piece(body, True)]
        else:
            turns = [{"role": "assistant", "content": response}] if isinstance(response, str) else response
            pieces = response_pieces(self.chat, prompt, text, turns, self._chat_end, list(self._specials))
        found, learned = self._encoded(text, ids[lead:], pieces)
        if isinstance(response, Passage):
            return self._of_passage(ids, [*found, self.end_id(prompt)], response)
        found.append(self.end_id(prompt))
        return ResponseTokens(found, None if len(pieces) == 1 else (*learned, True))

    def _of_passage(self, before: list[int], ids: list[int], passage: Passage) -> ResponseTokens:
        """The tokens of the whole response, of which those of the passage are learned; the last spans are cached."""
        key = (before, ids, str(passage))
        if self._last_spans is None or self._last_spans[0] != key:
            self._last_spans = (key, token_spans(self.decode, before, ids, str(passage)))
        return ResponseTokens(ids, covering(self._last_spans[1], str(passage), passage.span))

    def sampled_ids(self, prompt: Text, text: str) -> list[int]:
        """Token ids of a text that a model wrote after this prompt, and the end token; no template touches it."""
        before, ids, lead = self._prompt(self._turns(prompt))
        end = self.end_id(prompt)
        body = without_end(text, self.decode([end]))
        return [*continuation(self._encode, self.decode, before, ids[lead:], body), end]

    def _encoded(self, text: str, ids: list[int], pieces: list[Piece]) -> tuple[list[int], list[bool]]:
        """Token ids of pieces after a text, each as it follows in generation, and whether they are learned."""
        found: list[int] = []
        learned: list[bool] = []
        for place, piece in enumerate(pieces):
            if place:
                # What stands further back does not change how the next piece is tokenised.
                text, ids = pieces[place - 1].text, self._encode(pieces[place - 1].text)
            own = continuation(self._encode, self.decode, text, ids, piece.text)
            found += own
            learned += [piece.learned] * len(own)
        return found, learned

    def render(self, record: Record) -> tuple[list[int], list[list[int]]]:
        """Token ids of a record's prompt and of each of its responses; see `render_tokens`."""
        prompt, responses = self.render_tokens(record)
        return prompt, [response.ids for response in responses]

    def render_tokens(self, record: Record) -> tuple[list[int], list[ResponseTokens]]:
        """Token ids of a record's prompt, and the tokens of each of its responses (for a comparison: chosen, rejected).

        Raises:
            DataError: see :meth:`prompt_ids` and :meth:`response_tokens`; the error names the record's file and line.
        """
        try:
            self.check(record)
            prompt = self.prompt_ids(record.prompt)
            pairs = zip(record.answered, record.responses, strict=True)
            return prompt, [self.response_tokens(answered, response) for answered, response in pairs]
        except DataError as error:
            raise DataError(error.what, where=str(record.source), why=error.why, fix=error.fix) from error

    def check(self, record: Record) -> None:
        """Check that a record is of texts, and that its tools can reach the model.

        Raises:
            DataError: a response is an image, or the prompt is a text, which has no place for tools.
        """
        if any(isinstance(response, Image) for response in record.responses):
            raise DataError(
                "The record has an image as a response, but the model generates text.",
                fix="Give the folder of a diffusers pipeline as the model, or records whose responses are texts.",
            )
        if record.tools and isinstance(record.prompt, str):
            raise DataError(
                "The record has tools, but its prompt is a text, which is not rendered with a chat template.",
                fix="Give the prompt as messages: [{'role': 'user', 'content': ...}], or remove the column 'tools'.",
            )

    def _turns(self, prompt: Text) -> Text:
        """The prompt, a text as a user turn where that is wanted."""
        return [{"role": "user", "content": prompt}] if self.as_chat and isinstance(prompt, str) else prompt

    def _prompt(self, prompt: Text) -> tuple[str, list[int], int]:
        """Text and ids of a prompt, and the number of ids added before the text; the last prompt is cached."""
        prompt = self._turns(prompt)
        context = (prompt.tools, prompt.arguments) if isinstance(prompt, Conversation) else None
        last = self._last
        if last is not None and last[0] == (prompt, context):
            return last[1:]
        if isinstance(prompt, str):
            text = prompt
        else:
            text = self.chat.text(prompt, generation=True)
            self.chat.check_roles(prompt)
            check_turns(text, prompt, self.chat.name)
            if isinstance(prompt, Conversation) and prompt.tools:
                without = self.chat.text(Conversation(prompt, None, prompt.arguments), generation=True)
                check_tools(text, without, prompt.tools, self.chat.name)
        ids = self._encode(text)
        lead: list[int] = []
        # A tokenizer's template adds BOS itself; the built-in templates leave that to the tokenizer.
        if (isinstance(prompt, str) or self.chat.built_in) and ids[: len(self._leading)] != self._leading:
            lead = self._leading
        ids = lead + ids
        self._check_prompt(ids)
        kept = prompt if isinstance(prompt, str) else [dict(turn) for turn in prompt]
        self._last = ((kept, context), text, ids, len(lead))
        return self._last[1:]

    def _check_prompt(self, ids: list[int]) -> None:
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

    def _plain_body(self, response: Text) -> str:
        if not isinstance(response, str):
            content = response[0].get("content") if len(response) == 1 else None
            if not isinstance(content, str):
                raise DataError(
                    "The prompt is text, but the response is chat messages.",
                    fix="Use messages for both, or text for both.",
                )
            response = content
        return without_end(response, self._text_end)
