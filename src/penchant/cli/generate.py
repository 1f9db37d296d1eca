"""``penchant generate``: responses to the prompts of a file, with engines, promptings and choices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from penchant.cli.judge_words import parse_judge
from penchant.cli.options import (
    AllowOutside,
    AsChat,
    BadRecords,
    ChatTemplate,
    EndToken,
    Overwrite,
    Renamed,
    Split,
    TrustRemoteCode,
)
from penchant.known_settings import check_part_keys
from penchant.named import named_settings
from penchant.terminal import counted, echo

if TYPE_CHECKING:
    from penchant.inference.answers import Answering

__all__ = ["generate"]

PARTS = ("engine", "prompting", "choice", "judge", "judges")


def generate(
    model: Annotated[str, typer.Argument(help="Model folder, run folder, or hub id.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[key=value ...]",
            help="Settings of the parts: engine.tuned=[small-dpo] judge.model=reward choice.rule=soft; several judges "
            "as judges=[{name: ...}, ...].",
        ),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Prompts: file, saved datasets folder, or hub id.")] = None,
    out: Annotated[Optional[Path], typer.Option("--out", "--output", "-o", help="JSONL file to write.")] = None,  # noqa: UP045
    engine: Annotated[
        str,
        typer.Option(
            help="How tokens are made: transformers, eft, mixture, realignment, autoregressive-reward, "
            "args, blockwise, or another of `penchant list engines`."
        ),
    ] = "transformers",
    prompting: Annotated[str | None, typer.Option(help="How prompts are put: urial or conjugate.")] = None,
    choice: Annotated[
        str | None, typer.Option(help="How one of several samples is chosen: best-of-n, solution-rerank, rps.")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,KEY=VALUE,...",
            help="Judge of the choice and its settings, or the folder of a reward model, as `penchant judge` takes it.",
        ),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Samples per prompt.")] = 1,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of a response.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, help="Sampling temperature; 0 for greedy decoding.")] = 1.0,
    top_p: Annotated[float, typer.Option(min=0.001, max=1, help="Nucleus sampling: probability mass.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    limit: Annotated[Optional[int], typer.Option(min=1, help="Answer only the first prompts.")] = None,  # noqa: UP045
    split: Split = None,
    map_: Renamed = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    end_token: EndToken = None,
    as_chat: AsChat = False,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Generate responses to the prompts of a file. A run that was stopped goes on when it is started again."""
    from penchant.cli.words import pairs, parse_mapping

    named = {"engine": engine, "prompting": prompting, "choice": choice, "judge": judge}
    parts = _parts(pairs(words or [], "key=value"), named)
    _check(data, out, parts, samples, temperature)
    reading = {"split": split, "mapping": parse_mapping(map_), "on_bad": on_bad, "ties": "keep"}
    rendering = {"chat_template": chat_template, "end_token": end_token, "as_chat": as_chat}
    settings = (samples, max_new_tokens, temperature, top_p)
    _generate(model, data, out, parts, settings, seed, limit, reading, rendering, overwrite)


def _generate(
    model: str,
    data: Any,
    out: Any,
    parts: dict[str, Any],
    settings: tuple[int, int, float, float],
    seed: int,
    limit: int | None,
    reading: dict[str, Any],
    rendering: dict[str, Any],
    overwrite: bool,
) -> None:
    """Read the prompts, load what is named, answer, and write."""
    from penchant.targets import claim_file
    from penchant.writing import delete_kept, is_stream, write_rows

    claim_file(out, option="--out", overwrite=overwrite, inputs=[data, model])
    from penchant.feedback import read
    from penchant.generation.responses import Sampling
    from penchant.training.progress import ProgressReporter

    records = list(read(data, **reading))[:limit]
    answering = _answering(model, parts, records, Sampling(*settings), rendering, seed)
    if (cut := answering.cut(records)) > 0:
        echo(
            f"warning: {cut} of {len(records)} prompts are longer than the model's context less max_new_tokens, and "
            "lose their beginning.",
            err=True,
        )
    keep = None if is_stream(out) else out.with_name(f".{out.name}.unfinished.jsonl")
    reporter = ProgressReporter()
    with reporter.bar("generate", len(records)):
        rows = list(answering.rows(records, keep, lambda done, total: reporter.advance(done, total, "prompts")))
    write_rows(out, rows, "The responses")
    if keep is not None:
        delete_kept(keep)
    _summarise(rows, out)


def _parts(keys: dict[str, Any], named: dict[str, str | None]) -> dict[str, Any]:
    """The parts with their settings: ``judge.model=M`` of the words, and the names of the options."""
    from penchant.errors import ConfigurationError, nearest

    parts: dict[str, Any] = {}
    for key, value in keys.items():
        part, dot, setting = key.partition(".")
        if part not in PARTS or not (setting if part != "judges" else not dot):
            raise ConfigurationError(
                f"There is no key {key!r}. {nearest(part, PARTS)}",
                where="command line",
                fix="Settings of a part are written engine.KEY, prompting.KEY, choice.KEY or judge.KEY.",
            )
        if part == "judges":
            parts["judges"] = value
        else:
            parts.setdefault(part, {})[setting] = value
    for part, name in named.items():
        if name is not None:
            words = parse_judge(name) if part == "judge" else named_settings(name, part, f"--{part}")
            parts[part] = {**words, **parts.get(part, {})}
            check_part_keys(part, parts[part])
        elif part in parts and "name" not in parts[part]:
            raise ConfigurationError(
                f"There are settings of {part}, but it is not named.", where=part, fix=f"Name it: --{part} NAME."
            )
    return parts


def _check(data: str | None, out: Path | None, parts: dict[str, Any], samples: int, temperature: float) -> None:
    from penchant.errors import ConfigurationError

    for value, option, what in ((data, "--data", "No prompts are given."), (out, "--out", "No output is named.")):
        if value is None:
            raise ConfigurationError(what, fix=f"Give {option} FILE.")
    if "choice" not in parts and ("judge" in parts or "judges" in parts):
        raise ConfigurationError(
            "A judge is given, but no choice that asks it.",
            where="--judge",
            fix="Add --choice best-of-n; judges of an engine are its keys: engine.judge={name: ..., ...}.",
        )
    chosen = parts.get("choice", {}).get("name")
    if samples > 1 and temperature == 0:
        raise ConfigurationError(
            f"{samples} samples per prompt are wanted at temperature 0, where all are the same.",
            where="--temperature",
            fix="Give a temperature above 0, or one sample.",
        )
    if chosen in ("best-of-n", "solution-rerank") and samples == 1:
        echo(f"warning: With one sample per prompt {chosen} chooses nothing; give --samples 8, for example.", err=True)


def _answering(
    model: str, parts: dict[str, Any], records: list[Any], sampling: Any, rendering: dict[str, Any], seed: int
) -> Answering:
    """Everything loaded: judges first, which fail sooner than models."""
    import torch

    from penchant.generation.registry import build_engine
    from penchant.inference.answers import Answering
    from penchant.inference.choice import build_choice
    from penchant.inference.prompting.base import Prompting, build_prompting
    from penchant.likelihood.context import length_limit
    from penchant.likelihood.loading import load_model
    from penchant.model_folders import trained_model
    from penchant.rendering.renderer import Renderer
    from penchant.rendering.tokenizer import load_tokenizer
    from penchant.rewards.registry import build_judge

    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"
    named = [*([parts["judge"]] if "judge" in parts else []), *parts.get("judges", [])]
    judges = [found for each in named if (found := build_judge(each, records, device)) is not None]
    choice = build_choice(parts["choice"], judges) if "choice" in parts else None
    prompting = build_prompting(parts["prompting"]) if "prompting" in parts else Prompting()
    source = trained_model(model)
    renderer = Renderer(load_tokenizer(source), **rendering)
    longest = length_limit(source, None, renderer.tokenizer)
    room = None if longest is None else max(1, longest - sampling.max_new_tokens)
    engine = build_engine(parts["engine"], renderer, room)
    engine.read(records)
    if engine.follows_policy:
        engine.use(load_model(source).to(device).eval())
    if notice := engine.notice():
        echo(notice, err=True)
    return Answering(engine, sampling, prompting, choice, seed)


def _summarise(rows: list[dict[str, Any]], out: Path) -> None:
    """Print how many responses were written, and what the choice reports on average."""
    several = [row["finished"] if isinstance(row["finished"], list) else [row["finished"]] for row in rows]
    whole = [each for row in several for each in row]
    ended = f"{sum(whole)} of {len(whole)} responses reached their end" if whole else "no responses"
    echo(f"{counted(len(rows), 'row')} written to {out}; {ended}.")
    if unread := sum(not any(each is not None for each in row["scores"]) for row in rows if row.get("scores")):
        echo(f"warning: {unread} prompts have no sample that the judge can score; their first is taken.", err=True)
    if "clusters" in (rows[0] if rows else {}) and all("answer" in row for row in rows):
        _show_accuracies(rows)


def _show_accuracies(rows: list[dict[str, Any]]) -> None:
    """Print how often each way to choose a solution is right, where the file has the answers."""
    from penchant.cli.measuring.rerank import accuracies, problem, right_share

    problems = [problem(row["samples"], row["scores"], str(row["answer"])) for row in rows]
    accuracies(problems, right_share(rows, problems))
