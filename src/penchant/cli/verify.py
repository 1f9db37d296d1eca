"""``penchant data verify``: comparisons from responses with checkable answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from penchant.cli.options import Overwrite
from penchant.targets import claim_file
from penchant.terminal import echo
from penchant.writing import write_rows

__all__ = ["verify"]


def verify(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="JSONL file with prompt, answer and responses.")],
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="JSONL file of comparisons to write.")],
    rule: Annotated[
        str, typer.Option(help="How a response is checked: number, exact, contains, regex, json_schema or iou.")
    ] = "number",
    per_prompt: Annotated[
        Optional[int],  # noqa: UP045 - what typer reads in every version
        typer.Option(min=1, help="Maximum pairs per prompt; default: all."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for drawing pairs.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Check every response against the answer, and pair right responses with wrong ones."""
    from penchant.feedback.files import sound_rows
    from penchant.rewards.right_and_wrong import right_and_wrong

    claim_file(out, option="--out", makes_folder=False, overwrite=overwrite, inputs=[source])
    rows = sound_rows(source)
    pairs = right_and_wrong(rows, rule=rule, per_prompt=per_prompt, seed=seed)
    write_rows(out, pairs, "The comparisons")
    if not pairs:
        echo(f"warning: By the rule {rule!r}, the responses of each problem are all right or all wrong.", err=True)
    prompts = len({hash(repr(pair["prompt"])) for pair in pairs})
    echo(f"{len(pairs)} comparisons of {prompts} of {len(rows)} problems written to {out}")
