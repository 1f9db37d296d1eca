"""Filling a page template and writing it where it was asked for, whole or not at all."""

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
    """Fill one of the templates beside this file; everything but charts and styles is escaped.

    Args:
        template: file name, such as ``"run.html"``.
        values: the template's names. A name it uses and does not get is an error, not a gap on the page.

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
    """Write a page, replacing only a page that Penchant wrote before.

    Raises:
        OutputError: if the place cannot be written, or holds a file that is not one of our pages.
    """
    output = Path(output)
    if output.is_dir():
        raise OutputError("this is a folder.", where=str(output), fix=f"Name a file: {output / 'report.html'}.")
    try:
        if output.exists() and _MARK not in output.read_text(encoding="utf-8", errors="replace")[:2000]:
            raise OutputError(
                "this file exists and is not a report of Penchant, so it is not overwritten.",
                where=str(output),
                fix="Choose another --output, or move the file away.",
            )
        output.parent.mkdir(parents=True, exist_ok=True)
        # A page is written beside its place and then moved: a full disk must not leave half a page for a whole one.
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
            fix="Free space there, or choose another place with --output.",
        ) from error
    return output


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return metadata.version("penchant")
    except metadata.PackageNotFoundError:
        return ""
