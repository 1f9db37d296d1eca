"""``penchant weights``: sparse differences composed, and a half of a tuned model set back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.cli.options import TrustRemoteCode
from penchant.errors import ConfigurationError, OutputError
from penchant.model_folders import trained_model
from penchant.terminal import echo

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Tools on the weights of saved models.")
Out = Annotated[Path, typer.Option("--out", "--output", "-o", help="New folder for the model.")]
LEVELS = ("category", "layer", "model")


@app.callback()
def weights() -> None:
    """Tools on the weights of saved models."""


@app.command()
def compose(
    base: Annotated[str, typer.Argument(metavar="BASE", help="Model that the differences were trained from.")],
    out: Out,
    add: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN...", help="Folders of runs with parameters=lt-sft, or difference.safetensors."),
    ] = None,
    subtract: Annotated[list[Path] | None, typer.Option(help="A difference to take away; may be repeated.")] = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Add sparse differences to a model: what several runs have learned, in one model."""
    _check_new(out)
    from penchant.likelihood.loading import load_model
    from penchant.training.parameters.tools import compose as composed

    base = trained_model(base)
    model = load_model(base)
    for file, count in composed(model, add or [], subtract or []).items():
        echo(f"{file}: {count} weights")
    _save(model, base, out)


@app.command()
def half_reset(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The model before training.")],
    tuned: Annotated[str, typer.Argument(metavar="TUNED", help="The model after training, or its run.")],
    out: Out,
    ratio: Annotated[float, typer.Option(help="Share of the layers' matrices that stay as tuned, in (0, 1).")] = 0.5,
    level: Annotated[str, typer.Option(help="Where the share holds: category, layer or model.")] = "category",
    seed: Annotated[int, typer.Option(help="Seed of the selection.")] = 0,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Set a random half of a tuned model's matrices back to those of its base, to undo some forgetting."""
    if level not in LEVELS:
        raise ConfigurationError(f"There is no level {level!r}.", where="--level", fix=f"Known: {', '.join(LEVELS)}.")
    _check_new(out)
    from penchant.likelihood.loading import load_model
    from penchant.training.parameters.tools import half_reset as reset

    base, tuned = trained_model(base), trained_model(tuned)
    model = load_model(tuned)
    count = reset(load_model(base), model, ratio=ratio, level=level, seed=seed)  # type: ignore[arg-type]
    echo(f"{count} weights are those of {base} again")
    _save(model, tuned, out)


@app.command()
def kinds(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A language model.")],
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Print what each kind of adapter (recipe key lora.kind) trains of a model with PEFT's default fields."""
    from penchant.likelihood.adapting.kinds import kind_table, table_lines
    from penchant.likelihood.loading import load_model

    for line in table_lines(kind_table(load_model(trained_model(model)))):
        echo(line)


def _check_new(out: Path) -> None:
    if out.exists():
        raise OutputError("The folder already exists.", where=str(out), fix="Name a new folder with --out.")


def _save(model: Any, source: str, out: Path) -> None:
    from penchant.quiet import quiet_transformers
    from penchant.rendering.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(source)
    with quiet_transformers():
        model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    echo(f"Written: {out}", err=True)
