"""Chat templates: the built-in ones, choosing a template, and detecting the end token of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, ModelError, nearest
from penchant.plain_files import readable_text, usable
from penchant.rendering.bounded import bounded, refuse_large_numbers

__all__ = ["BUILT_IN", "AnswerEnd", "answer_end", "choose_template", "special_texts"]

_CONTENT = (
    "{%- macro text(content) -%}{%- if content is string -%}{{ content }}{%- elif content -%}"
    "{%- for part in content -%}{{ part.text or '' }}{%- endfor -%}{%- endif -%}{%- endmacro -%}"
)
_PLAIN = (
    _CONTENT + "{%- for message in messages -%}"
    "{%- if message.role == 'system' -%}{{ text(message.content) + '\\n\\n' }}"
    "{%- else -%}{{ message.role[:1] | upper + message.role[1:] + ': ' + text(message.content) + '\\n' }}{%- endif -%}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ 'Assistant:' }}{%- endif -%}"
)
_CHATML = (
    _CONTENT + "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message.role + '\\n' + text(message.content) + '<|im_end|>' + '\\n' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)
BUILT_IN = {"plain": _PLAIN, "chatml": _CHATML}
_PROBE = "PENCHANTPROBE"


@dataclass(frozen=True)
class AnswerEnd:
    """How a chat template ends the assistant's turn.

    Args:
        tail: all text that the template writes after the answer.
        before: the part of ``tail`` before the end token.
        token: the end token's text, or None if the template writes none.
    """

    tail: str
    before: str
    token: str | None


def choose_template(chat_template: str | None, tokenizer: Any) -> str | None:
    """The Jinja text of the chosen template.

    Args:
        chat_template: None for the tokenizer's template, ``plain`` or ``chatml`` for a built-in one, the path of a
            Jinja file, or Jinja text.
        tokenizer: a tokenizer of ``transformers``.

    Returns:
        The template's text; None if the tokenizer has none.

    Raises:
        ConfigurationError: there is no such template, its file cannot be read, or it computes with large numbers.

    Example:
        >>> choose_template("{{ messages[0].content }}", None)
        '{{ messages[0].content }}'
    """
    if chat_template is None:
        own = getattr(tokenizer, "chat_template", None)
        return _checked(own.get("default") if isinstance(own, dict) else own)
    if chat_template in BUILT_IN:
        return BUILT_IN[chat_template]
    if "{{" in chat_template or "{%" in chat_template:
        return _checked(chat_template)
    path = usable(Path(chat_template), ConfigurationError)
    if path.is_file():
        return _checked(readable_text(path, ConfigurationError, "chat template"))
    raise ConfigurationError(
        f"The chat template {chat_template!r} is neither built in, nor a file, nor Jinja text.",
        fix=nearest(chat_template, BUILT_IN),
    )


def _checked(template: str | None) -> str | None:
    if template is not None:
        refuse_large_numbers(template)
    return template


def special_texts(tokenizer: Any) -> dict[str, int]:
    """Text and id of every special token except the unknown token.

    Example:
        >>> from types import SimpleNamespace
        >>> special_texts(SimpleNamespace(all_special_tokens=["<s>"], get_vocab=lambda: {"<s>": 1, "a": 2}))
        {'<s>': 1}
    """
    vocabulary = tokenizer.get_vocab()
    texts = [str(token) for token in tokenizer.all_special_tokens]
    added = getattr(tokenizer, "added_tokens_decoder", {})
    texts += [str(token) for token in added.values() if getattr(token, "special", False)]
    unknown = getattr(tokenizer, "unk_token", None)
    return {text: vocabulary[text] for text in dict.fromkeys(texts) if text in vocabulary and text != unknown}


def answer_end(tokenizer: Any, template: str, wanted: str | None = None) -> AnswerEnd:
    """Detect what a template writes after the assistant's answer by rendering a probe conversation.

    The end token is the first special token after the answer.

    Args:
        tokenizer: a tokenizer of ``transformers``.
        template: the Jinja text.
        wanted: the end token to look for instead, if one was chosen.

    Returns:
        The text after the answer, and the end token in it.

    Raises:
        ModelError: the template cannot be rendered or omits the answer.
        ConfigurationError: rendering takes too long.

    Example:
        >>> from types import SimpleNamespace
        >>> tokenizer = SimpleNamespace(
        ...     apply_chat_template=lambda messages, **_: messages[1]["content"] + " </s>",
        ...     all_special_tokens=["</s>"], get_vocab=lambda: {"</s>": 2})
        >>> answer_end(tokenizer, "...")
        AnswerEnd(tail=' </s>', before=' ', token='</s>')
    """
    tail = _after_answer(tokenizer, template)
    if wanted is not None and wanted in tail:
        return AnswerEnd(tail, tail[: tail.index(wanted)], wanted)
    found = [(tail.index(text), -len(text), text) for text in special_texts(tokenizer) if text in tail]
    if not found:
        return AnswerEnd(tail, tail.rstrip(), None)
    start, _, token = min(found)
    return AnswerEnd(tail, tail[:start], token)


def _after_answer(tokenizer: Any, template: str) -> str:
    """What the template writes after the answer of a probe conversation."""
    probe = [{"role": "user", "content": "Question"}, {"role": "assistant", "content": _PROBE}]
    try:
        with bounded():
            rendered = tokenizer.apply_chat_template(probe, chat_template=template, tokenize=False)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ModelError(
            f"The chat template cannot be rendered: {error}.",
            fix="Correct it, or choose a built-in one: chat_template=plain or chatml (--chat-template plain).",
        ) from error
    if _PROBE not in rendered:
        raise ModelError(
            "The chat template omits the assistant's answer.",
            fix="Correct it, or choose a built-in one: chat_template=plain or chatml (--chat-template plain).",
        )
    if rendered.count(_PROBE) > 1:
        raise ModelError(
            "The chat template writes the assistant's answer twice.",
            why="The model would learn to say everything twice.",
            fix="Correct it, or choose a built-in one: chat_template=plain or chatml (--chat-template plain).",
        )
    return str(rendered[rendered.index(_PROBE) + len(_PROBE) :])
