"""``penchant data build``: one command per data builder, generated from the builder's class."""

# No postponed annotations here: the commands are generated from the signature of `_build`.

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.commands import command_of, option_of
from penchant.cli.options import AllowOutside, BadRecords, DataFile, Renamed, Split, TrustRemoteCode
from penchant.cli.words import parse_mapping
from penchant.terminal import counted, echo, make_console
from penchant.writing import delete_kept, is_stream

if TYPE_CHECKING:
    from penchant.curation.builder import Builder
    from penchant.curation.rows import Built

__all__ = ["app"]

Output = Annotated[Path, typer.Option("--output", "--out", "-o", help="JSONL file to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]


class Builders(typer.core.TyperGroup):
    """The builders as commands, looked up on demand because that imports heavy libraries."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The ids of all builders."""
        from penchant.curation.registry import BUILDERS

        return BUILDERS.names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a builder.

        Raises:
            ConfigurationError: there is no such builder.
        """
        from penchant.curation.registry import BUILDERS

        return _command(BUILDERS.get(cmd_name, "penchant data build"))


_HELP = "Build the extra data that some methods need, from a file of feedback."
app = typer.Typer(cls=Builders, rich_markup_mode=None, help=_HELP, no_args_is_help=True)


def _command(builder: "type[Builder]") -> Any:
    """The command of a builder: its own options between those that all builders share."""
    shared = [
        each for each in inspect.signature(_build).parameters.values() if each.name not in ("builder", "settings")
    ]
    own = [option_of(each) for each in builder.declared_settings()]
    summary = " ".join(inspect.cleandoc(builder.__doc__ or "").split("\n\n")[0].split())
    text = f"{summary}\n\nReads {builder.reads}; writes {', '.join(builder.writes)}."
    return command_of(
        builder.id, text, [*shared[:2], *own, *shared[2:]], lambda **given: _build(builder=builder, **given)
    )


def _build(
    file: DataFile,
    output: Output,
    overwrite: Overwrite = False,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    allow_outside: AllowOutside = False,
    trust_remote_code: TrustRemoteCode = False,
    *,
    builder: "type[Builder]",
    **settings: Any,
) -> None:
    """Read, build and write, and print how many records were used or dropped."""
    from penchant.curation.rows import require_free
    from penchant.feedback import read
    from penchant.training.progress import ProgressReporter

    inputs = [file, *settings.values()]
    require_free(output, overwrite, inputs)  # checked first, so that no work is lost to a file that cannot be written
    made = builder(**settings)
    feedback = read(file, mapping=parse_mapping(map_), split=split, on_bad=on_bad)  # type: ignore[arg-type]
    keep = None if is_stream(output) else output.with_name(f".{output.name}.unfinished.json")
    reporter, count = ProgressReporter(), len(feedback)
    with reporter.bar(builder.id, count):
        built = made.build_resumably(
            feedback, keep, lambda done, total, what: reporter.advance(count * done // total, count, what)
        )
    if feedback.bad:
        built.count("bad records skipped", len(feedback.bad))
    if feedback.ties:
        built.count("ties left out", feedback.ties)
    built.write(output, overwrite=overwrite)
    if keep is not None:
        delete_kept(keep)
    _show(built, output)


def _show(built: "Built", output: Path) -> None:
    from rich.table import Table

    table = Table("what", "count")
    table.columns[1].justify = "right"
    for name, number in built.counts.items():
        table.add_row(name, f"{number:,}")
    make_console(highlight=False).print(table)
    echo(f"{counted(len(built.rows), 'row')} written to {output}")
