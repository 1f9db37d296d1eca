"""Commands generated from annotated settings, one option per setting."""

# No postponed annotations here: the command-line parser reads them from the signatures that are built below.

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from penchant.settings import REQUIRED, Setting

__all__ = ["command_of", "option_of"]


def option_of(setting: Setting) -> inspect.Parameter:
    """A setting as a command-line parameter: name, type and default, with meaning and range as help.

    Args:
        setting: one that a class declares.

    Example:
        >>> from penchant.objectives import DPO
        >>> beta = option_of(DPO.declared_settings()[0])
        >>> beta.name, beta.default, beta.annotation.__metadata__[0].help
        ('beta', 0.1, 'Inverse temperature of the implied reward; larger stays closer to the reference (> 0).')
    """
    kind = get_args(setting.annotation)[0]
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])  # the setting itself checks its values and names them in errors
    name = f"--{setting.name.replace('_', '-')}"
    names = [f"{name}/--no-{name[2:]}"] if kind is bool and setting.default is True else [name]
    text, values = f"{setting.doc[:1].upper()}{setting.doc[1:]}", setting.range.replace("'", "")
    option = typer.Option(*names, help=f"{text} ({values})." if values else f"{text}.")
    return inspect.Parameter(
        setting.attribute,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if setting.default is REQUIRED else setting.default,
        annotation=Annotated[kind, option],
    )


def command_of(name: str, text: str, parameters: Sequence[inspect.Parameter], act: Callable[..., None]) -> Any:
    """A command built from its parameters.

    Args:
        name: of the command.
        text: its help.
        parameters: its arguments and options, in the order of the help.
        act: called with the values of the parameters by name.

    Returns:
        The command, to return from a group.
    """

    def command(**given: Any) -> None:
        act(**given)

    keyword_only = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    command.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    application = typer.Typer(rich_markup_mode=None, add_completion=False)
    application.command(name, help=text)(command)
    made = typer.main.get_command(application)
    made.name = name
    return made
