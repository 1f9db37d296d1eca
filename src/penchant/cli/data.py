"""``penchant data``: look at feedback before a model is trained on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from penchant.checks.diagnosis import Diagnosis
    from penchant.feedback import Feedback, Record
    from penchant.rendering import Renderer

__all__ = ["app", "parse_mapping", "write_json"]

app = typer.Typer(
    rich_markup_mode=None, help="Check feedback, and see what a model is given of it.", no_args_is_help=True
)

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}

# What several commands ask in the same words.
File = Annotated[
    str, typer.Argument(help="A file (.jsonl, .jsonl.gz, .json, .csv, .parquet), a saved folder, a hub id.")
]
MapOption = Annotated[list[str] | None, typer.Option("--map", help="OURS=THEIRS: the column that holds a field.")]
KindOption = Annotated[str | None, typer.Option(help="Read as this kind: comparison, judgement, ranking, ...")]
SplitOption = Annotated[str | None, typer.Option(help="Only this split.")]
OnBadOption = Annotated[str, typer.Option(help="At a bad record: stop, or skip it and count.")]
TemplateOption = Annotated[str | None, typer.Option(help="plain, chatml, or a jinja file; default: the tokenizer's.")]
EndOption = Annotated[str | None, typer.Option(help="The token that ends a response; default: found.")]
LengthOption = Annotated[int | None, typer.Option(help="The most tokens of prompt and response together.")]
PolicyOption = Annotated[str, typer.Option(help="How to truncate: prompt_left, response_right, drop, error.")]


def parse_mapping(pairs: list[str] | None) -> dict[str, str]:
    """``["chosen=better"]`` as ``{"chosen": "better"}``.

    Raises:
        ConfigurationError: for a pair without ``=``, or a field mapped twice.

    Example:
        >>> parse_mapping(["chosen=better"])
        {'chosen': 'better'}
    """
    from penchant.errors import ConfigurationError

    mapping: dict[str, str] = {}
    for pair in pairs or []:
        ours, sign, theirs = pair.partition("=")
        if not (ours and sign and theirs):
            raise ConfigurationError(
                f"--map {pair} is not of the form OURS=THEIRS.", fix="Write for example --map chosen=better."
            )
        if ours in mapping:
            raise ConfigurationError(f"--map names the field {ours!r} twice.", fix="Leave one out.")
        mapping[ours] = theirs
    return mapping


@app.command()
def check(
    file: File,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id; its tokenizer counts tokens.")] = None,
    max_length: LengthOption = None,
    policy: PolicyOption = "prompt_left",
    split: SplitOption = None,
    other: Annotated[str | None, typer.Option(help="Another split's file, to look for shared prompts.")] = None,
    map_: MapOption = None,
    kind: KindOption = None,
    on_bad: OnBadOption = "stop",
    chat_template: TemplateOption = None,
    end_token: EndOption = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the findings to this file, too.")] = None,
) -> None:
    """The doctor: duplicates, contradictions, leaks, truncation, length bias, template checks. Exits 1 on errors."""
    from penchant.checks.doctor import examine
    from penchant.errors import ConfigurationError
    from penchant.rendering import Truncation

    if max_length is not None and model is None:
        raise ConfigurationError(
            "--max-length counts tokens, and there is no tokenizer to count with.", fix="Give --model."
        )
    truncation = Truncation(max_length, policy)  # type: ignore[arg-type]
    renderer = _renderer(model, chat_template, end_token) if model else None
    mapping = parse_mapping(map_)
    feedback = _read(file, mapping, kind, split, on_bad)
    compared = _read(other, mapping, kind, None, on_bad) if other else None
    diagnosis = examine(feedback, renderer, max_length=max_length, policy=truncation.policy, other=compared)
    _print_diagnosis(feedback, diagnosis)
    if json_out is not None:
        write_json(json_out, diagnosis.as_dict())
    if diagnosis.failed:
        raise typer.Exit(1)


@app.command()
def show(
    file: File,
    model: Annotated[str, typer.Option(help="Model folder or hub id; its tokenizer makes the tokens.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many records.")] = 3,
    start: Annotated[int, typer.Option(min=1, help="The first record to show, from 1.")] = 1,
    max_length: LengthOption = None,
    policy: PolicyOption = "prompt_left",
    split: SplitOption = None,
    map_: MapOption = None,
    kind: KindOption = None,
    on_bad: OnBadOption = "stop",
    chat_template: TemplateOption = None,
    end_token: EndOption = None,
    ids: Annotated[bool, typer.Option("--ids", help="Print every token's id behind it.")] = False,
) -> None:
    """Exactly what the model will see: every token of prompt (P) and responses (R), special ones in brackets."""
    from rich.console import Console
    from rich.text import Text

    from penchant.rendering import Truncation

    truncation = Truncation(max_length, policy)  # type: ignore[arg-type]
    renderer = _renderer(model, chat_template, end_token)
    feedback = _read(file, parse_mapping(map_), kind, split, on_bad)
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        "P prompt, what generation is fed   R response   \N{BOX DRAWINGS LIGHT VERTICAL} token boundary   "
        "\N{RETURN SYMBOL} newline   \N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}special token"
        "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}",
        style="dim",
    )
    shown = feedback[start - 1 : start - 1 + number]
    for record, names in (part for each in shown for part in _parts(each)):
        prompt, responses = renderer.render(record)
        fitted = truncation.fit(prompt, responses, keep_first=renderer.keep_first(prompt))
        title = Text(f"{record.source}  {record.kind}")
        console.rule(title, align="left", characters="\N{BOX DRAWINGS LIGHT HORIZONTAL}")
        if fitted.dropped:
            console.print(f"dropped: {fitted.dropped} ({max_length})", style="yellow", markup=False)
            continue
        cut = f", {fitted.prompt_cut} cut" if fitted.prompt_cut else ""
        _print_tokens(f"prompt, {len(fitted.prompt)} tokens{cut}", "P", fitted.prompt, None, renderer, ids)
        for name, response, lost in zip(names, fitted.responses, fitted.responses_cut, strict=True):
            cut = f", {lost} cut (end token lost)" if lost else ""
            _print_tokens(f"{name}, {len(response)} tokens{cut}", "R", response, fitted.prompt[-1], renderer, ids)


def _renderer(model: str, chat_template: str | None, end_token: str | None) -> Renderer:
    from penchant.rendering import Renderer, load_tokenizer

    return Renderer(load_tokenizer(model), chat_template=chat_template, end_token=end_token)


def _read(file: str, mapping: dict[str, str], kind: str | None, split: str | None, on_bad: str) -> Feedback:
    from penchant.feedback import read

    return read(file, mapping=mapping, kind=kind, split=split, on_bad=on_bad)  # type: ignore[arg-type]


def _parts(record: Record) -> list[tuple[Record, list[str]]]:
    """What has a prompt of its own, with the names of its responses: the record, or each side of a joint comparison."""
    from penchant.feedback import Demonstration, JointComparison

    if not isinstance(record, JointComparison):
        return [(record, _names(record))]
    sides = zip(record.answered, record.responses, _names(record), strict=True)
    return [
        (Demonstration(prompt=prompt, completion=response, source=record.source), [name])
        for prompt, response, name in sides
    ]


def _names(record: Record) -> list[str]:
    """What to call each response of a record."""
    from penchant.feedback import Comparison, Judgement, Ranking

    if isinstance(record, Comparison):
        return ["chosen", "rejected"]
    if isinstance(record, Judgement):
        return [f"completion, {'desirable' if record.label else 'undesirable'}"]
    if isinstance(record, Ranking):
        values = zip(record.scores or record.ranks or (), record.completions, strict=True)
        name = "score" if record.scores else "rank"
        return [f"completion {at}, {name} {value:g}" for at, (value, _) in enumerate(values, start=1)]
    return ["completion"] * len(record.responses)


def _print_tokens(
    title: str, mark: str, ids: list[int], before: int | None, renderer: Renderer, with_ids: bool
) -> None:
    """One block of tokens; every line begins with the block's mark, so that colour is not needed to tell them apart."""
    from rich.console import Console
    from rich.text import Text

    from penchant.rendering.pieces import pieces

    console = Console(highlight=False, soft_wrap=True)
    colour = "blue" if mark == "P" else "green"
    console.print(Text(f"{mark} {title}", style=f"bold {colour}"))
    special = set(renderer.tokenizer.all_special_ids) | {renderer.end_token_id}
    line = Text()
    for token, piece in zip(ids, pieces(renderer, ids, before), strict=True):
        shown = piece.replace("\r", "\N{SYMBOL FOR CARRIAGE RETURN}").replace(
            "\t", "\N{SYMBOL FOR HORIZONTAL TABULATION}"
        )
        shown = shown.replace("\n", "\N{RETURN SYMBOL}")
        if token in special:
            shown = f"\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}{shown}\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
        if line and line.cell_len + len(shown) + 8 > console.width:
            line = _flush(console, mark, colour, line)
        line.append(shown, style=f"bold reverse {colour}" if token in special else colour)
        if with_ids:
            line.append(f":{token}", style="dim")
        line.append("\N{BOX DRAWINGS LIGHT VERTICAL}", style="dim")
        if "\n" in piece:
            line = _flush(console, mark, colour, line)
    if line:
        _flush(console, mark, colour, line)


def _flush(console: object, mark: str, colour: str, line: Text) -> Text:
    """Print a line behind its mark, and return an empty one."""
    from rich.console import Console
    from rich.text import Text

    assert isinstance(console, Console)
    console.print(Text.assemble((f"{mark} ", f"bold {colour}"), line))
    return Text()


def _print_diagnosis(feedback: Feedback, diagnosis: Diagnosis) -> None:
    from collections import Counter

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(title=Text(f"The doctor on {feedback.name}"), title_justify="left")
    for column in ("", "check", "found", "what it means"):
        table.add_column(column, overflow="fold")
    for entry in diagnosis.checks:
        verdict = Text(entry.verdict, style=_STYLES[entry.verdict])
        table.add_row(verdict, Text(entry.name), Text(entry.value), Text(entry.detail))
    console.print(table)
    if diagnosis.lengths:
        lengths = Table(title=f"Lengths in {diagnosis.unit}", title_justify="left")
        lengths.add_column("part")
        for column in ("mean", "p50", "p95", "max"):
            lengths.add_column(column, justify="right")
        for part, figures in diagnosis.lengths.items():
            values = (f"{figures['mean']:.1f}", *(f"{figures[name]:,.0f}" for name in ("p50", "p95", "max")))
            lengths.add_row(part, *values)
        console.print(lengths)
    counts = Counter(entry.verdict for entry in diagnosis.checks)
    told = [f"{counts[name]} {name}{'' if counts[name] == 1 else 's'}" for name in ("error", "warning", "note")]
    console.print(Text(", ".join(told) + "."))


def write_json(path: Path, found: dict[str, object]) -> None:
    """Write what a command found for other programs.

    Raises:
        OutputError: the file cannot be written.
    """
    import json

    from penchant.errors import OutputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The findings cannot be written: {error.strerror}.",
            where=str(path),
            fix="Choose another place for --json.",
        ) from error
