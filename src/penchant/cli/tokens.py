"""Printing of records as a model sees them: token boundaries, special tokens, truncation."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich.text import Text

from penchant.feedback import Comparison, Demonstration, JointComparison, Judgement, Ranking, Record
from penchant.rendering import Renderer, Truncation
from penchant.rendering.pieces import pieces
from penchant.rendering.truncation import Mask
from penchant.terminal import make_console, shown

__all__ = ["TokenPrinter"]

_BOUNDARY, _LEFT, _RIGHT = (
    "\N{BOX DRAWINGS LIGHT VERTICAL}",
    "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}",
    "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}",
)
_VISIBLE = str.maketrans(
    {
        "\r": "\N{SYMBOL FOR CARRIAGE RETURN}",
        "\t": "\N{SYMBOL FOR HORIZONTAL TABULATION}",
        "\n": "\N{RETURN SYMBOL}",
    }
)


class TokenPrinter:
    """Prints records token by token.

    Args:
        renderer: turns records into tokens.
        truncation: how long records are cut.
        with_ids: print each token's id after it.
    """

    def __init__(self, renderer: Renderer, truncation: Truncation, with_ids: bool) -> None:
        self.renderer, self.truncation, self.with_ids = renderer, truncation, with_ids
        self.console = make_console(highlight=False, soft_wrap=True)
        self.special = set(renderer.tokenizer.all_special_ids) | {renderer.end_token_id}

    def legend(self) -> None:
        """Print the meaning of the marks."""
        self.console.print(
            f"P prompt   R response   C context in a response   {_BOUNDARY} token boundary   "
            f"\N{RETURN SYMBOL} newline   {_LEFT}special token{_RIGHT}",
            style="dim",
        )

    def record(self, record: Record) -> None:
        """Print the prompt and the responses of a record; for a joint comparison, those of each side."""
        for part, names in _parts(record):
            prompt, responses = self.renderer.render_tokens(part)
            fitted = self.truncation.fit(
                prompt,
                [each.ids for each in responses],
                keep_first=self.renderer.keep_first(prompt),
                learned=[each.learned for each in responses],
            )
            self.console.rule(
                Text(f"{part.source}  {part.kind}"), align="left", characters="\N{BOX DRAWINGS LIGHT HORIZONTAL}"
            )
            if fitted.dropped:
                limit = self.truncation.max_length
                self.console.print(f"dropped: {fitted.dropped} ({limit})", style="yellow", markup=False)
                continue
            cut = f", {fitted.prompt_cut} cut" if fitted.prompt_cut else ""
            self.tokens(f"prompt, {len(fitted.prompt)} tokens{cut}", "P", fitted.prompt, None)
            each_response = zip(names, fitted.responses, fitted.learned, fitted.responses_cut, strict=True)
            for name, response, learned, lost in each_response:
                cut = f", {lost} cut (end token lost)" if lost else ""
                cut += "" if learned is None else f", {sum(learned)} of them learned"
                self.response(f"{name}, {len(response)} tokens{cut}", response, learned, fitted.prompt[-1])

    def response(self, title: str, ids: list[int], learned: Mask, before: int) -> None:
        """Print a response; runs of context in it, which are not learned, have a mark of their own."""
        runs = groupby(range(len(ids)), key=lambda place: learned is None or learned[place])
        for own, places in runs:
            run = list(places)
            self.tokens(title, "R" if own else "C", ids[run[0] : run[-1] + 1], ids[run[0] - 1] if run[0] else before)
            title = ""

    def tokens(self, title: str, mark: str, ids: list[int], before: int | None) -> None:
        """Print one block; every line begins with the block's mark, so that it is readable without colours."""
        colour = {"P": "blue", "C": "yellow"}.get(mark, "green")
        if title:
            self.console.print(Text(f"{mark} {title}", style=f"bold {colour}"))
        line = Text()
        for token, piece in zip(ids, pieces(self.renderer, ids, before), strict=True):
            visible = shown(piece.translate(_VISIBLE))
            if token in self.special:
                visible = f"{_LEFT}{visible}{_RIGHT}"
            if line and line.cell_len + len(visible) + 8 > self.console.width:
                line = self._flush(mark, colour, line)
            line.append(visible, style=f"bold reverse {colour}" if token in self.special else colour)
            if self.with_ids:
                line.append(f":{token}", style="dim")
            line.append(_BOUNDARY, style="dim")
            if "\n" in piece:
                line = self._flush(mark, colour, line)
        if line:
            self._flush(mark, colour, line)

    def _flush(self, mark: str, colour: str, line: Text) -> Text:
        """Print a line after its mark, and return an empty one."""
        self.console.print(Text.assemble((f"{mark} ", f"bold {colour}"), line))
        return Text()


def _parts(record: Record) -> list[tuple[Record, list[str]]]:
    """The parts of a record that have their own prompt (each side of a joint comparison), and names of responses."""
    if not isinstance(record, JointComparison):
        return [(record, _names(record))]
    context: dict[str, Any] = {"tools": record.tools, "template_arguments": record.template_arguments}
    sides = zip(record.answered, record.responses, _names(record), strict=True)
    return [
        (Demonstration(prompt=prompt, completion=response, source=record.source, **context), [name])
        for prompt, response, name in sides
    ]


def _names(record: Record) -> list[str]:
    """A name for each response of a record."""
    if isinstance(record, Comparison):
        return ["chosen", "rejected"]
    if isinstance(record, Judgement):
        return [f"completion, {'desirable' if record.label else 'undesirable'}"]
    if isinstance(record, Ranking):
        values = zip(record.scores or record.ranks or (), record.completions, strict=True)
        name = "score" if record.scores else "rank"
        return [f"completion {at}, {name} {value:g}" for at, (value, _) in enumerate(values, start=1)]
    return ["completion"] * len(record.responses)
