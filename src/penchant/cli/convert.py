"""``penchant convert``: turn a configuration of TRL, LLaMA-Factory or axolotl into a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.options import Overwrite
from penchant.targets import claim_file
from penchant.terminal import echo

__all__ = ["convert"]


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML file of TRL, LLaMA-Factory or axolotl.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the recipe here instead of printing it.")
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Number of processes (GPUs) that the file was written for.")
    ] = 1,
    trainer: Annotated[
        str | None,
        typer.Option(
            help="For TRL, the trainer: dpo, kto, cpo, orpo, sft, reward, grpo, rloo, ppo, online-dpo, nash-md or xpo; "
            "default: from the file."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a configuration of TRL, LLaMA-Factory or axolotl into a recipe, and list what has no counterpart."""
    if out is not None:
        claim_file(out, option="--out", overwrite=overwrite, inputs=[file])
    from penchant.online.coming_from.conversion import convert_file
    from penchant.training.coming_from.conversion import write_recipe

    converted = convert_file(file, processes, trainer)
    if out is None:
        echo(converted.yaml, nl=False)
    else:
        write_recipe(converted, out, overwrite=overwrite)
    for line in converted.remarks:
        echo(line, err=True)
    if out is not None:
        echo(f"Written: {out}. Next: {converted.command} {out} --dry-run", err=True)
