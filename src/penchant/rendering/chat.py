"""`Chat`, a chat template with its tokenizer, which renders conversations as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.records import Conversation, Message
from penchant.rendering.bounded import bounded
from penchant.rendering.law import USUAL, left_out
from penchant.rendering.templates import BUILT_IN, AnswerEnd, answer_end, choose_template
from penchant.rendering.tool_calls import CallForm, call_form

__all__ = ["Chat", "followed"]

#: Arguments of ``apply_chat_template`` itself, which are no variables of a template.
_RESERVED = {"conversation", "messages", "tools", "documents", "chat_template", "add_generation_prompt", "tokenize"}


class Chat:
    """Renders conversations with the chat template of a tokenizer, or with another one.

    Args:
        tokenizer: a tokenizer of ``transformers``.
        chat_template: None for the tokenizer's template; ``plain`` or ``chatml``; a path; or Jinja text.
        end_token: text of the token that ends every response, instead of the detected one.
        arguments: variables of the template for all conversations; those of a conversation take precedence.

    Raises:
        ConfigurationError: there is no such template, or an argument has a reserved name.
        ModelError: the template cannot be rendered.
    """

    def __init__(
        self,
        tokenizer: Any,
        chat_template: str | None = None,
        end_token: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.template = choose_template(chat_template, tokenizer)
        self.name = "of the tokenizer" if chat_template is None else _short(chat_template)
        self.arguments = dict(arguments or {})
        _check_names(self.arguments)
        self._roles: dict[str, bool] = {}
        own = getattr(tokenizer, "chat_template", None)
        self._for_tools = own.get("tool_use") if chat_template is None and isinstance(own, dict) else None
        self.end = answer_end(tokenizer, self.template, end_token) if self.template else AnswerEnd("", "", None)

    @property
    def built_in(self) -> bool:
        """Whether the template is one of ours, which leave BOS to the tokenizer."""
        return self.template in BUILT_IN.values()

    @cached_property
    def form(self) -> CallForm:
        """How the template reads tool calls."""
        return call_form(lambda turns: self._apply(turns, False))

    def text(self, messages: Sequence[Message], *, generation: bool) -> str:
        """A conversation as text, with the generation prompt if asked for.

        Raises:
            ModelError: there is no chat template.
            DataError: the template rejects the conversation.
        """
        if not self.template:
            raise ModelError(
                "The data contains chat messages, but the tokenizer has no chat template.",
                why="The template defines the chat format; a wrong one trains the model on an unused format.",
                fix="Choose a built-in one: chat_template=plain (--chat-template plain) writes 'User: ...' lines and "
                "works with any tokenizer; chatml writes <|im_start|> turns. Or give the path of a Jinja file.",
            )
        if any("tool_calls" in turn or turn.get("content") is None for turn in messages):
            messages = followed(messages, [])
            messages[:] = [self.form.of(turn) for turn in messages]
        try:
            return self._apply(messages, generation)
        except ConfigurationError as error:
            raise DataError(error.what, fix=error.fix) from error
        except Exception as error:
            roles = ", ".join(str(turn.get("role")) for turn in messages)
            raise DataError(
                f"The chat template rejects this conversation (roles: {roles}): {error}.",
                fix="Correct the turns, or choose another template (--chat-template plain).",
            ) from error

    def check_roles(self, turns: Sequence[Message], first: int = 0) -> None:
        """Check that turns of a role beyond the usual ones are rendered at all, however little they say.

        Raises:
            DataError: the template leaves out turns of this role.
        """
        for place, turn in enumerate(turns, start=first + 1):
            role = str(turn.get("role"))
            if role not in USUAL and not self._renders(role):
                raise left_out("content", str(turn.get("content")), turn, place, self.name)

    def _renders(self, role: str) -> bool:
        """Whether the template writes a turn of this role, tried once for each."""
        if role not in self._roles:
            probe = [{"role": "user", "content": "Question"}, {"role": role, "content": "PENCHANTPROBE"}]
            try:
                self._roles[role] = "PENCHANTPROBE" in self._apply(probe, False)
            except Exception:  # the template rejects the probe, as it will reject the conversation, or not
                self._roles[role] = True
        return self._roles[role]

    def _apply(self, messages: Sequence[Message], generation: bool) -> str:
        template, further = self.template, self.arguments
        if isinstance(messages, Conversation) and (messages.tools or messages.arguments):
            _check_names(messages.arguments)
            further = {**further, **messages.arguments}
            if messages.tools:
                template = self._for_tools or template
                further = {**further, "tools": list(messages.tools)}
        with bounded():
            rendered: str = self.tokenizer.apply_chat_template(
                messages, chat_template=template, tokenize=False, add_generation_prompt=generation, **further
            )
        return rendered


def followed(prompt: Sequence[Message], turns: Sequence[Message]) -> list[Message]:
    """A conversation with further turns; tools and template arguments are kept.

    Example:
        >>> followed([{"role": "user", "content": "Hi"}], [{"role": "assistant", "content": "Hello!"}])[1]["role"]
        'assistant'
    """
    return prompt.followed_by(turns) if isinstance(prompt, Conversation) else [*prompt, *turns]


def _short(chat_template: str) -> str:
    return repr(chat_template) if len(chat_template) <= 80 and "{" not in chat_template else "given as text"


def _check_names(arguments: Mapping[str, Any]) -> None:
    if wrong := sorted(_RESERVED & arguments.keys()):
        raise ConfigurationError(
            f"{wrong[0]!r} is not an argument of a chat template.",
            where="template_arguments",
            fix="Give variables that the template reads, such as enable_thinking; tools stand in the column 'tools'.",
        )
