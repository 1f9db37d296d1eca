"""What the package prints: the one place through which text reaches a terminal.

Texts, columns, paths and answers come from files, models and servers. Printed as they are, they could move the cursor,
rename the window, hide a line, or run text in the wrong direction; and ``[red]`` in a name is a name, no colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
    from rich.measure import Measurement

__all__ = ["counted", "echo", "make_console", "shown"]

# Controls of C0 (newline and tab aside), DEL and C1; line and paragraph separators; marks that turn the direction of
# writing (overrides, embeddings, isolates); halves of surrogate pairs, which no terminal can encode.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# The same, with newline and tab.
_BROKEN = re.compile(f"[\t\n{_HIDDEN.pattern[1:]}")


def shown(text: object, *, in_one_line: bool = False) -> str:
    """A text in which no character acts on a terminal: ``\\x1b`` for an escape, ``\\u202e`` for an override.

    Args:
        text: anything; its ``str`` is taken.
        in_one_line: write newlines and tabs as ``\\n`` and ``\\t``, too.

    Example:
        >>> shown("red: \\x1b[31m"), shown("a\\nb", in_one_line=True)
        ('red: \\\\x1b[31m', 'a\\\\nb')
    """
    return (_BROKEN if in_one_line else _HIDDEN).sub(_escaped, str(text))


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "vote"), counted(1200, "vote")
        ('1 vote', '1,200 votes')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def echo(text: object = "", *, err: bool = False, nl: bool = True, bold: bool = False) -> None:
    """Print a text as `shown`.

    Args:
        text: what to print.
        err: print to the error stream.
        nl: end the line.
        bold: print it in bold letters.
    """
    import typer

    typer.secho(shown(text), err=err, nl=nl, bold=bold or None)


def make_console(**options: Any) -> Console:
    """A console of ``rich`` that prints texts and tables as `shown` and takes no text for markup or an emoji's name.

    Args:
        options: those of ``rich.console.Console``.

    Example:
        >>> import io
        >>> make_console(file=io.StringIO(), width=40, highlight=False).print("[red]a\\x1b[2J") is None
        True
    """
    from rich.console import Console

    made = Console(**{"markup": False, "emoji": False, **options})
    made.push_render_hook(_Hook())  # type: ignore[arg-type]  # a subclass would load rich with this module
    return made


class _Hook:
    """Wraps what a console prints, so that whoever forgets `shown` does no harm."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """See ``rich.console.RenderHook``."""
        from rich.control import Control

        return [each if isinstance(each, Control) else _Shown(each) for each in renderables]


class _Shown:
    """A renderable whose text is printed as `shown`; colours, which are no text, stay."""

    def __init__(self, inner: ConsoleRenderable) -> None:
        self.inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        parts: Iterable[Segment] = console.render(self.inner, options)
        for part in parts:
            yield part if part.control else Segment(shown(part.text), part.style)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import Measurement

        return Measurement.get(console, options, self.inner)
