"""``penchant list KIND`` and ``penchant show KIND ID``: the contents of every registry."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from penchant.errors import ConfigurationError, nearest
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.registry import Registry
    from penchant.settings import Setting

__all__ = ["KINDS", "Kind", "find_kind", "list_things", "show_thing", "summary_of"]


@dataclass(frozen=True)
class Kind:
    """One kind of registered thing.

    Args:
        meaning: what things of this kind are.
        registry: the dotted path of the registry, which is imported on first use.
        summary: the attribute with a one-sentence description; if empty, the first line of the docstring.
        facts: attributes that ``penchant show`` prints.
        page: the dotted path of a function that renders a thing as a Markdown page; may be empty.
        heading: of the column of summaries in ``penchant list``.
    """

    meaning: str
    registry: str
    summary: str = ""
    facts: tuple[str, ...] = ()
    page: str = ""
    heading: str = "description"

    def load(self) -> Registry[Any]:
        """The registry itself."""
        return _load(self.registry)


#: All kinds, by the name on the command line.
KINDS = {
    "methods": Kind(
        "objectives to train with",
        "penchant.objectives.core.registry.OBJECTIVES",
        page="penchant.cli.method_pages.method_page",
    ),
    "views": Kind(
        "sequences that methods score, such as chosen and rejected",
        "penchant.feedback.views.view.VIEWS",
        summary="needs",
        facts=("fields", "builder", "crossed", "source", "against", "shapes"),
        heading="made from",
    ),
    "builders": Kind(
        "data builders, for `penchant data build`",
        "penchant.curation.registry.BUILDERS",
        facts=("reads", "writes"),
    ),
    "judges": Kind(
        "score or compare responses",
        "penchant.rewards.registry.JUDGES",
        facts=("formula", "span", "advice"),
    ),
    "metrics": Kind(
        "figures of evaluation and diagnostics: formula, range, direction, reading",
        "penchant.evaluation.explained.metric.METRICS",
        summary="meaning",
        page="penchant.cli.explained.pages.metric_page",
    ),
    "pairings": Kind(
        "turn judged samples into training examples in online training", "penchant.online.pairing.PAIRINGS"
    ),
    "reference-updates": Kind(
        "update the reference between rounds of online training",
        "penchant.online.reference_updates.REFERENCE_UPDATES",
    ),
    "engines": Kind("generate responses", "penchant.generation.ENGINES"),
    "choices": Kind("make one response of several samples, in `generate`", "penchant.inference.choice.CHOICES"),
    "promptings": Kind(
        "put prompts to a model in another form, in `generate`", "penchant.inference.prompting.base.PROMPTINGS"
    ),
    "merges": Kind("make one model of several, in `merge`", "penchant.training.merging.rules.MERGES"),
    "modalities": Kind("what responses consist of: text, images", "penchant.modalities.modality.MODALITIES"),
    "worlds": Kind("small worlds with known ground truth", "penchant.lab.worlds.registry.WORLDS"),
    "claims": Kind(
        "results of papers, tested in small worlds",
        "penchant.lab.claims.claim.CLAIMS",
        summary="sentence",
        facts=("paper", "methods", "baselines", "quantity"),
    ),
}

_KindArgument = typer.Argument(metavar="[KIND]", help=f"{', '.join(KINDS)}; default: list the kinds.")


def list_things(
    kind: Annotated[Optional[str], _KindArgument] = None,  # noqa: UP045 - what typer reads in every version
) -> None:
    """List methods, judges, data builders, views and other registered parts."""
    if kind is None:
        _print_table("kind", "description", [(name, each.meaning) for name, each in KINDS.items()])
        return
    found = find_kind(kind)
    registry = found.load()
    aliases = registry.aliases()
    rows = []
    for name in registry.names():
        others = [alias for alias, stands_for in aliases.items() if stands_for == name]
        also = f" (also {', '.join(others)})" if others else ""
        rows.append((name, summary_of(registry.get(name), found) + also))
    _print_table(registry.kind, found.heading, rows)
    echo(f"{len(rows)} {kind}; `penchant show {kind} ID` shows one.")


def show_thing(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)}.")],
    name: Annotated[str, typer.Argument(metavar="ID", help="An id from `penchant list KIND`, or an alias.")],
) -> None:
    """Show one registered part: what it does, and its settings with types, ranges and defaults."""
    found = find_kind(kind)
    registry = found.load()
    thing = registry.get(name, f"penchant show {kind}")
    if found.page:
        print_page(_load(found.page)(thing))
        return
    echo(f"{registry.resolve(name)}: {summary_of(thing, found)}")
    body = _documentation(thing).partition("\n")[2].strip("\n")
    # An object has the docstring of its class, which says nothing of this one.
    if body and (inspect.isclass(thing) or inspect.isroutine(thing)):
        echo(f"\n{body}")
    facts = [(fact, getattr(thing, fact, None)) for fact in found.facts]
    for fact, value in facts:
        if value:
            echo(f"\n{fact}: {', '.join(map(str, value)) if isinstance(value, tuple) else value}")
    if hasattr(thing, "declared_settings"):
        echo()
        _print_settings(thing.declared_settings())


def find_kind(name: str) -> Kind:
    """The kind with this name.

    Raises:
        ConfigurationError: there is no such kind; the message suggests the nearest name.

    Example:
        >>> find_kind("jugdes")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: There is no kind 'jugdes'. Did you mean 'judges'?
    """
    if name not in KINDS:
        raise ConfigurationError(f"There is no kind {name!r}. {nearest(name, KINDS)}")
    return KINDS[name]


def summary_of(thing: Any, kind: Kind) -> str:
    """A thing described in one line.

    Args:
        thing: a class, a function or an object.
        kind: the kind that it belongs to.

    Example:
        >>> summary_of(Kind, Kind("", ""))
        'One kind of registered thing.'
    """
    stated = getattr(thing, kind.summary, "") if kind.summary else ""
    return " ".join(str(stated or _documentation(thing).partition("\n")[0]).split())


def print_page(page: str) -> None:
    """Print a Markdown page, rendered on a terminal and as plain text elsewhere."""
    from rich.markdown import Markdown

    console = make_console()
    if console.is_terminal:
        console.print(Markdown(page))
    else:
        echo(page, nl=False)


def _documentation(thing: Any) -> str:
    """The thing's own docstring, not an inherited one."""
    return inspect.cleandoc(thing.__doc__ or "")


def _load(path: str) -> Any:
    """The object at a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _print_table(what: str, heading: str, rows: list[tuple[str, str]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    table.add_column(what, no_wrap=True)
    table.add_column(heading, ratio=1)
    for name, text in rows:
        table.add_row(name, text)
    make_console(highlight=False, markup=False).print(table)


def _print_settings(settings: list[Setting]) -> None:
    from rich import box
    from rich.table import Table

    if not settings:
        echo("It has no settings.")
        return
    table = Table("setting", "type", "range", "default", "meaning", box=box.SIMPLE)
    for each in settings:
        table.add_row(each.name, each.type, each.range or "any", repr(each.default), each.doc)
    make_console(highlight=False, markup=False).print(table)
