"""``penchant chat``: talk to a model in the terminal, or to two side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.options import ChatTemplate, EndToken, TrustRemoteCode
from penchant.terminal import echo

if TYPE_CHECKING:
    from penchant.generation.chat import Chat

__all__ = ["chat"]

HELP = "/reset forgets the conversation, /quit ends."


def chat(
    model: Annotated[str, typer.Argument(help="Model folder, run folder, or hub id.")],
    against: Annotated[str | None, typer.Option(help="A second model that gets the same messages.")] = None,
    system: Annotated[str | None, typer.Option(help="System message.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of an answer.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, help="Sampling temperature; 0 for greedy decoding.")] = 0.7,
    top_p: Annotated[float, typer.Option(min=0.001, max=1, help="Nucleus sampling: probability mass.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    chat_template: ChatTemplate = None,
    end_token: EndToken = None,
    stream: Annotated[bool, typer.Option(help="Show an answer word by word.")] = True,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Talk to a model in the terminal. Messages are read from the terminal or from a pipe, one a line."""
    from penchant.errors import ConfigurationError
    from penchant.generation.responses import Sampling

    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p)
    options: dict[str, Any] = {"system": system, "seed": seed}
    names = [model] if against is None else [model, against]
    chats = {name: _chat(name, sampling, chat_template, end_token, options) for name in dict.fromkeys(names)}
    if len(chats) < len(names):
        raise ConfigurationError("Both models are the same.", where="--against", fix="Name another model.")
    echo(HELP, err=True)
    for name, each in chats.items():
        if not each.remembers:
            ignored = "; the system message is ignored" if system else ""
            echo(f"{name} has no chat template: each line is a prompt of its own, as plain text{ignored}.", err=True)
    _talk(chats, stream)


def _talk(chats: dict[str, Chat], stream: bool) -> None:
    """Answer every message until the end of the input."""
    for message in _messages():
        if message == "/reset":
            for each in chats.values():
                each.reset()
            continue
        for name, each in chats.items():
            if len(chats) > 1:
                echo(f"[{name}]", bold=True)
            if stream:
                each.ask(message, lambda piece: echo(piece, nl=False))
                echo()
            else:
                echo(each.ask(message))


def _messages() -> Iterator[str]:
    """The lines of the input up to ``/quit``, without empty ones."""
    asks = sys.stdin.isatty()
    while True:
        try:
            line = input("> ") if asks else sys.stdin.readline()
        except EOFError:
            return
        if not asks and not line:
            return
        message = line.strip()
        if message == "/quit":
            return
        if message:
            yield message


def _chat(name: str, sampling: Any, chat_template: str | None, end_token: str | None, options: dict[str, Any]) -> Chat:
    import torch

    from penchant.generation.chat import Chat
    from penchant.likelihood.context import length_limit
    from penchant.likelihood.loading import load_model
    from penchant.model_folders import trained_model
    from penchant.rendering.renderer import Renderer
    from penchant.rendering.tokenizer import load_tokenizer

    source = trained_model(name)
    renderer = Renderer(load_tokenizer(source), chat_template=chat_template, end_token=end_token)
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"
    model = load_model(source).to(device).eval()
    limit = length_limit(source, model, renderer.tokenizer, None)
    return Chat(model, renderer, sampling, limit=limit, **options)
