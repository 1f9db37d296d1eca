"""``penchant serve-policy``: a model behind the interface that online training and LLM judges ask."""

from __future__ import annotations

from typing import Annotated

import typer

from penchant.cli.options import TrustRemoteCode
from penchant.errors import ConfigurationError
from penchant.terminal import echo

__all__ = ["serve_policy"]


def serve_policy(
    model: Annotated[str, typer.Argument(help="Model folder, run folder, or hub id.")],
    name: Annotated[str | None, typer.Option(help="What requests call the model; default: the argument.")] = None,
    host: Annotated[str, typer.Option(help="Address of this machine to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any that is free.")] = 8000,
    chat_template: Annotated[
        str | None,
        typer.Option(help="plain, chatml, or a Jinja file, for conversations with a tokenizer without a template."),
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Serve a model: completions, conversations as LLM judges ask them, log-probabilities, and new weights.

    It stands in for vLLM or SGLang on one machine. Whoever reaches the port can make it load folders of this machine.
    """
    from penchant.generation.policy_server import PolicyServer
    from penchant.generation.served_chat import ServedChat
    from penchant.model_folders import trained_model

    policy = ServedChat(trained_model(model), name or model, chat_template)
    try:
        server = PolicyServer(policy, host, port)
    except OSError as error:
        raise ConfigurationError(
            f"The port {port} of {host} cannot be used: {error.strerror}.", where="--port", fix="Give another one."
        ) from None
    echo(f"Serving {policy.name} at {server.url}; Ctrl-C ends.")
    server.serve()
