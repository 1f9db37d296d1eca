"""Rendering of page templates, and writing of pages whole or not at all."""

from __future__ import annotations

import re
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from penchant.errors import OutputError
from penchant.writing import is_stream, output_errors_of, write_text

__all__ = ["render", "save"]

_MARK = '<meta name="generator" content="Penchant">'


def render(template: str, values: dict[str, Any]) -> str:
    """Render a template of this folder; everything except charts and styles is escaped.

    Args:
        template: file name, such as ``"run.html"``.
        values: variables of the template. A missing variable is an error.

    Returns:
        One self-contained HTML page.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    css = Markup(_source("page.css"))
    return environment.get_template(template).render(css=css, version=_version(), **values)


def unbroken(text: str) -> str:
    """The text with no line break between a number and its unit.

    Example:
        >>> unbroken("from 50 % to 71.5 % at 6 nats")
        'from 50\\xa0% to 71.5\\xa0% at 6\\xa0nats'
    """
    return re.sub(r"(?<=\d) (?=%|×|nats|points|[MB]\b)", "\u00a0", text)


def save(page: str, output: Path) -> Path:
    """Write a page, replacing only pages written by Penchant.

    Raises:
        OutputError: the path cannot be written, or holds a file that is not a page of Penchant.
    """
    output = Path(output)
    if output.is_dir():
        raise OutputError("this is a folder.", where=str(output), fix=f"Name a file: {output / 'report.html'}.")
    fix = "Free disk space, or choose another path with --output."
    with output_errors_of(output, "the report", fix):
        if not is_stream(output) and output.exists() and not _is_ours(output):
            raise OutputError(
                "the file exists and is not a Penchant report, so it is not overwritten.",
                where=str(output),
                fix="Choose another --output, or move the file.",
            )
    write_text(output, page, "the report", fix=fix)
    return output


def _is_ours(page: Path) -> bool:
    if not page.is_file():
        return False
    with page.open("rb") as file:
        return _MARK.encode() in file.read(4000)


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return metadata.version("penchant")
    except metadata.PackageNotFoundError:
        return ""
