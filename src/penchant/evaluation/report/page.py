"""Rendering of page templates, and writing of pages whole or not at all."""

from __future__ import annotations

import os
import re
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from penchant.errors import OutputError

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
    try:
        if output.exists() and _MARK not in output.read_text(encoding="utf-8", errors="replace")[:2000]:
            raise OutputError(
                "the file exists and is not a Penchant report, so it is not overwritten.",
                where=str(output),
                fix="Choose another --output, or move the file.",
            )
        output.parent.mkdir(parents=True, exist_ok=True)
        # Written beside the target and then moved, so that a full disk does not leave an incomplete page.
        partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
        try:
            partial.write_text(page, encoding="utf-8")
            partial.replace(output)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"the report cannot be written ({error.strerror or error}).",
            where=str(output),
            fix="Free disk space, or choose another path with --output.",
        ) from error
    return output


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return metadata.version("penchant")
    except metadata.PackageNotFoundError:
        return ""
