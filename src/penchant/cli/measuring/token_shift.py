"""``penchant token-shift``: which tokens of a tuned model its base model would not have written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from penchant.cli.options import (
    BadRecords,
    ChatTemplate,
    EndToken,
    JsonFile,
    Overwrite,
    Renamed,
    Split,
    TrustRemoteCode,
)
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.inference.token_shift import TokenShifts

__all__ = ["token_shift"]


def token_shift(
    model: Annotated[str, typer.Argument(help="Tuned model: folder, run folder, or hub id.")],
    base: Annotated[str, typer.Option(help="The model that it was tuned from: folder, run folder, or hub id.")],
    data: Annotated[str, typer.Option(help="Prompts: file, saved datasets folder, or hub id.")],
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of a response.")] = 128,
    limit: Annotated[Optional[int], typer.Option(min=1, help="Use only the first prompts.")] = 100,  # noqa: UP045
    split: Split = None,
    map_: Renamed = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    end_token: EndToken = None,
    json: JsonFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Generate greedily with a tuned model, and find the rank of each of its tokens in the base model.

    Unshifted: rank 1; marginal: 2 or 3; shifted: above. Few shifted tokens, mostly of style, say that the base model
    knew the answer.
    """
    from penchant.cli.words import parse_mapping
    from penchant.targets import claim_file
    from penchant.writing import write_json

    if json is not None:
        claim_file(json, option="--json", overwrite=overwrite, inputs=[data, model, base])
    from penchant.feedback import read
    from penchant.inference.companions import Companions
    from penchant.inference.token_shift import token_shifts
    from penchant.likelihood.context import length_limit
    from penchant.model_folders import trained_model
    from penchant.rendering.renderer import Renderer
    from penchant.rendering.tokenizer import load_tokenizer

    feedback = read(data, split=split, mapping=parse_mapping(map_), on_bad=on_bad)  # type: ignore[arg-type]
    source = trained_model(model)
    renderer = Renderer(load_tokenizer(source), chat_template=chat_template, end_token=end_token)
    companions = Companions(renderer, _device())
    tuned, other = companions.get(model, "MODEL"), companions.get(base, "--base")
    tuned.renderer = renderer
    longest = length_limit(source, None, renderer.tokenizer)
    room = None if longest is None else max(1, longest - max_new_tokens)
    prompts = [record.prompt for record in list(feedback)[:limit]]
    found = token_shifts(tuned, other, prompts, max_new_tokens=max_new_tokens, longest_prompt=room)
    _show(found)
    if json is not None:
        write_json(json, _figures(found), "The shifts")


def _device() -> Any:
    import torch

    return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"


def _figures(found: TokenShifts) -> dict[str, Any]:
    names = ("position", "shifted", "kl", "tokens")
    return {
        "shares": found.shares(),
        "kl": found.mean_kl(),
        "by_position": [dict(zip(names, row, strict=True)) for row in found.by_position()],
        "most_shifted": [
            {"token": token, "shifted": times, "written": written} for token, times, written in found.most_shifted()
        ],
    }


def _show(found: TokenShifts) -> None:
    """Print the shares, how they change with the position, and the most shifted tokens."""
    from rich.table import Table

    console = make_console(highlight=False)
    tokens = sum(map(len, found.ranks))
    parts = ", ".join(f"{kind} {share:.1%}" for kind, share in found.shares().items())
    echo(f"{tokens} tokens of {len(found.ranks)} responses: {parts}; mean KL {found.mean_kl():.3f} nats.")
    table = Table("position", "shifted", "KL, nats", title="By position in the response")
    rows = found.by_position()
    for start, stop in ((0, 1), (1, 4), (4, 16), (16, 64), (64, len(rows))):
        part = rows[start:stop]
        if part:
            count = sum(row[3] for row in part)
            means = [sum(row[place] * row[3] for row in part) / count for place in (1, 2)]
            label = str(start) if stop == start + 1 else f"{start} to {start + len(part) - 1}"
            table.add_row(label, f"{means[0]:.1%}", f"{means[1]:.3f}")
    console.print(table)
    shifted = Table("token", "shifted", "written", title="Tokens that are shifted most often")
    for token, times, written in found.most_shifted():
        shifted.add_row(repr(token), str(times), str(written))
    if shifted.row_count:
        console.print(shifted)
