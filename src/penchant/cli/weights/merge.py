"""``penchant merge``: one model of several of the same architecture, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.judge_words import parse_judge
from penchant.cli.options import BadRecords, Overwrite, Renamed, Split, TrustRemoteCode
from penchant.errors import ConfigurationError
from penchant.known_settings import check_part_keys
from penchant.named import build_named, named_settings
from penchant.terminal import counted, echo

if TYPE_CHECKING:
    from penchant.evaluation.policies.held_out import Measure

__all__ = ["merge"]

#: The soup of all models, which needs no data: the linear rule with equal weights.
UNIFORM = "uniform"


def merge(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Folders of models or of runs.")],
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="Folder of the merged model.")],
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,KEY=VALUE,...",
            help="linear (the default; with equal weights the uniform soup), slerp,t=0.5, task-arithmetic, "
            "ties,density=0.2, dare, magnitude-prune or model-stock. `penchant list merges` names them.",
        ),
    ] = None,
    base: Annotated[str | None, typer.Option(help="Model that the others were tuned from.")] = None,
    soup: Annotated[
        str | None,
        typer.Option(help="Average all: uniform; or those that help on --data: greedy or maximum (subsets)."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Held-out file by which a soup is chosen.")] = None,
    measure: Annotated[
        str | None, typer.Option(help="What a soup maximises on --data: likelihood (default), accuracy, or judge.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="NAME,KEY=VALUE,...", help="Judge whose mean score a soup maximises.")
    ] = None,
    prompts: Annotated[int, typer.Option(min=1, help="Maximum number of prompts for the judge.")] = 200,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of a judged response.")] = 128,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Merge models of the same architecture into one, tensor by tensor, with small memory.

    Number types, shards, configuration and tokenizer are those of the first model.
    """
    rule = _settings(method or "linear")  # before the libraries are loaded, as are those of the judge
    scoring = None if judge is None else parse_judge(judge)
    from penchant.training.merging.soups import cook_soup
    from penchant.training.merging.writer import merge_models

    _check_soup(soup, takes_rule=method is not None or base is not None)
    if soup in (None, UNIFORM):
        _check_unscored(soup, data, measure, judge)
        merged = merge_models(models, _rule(rule), out, base=base, overwrite=overwrite)
        of = counted(len(models), "model")
        return echo(f"{merged.tensors} tensors, {merged.numbers:,} numbers of {of}: {merged.folder}")
    reading = {"split": split, "on_bad": on_bad, "mapping": map_}
    found, merged = cook_soup(
        models,
        soup,  # type: ignore[arg-type]
        _measure(data, measure, scoring, reading, prompts, max_new_tokens),
        out,
        overwrite=overwrite,
        said=lambda line: echo(line, err=True),
    )
    echo(f"Soup of {len(found.members)} of {len(models)} models, score {found.score:.6g}: {merged.folder}")
    for place in found.members:
        echo(f"  {models[place]}")


def _check_unscored(soup: str | None, *given: Any) -> None:
    """Refuse what scores models where none is chosen."""
    if any(each is not None for each in given):
        every = "--soup uniform averages all models" if soup else "without --soup all models are merged"
        raise ConfigurationError(
            f"--data, --measure and --judge choose the models of a soup; {every}.",
            fix="Give --soup greedy or --soup maximum, or leave them out.",
        )


def _check_soup(soup: str | None, takes_rule: bool) -> None:
    from penchant.training.merging.soups import SOUPS

    known = (UNIFORM, *SOUPS)
    if soup is not None and soup not in known:
        raise ConfigurationError(
            f"There is no soup {soup!r}.", where="--soup", fix=f"Expected {', '.join(known[:-1])} or {known[-1]}."
        )
    if soup is not None and takes_rule:
        raise ConfigurationError("A soup averages models; it takes no --method and no --base.", where="--soup")


def _settings(words: str) -> dict[str, Any]:
    found = named_settings(words, "method", "--method")
    check_part_keys("merging method", found)
    return found


def _rule(settings: dict[str, Any]) -> Any:
    from penchant.training.merging.rules import MERGES

    return build_named(MERGES, settings, "--method")


def _measure(
    data: str | None,
    measure: str | None,
    judge: dict[str, Any] | None,
    reading: dict[str, Any],
    prompts: int,
    length: int,
) -> Measure:
    from penchant.cli.words import parse_mapping
    from penchant.evaluation.policies.held_out import Measure

    if data is None:
        raise ConfigurationError("A soup is chosen on held-out data.", where="--soup", fix="Give --data FILE.")
    kind = measure or ("likelihood" if judge is None else "judge")
    return Measure(kind, data, judge, {**reading, "mapping": parse_mapping(reading["mapping"])}, prompts, length)
