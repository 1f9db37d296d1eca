"""``penchant novelty``: texts that show what is new in a tuned model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.options import HtmlFile, JsonFile, Overwrite, TrustRemoteCode
from penchant.terminal import make_console

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["novelty"]

_READING = (
    "Novelty: mean over the tokens of a text of log-probability by the tuned model less γ times that by its base "
    "model, in nats per token. 0 where tuning changed nothing; above 0 the text has become likelier. Newest "
    "tokens: the five with the largest difference, often the beginning of a new word or style. Texts stop at a "
    "fixed length."
)


def novelty(
    model: Annotated[str, typer.Argument(help="Tuned model: folder, run folder, or hub id.")],
    base: Annotated[str | None, typer.Option(help="The model before tuning; default: the run's start.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What texts follow; default: the beginning of a text.")] = None,
    texts: Annotated[int, typer.Option("-n", "--texts", min=1, help="Number of texts.")] = 20,
    length: Annotated[int, typer.Option(min=1, help="Tokens of a text.")] = 128,
    gamma: Annotated[float, typer.Option(min=0, help="Weight of the base model.")] = 1.0,
    alpha: Annotated[float, typer.Option(min=0, max=1, help="Least share of the likeliest token's probability.")] = 0.1,
    beams: Annotated[int, typer.Option(min=1, help="Beams of a text; 1 for plain sampling.")] = 4,
    static: Annotated[bool, typer.Option("--static", help="The base model does not learn from the texts.")] = False,
    learning_rate: Annotated[float, typer.Option(help="Of the base model's steps.")] = 1e-5,
    seed: Annotated[int, typer.Option(min=0, help="Of the sampling.")] = 0,
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Generate texts that a tuned model finds likelier than its base model: what is new in what it learned (CGE).

    After each text the base model learns it, so that the next one shows something else. No data are needed.
    """
    from penchant.errors import ConfigurationError
    from penchant.model_folders import absent
    from penchant.targets import claim_files
    from penchant.writing import write_json

    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=[model, base])
    from penchant.diagnostics.novelty.exploration import Exploration
    from penchant.inference.companions import start_of

    before = base or start_of([model])
    if before is None:
        missing = absent(model)
        raise ConfigurationError(
            f"There is no model to contrast with: no recipe.yaml says what this model was tuned from.{missing}",
            where=model,
            fix=("Check the path, or name" if missing else "Name") + " the base with --base MODEL.",
        )
    sizes = {"texts": texts, "length": length, "gamma": gamma, "alpha": alpha, "beams": beams, "seed": seed}
    rows = _explored(Exploration(iterative=not static, learning_rate=learning_rate, **sizes), model, before, prompt)
    table = _tabled(rows, model, before)
    make_console(highlight=False).print(table)
    if html is not None:
        from penchant.cli.narrow import as_texts
        from penchant.evaluation.report.table_page import write_table

        title, subject = "What is new in a tuned model", f"{model}, and not {before}"
        write_table(html, title, subject, as_texts(table), lead=_READING, texts=[2])
    if json_out is not None:
        found = {"model": model, "base": before, "prompt": prompt, **sizes, "iterative": not static, "texts": rows}
        write_json(Path(json_out), found, "The texts", fix="Choose another path for --json.")


def _explored(exploration: Any, model: str, base: str, prompt: str | None) -> list[dict[str, Any]]:
    """The texts as rows, with a progress bar."""
    from penchant.inference.companions import Companions
    from penchant.model_folders import trained_model
    from penchant.rendering.pieces import pieces
    from penchant.rendering.renderer import Renderer
    from penchant.rendering.tokenizer import load_tokenizer
    from penchant.training.progress import ProgressReporter

    renderer = Renderer(load_tokenizer(trained_model(model)))
    companions = Companions(renderer)
    tuned, before = companions.get(model, "MODEL").model, companions.get(base, "--base").model
    tokenizer, rows = renderer.tokenizer, []
    start, reporter = _start(renderer, prompt), ProgressReporter()
    with reporter.bar("Texts", exploration.texts):
        for number, found in enumerate(exploration.run(tuned, before, tokenizer, start, renderer.stop_token_ids), 1):
            tokens = pieces(renderer, list(found.ids), start[-1])
            newest = sorted(range(len(tokens)), key=lambda place, found=found: -found.scores[place])[:5]  # type: ignore[misc]
            text = renderer.decode(found.ids, skip_special_tokens=True)
            rows.append(
                {
                    "text": text,
                    "novelty": found.novelty,
                    "newest_tokens": [{"token": tokens[each], "score": found.scores[each]} for each in newest],
                }
            )
            reporter.advance(number, exploration.texts, "")
    return rows


def _start(renderer: Any, prompt: str | None) -> list[int]:
    """The tokens of the prompt, or the token with which a text begins."""
    from penchant.errors import ConfigurationError

    if prompt is not None:
        return list(renderer.prompt_ids(prompt))
    tokenizer = renderer.tokenizer
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if first is None:
        raise ConfigurationError(
            "The tokenizer has neither a token that begins a text nor one that ends it.",
            fix="Give what texts follow: --prompt TEXT.",
        )
    return [first]


def _tabled(rows: list[dict[str, Any]], model: str, base: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    from penchant.evaluation.report.quantities import fixed

    table = Table(title=f"What {model} writes and {base} would not", title_justify="left")
    table.add_column("text")
    table.add_column("novelty\nnats/token", justify="right")
    table.add_column("newest tokens")
    for row in rows:
        newest = ", ".join(repr(each["token"]) for each in row["newest_tokens"])
        table.add_row(Text(row["text"]), fixed(row["novelty"], 2), Text(newest))
    return table
