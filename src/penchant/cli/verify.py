"""``penchant data verify``: comparisons from responses with checkable answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

__all__ = ["verify"]


def verify(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="JSONL file with prompt, answer and responses.")],
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="JSONL file of comparisons to write.")],
    rule: Annotated[str, typer.Option(help="How a response is checked: number, exact or contains.")] = "number",
    per_prompt: Annotated[
        Optional[int],  # noqa: UP045 - what typer reads in every version
        typer.Option(min=1, help="Maximum pairs per prompt; default: all."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for drawing pairs.")] = 0,
) -> None:
    """Check every response against the answer, and pair right responses with wrong ones."""
    import json

    from penchant.errors import OutputError
    from penchant.feedback.files import sound_rows
    from penchant.rewards.right_and_wrong import right_and_wrong

    rows = sound_rows(source)
    pairs = right_and_wrong(rows, rule=rule, per_prompt=per_prompt, seed=seed)
    try:
        with out.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
    except OSError as error:
        raise OutputError(f"The comparisons cannot be written: {error.strerror}.", where=str(out)) from error
    prompts = len({hash(repr(pair["prompt"])) for pair in pairs})
    typer.echo(f"{len(pairs)} comparisons of {prompts} of {len(rows)} problems written to {out}")
