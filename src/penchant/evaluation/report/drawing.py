"""Matplotlib figures as inline SVG with the page's CSS colours, for light mode, dark mode and print."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from io import StringIO
from pathlib import Path

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from penchant.errors import OutputError

__all__ = ["RUN_COLOURS", "Colours", "colour", "draw", "people_ticks", "save_picture"]

#: From the name of a page colour, such as ``accent``, to the colour to draw with.
Colours = Callable[[str], str]

RUN_COLOURS = tuple(f"run{index}" for index in range(8))
_NAMES = ("ink", "muted", "rule", "panel", "accent", "chosen", "rejected", "before", "after", *RUN_COLOURS)
# Unique placeholder colours; after drawing, each is replaced by the page's CSS variable of that name.
_SENTINELS = {name: f"#a5{index:02x}5a" for index, name in enumerate(_NAMES)}


def colour(name: str) -> str:
    """The placeholder colour that becomes the page's CSS variable ``--name``."""
    return _SENTINELS[name]


def _style(colours: Colours = colour) -> dict[str, object]:
    ink, muted, rule = colours("ink"), colours("muted"), colours("rule")
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "penchant",
        "font.size": 8,
        "text.color": ink,
        "axes.labelcolor": muted,
        "axes.labelsize": 8,
        "axes.edgecolor": rule,
        "axes.linewidth": 0.8,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "grid.color": rule,
        "grid.linewidth": 0.6,
        "xtick.color": rule,
        "ytick.color": rule,
        "xtick.labelcolor": muted,
        "ytick.labelcolor": muted,
        "xtick.major.size": 2.5,
        "ytick.major.size": 0,
        "figure.facecolor": "none",
        "lines.solid_joinstyle": "round",
        "lines.solid_capstyle": "round",
    }


def draw(
    slug: str,
    description: str,
    paint: Callable[[list[Axes]], None],
    *,
    width: float = 4.2,
    height: float = 2.3,
    rows: int = 1,
) -> Markup:
    """Draw a figure as an ``<svg>`` element for a page, without fixed size, external reference or script.

    Args:
        slug: unique on the page; prefixes every id in the SVG, so that charts do not share ids.
        description: of the chart, for screen readers.
        paint: draws on ``rows`` axes, stacked with a common horizontal axis.
        width: of the figure in inches of 72 units; the page scales it. Text is 8 units high.
        height: of the figure in inches.
        rows: number of axes.

    Example:
        >>> svg = draw("loss", "The loss falls.", lambda axes: axes[0].plot([0, 1], [1, 0], color=colour("accent")))
        >>> "var(--accent)" in svg, "http" in svg
        (True, False)
    """
    with matplotlib.rc_context(_style()):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        paint(list(axes))
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(buffer.getvalue(), slug, description)


def save_picture(
    path: Path,
    paint: Callable[[list[Axes], Colours], None],
    *,
    width: float,
    height: float,
    rows: int,
    columns: int,
    caption: str,
) -> Path:
    """Draw a figure as a PNG file, in the light colours of the page.

    Args:
        path: the file; it is replaced.
        paint: draws on ``rows`` × ``columns`` axes, given row by row with the colours by name.
        width: in inches of 160 dots.
        height: in inches.
        rows: number of rows of axes.
        columns: number of columns of axes.
        caption: a line below the figure.

    Raises:
        OutputError: the file cannot be written.
    """
    palette = _light_colours()
    with matplotlib.rc_context(_style(palette.__getitem__)):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor=palette["panel"])
        FigureCanvasAgg(figure)
        paint(list(figure.subplots(rows, columns, squeeze=False).flat), palette.__getitem__)
        figure.supxlabel(caption, fontsize=8, color=palette["muted"])
        _save(figure, path)
    return path


def _light_colours() -> dict[str, str]:
    """The page's colours by name, in light mode."""
    css = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--(\w+): (#\w{6});", css[: css.index("@media")]))


def _save(figure: Figure, path: Path) -> None:
    try:
        figure.savefig(path, format="png", dpi=160)
    except OSError as error:
        raise OutputError(
            f"the picture cannot be written ({error.strerror or error}).",
            where=str(path),
            fix="Free disk space, or choose another path with --output.",
        ) from error


def people_ticks(axes: Axes, *, percent: bool = False) -> None:
    """Few ticks: whole steps on the horizontal axis, thousands separators or percent on the vertical axis."""
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace("-", "−")))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if percent:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %".replace("-", "−")))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "−")))


def _inline(svg: str, slug: str, description: str) -> Markup:
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="([^"]+)"', body)
    body = body[body.index(">") + 1 :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{slug}-\1"', body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{slug}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{slug}-\1)", body)
    # Hundredths of a unit are finer than any screen; further digits would double the size of the page.
    body = re.sub(r' (d|x|y|points|transform)="[^"]*"', lambda found: _rounded(found.group(0)), body)
    # Charts use the font of the page.
    body = re.sub(r"(font: [0-9.]+px )[^;\"]+", r"\1var(--font)", body)
    for name, sentinel in _SENTINELS.items():
        body = body.replace(sentinel, f"var(--{name})")
    body = "\n".join(filter(None, map(str.strip, body.split("\n"))))
    box = view.group(1) if view else "0 0 100 100"
    return Markup(f'<svg viewBox="{box}" role="img" aria-label="{escape(description)}">{body}')


def _rounded(attribute: str) -> str:
    return re.sub(r"(\.\d{2})\d+", r"\1", attribute)
