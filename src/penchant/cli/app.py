"""The ``penchant`` command: its subcommands, exit codes and error messages.

Exit codes: 0 success, 1 failure (the reason is one paragraph on the error stream), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

import penchant
from penchant.cli import build, data, lab, methods, recommend, sandbox
from penchant.cli.audit import audit
from penchant.cli.chat import chat
from penchant.cli.claims import claims
from penchant.cli.compare import compare
from penchant.cli.convert import convert
from penchant.cli.diagnose import diagnose
from penchant.cli.generate import generate
from penchant.cli.judge import judge
from penchant.cli.key_help import OnlineCommand, RecipeCommand
from penchant.cli.listing import list_things, show_thing
from penchant.cli.logic import logic
from penchant.cli.measuring.agreement import agreement
from penchant.cli.measuring.bargain import bargain
from penchant.cli.measuring.evaluate import evaluate
from penchant.cli.measuring.leaderboard import leaderboard
from penchant.cli.measuring.novelty import novelty
from penchant.cli.measuring.personal_judges import personal_judges
from penchant.cli.measuring.prefeval import prefeval
from penchant.cli.measuring.recommendation_metrics import recommend_metrics
from penchant.cli.measuring.reward_generalization import reward_generalization
from penchant.cli.measuring.token_shift import token_shift
from penchant.cli.measuring.win_rate import win_rate
from penchant.cli.online import online
from penchant.cli.plan import plan
from penchant.cli.quickstart import quickstart
from penchant.cli.receipts import receipts
from penchant.cli.report import report
from penchant.cli.score import score
from penchant.cli.tools import weights
from penchant.cli.tools.serve_policy import serve_policy
from penchant.cli.train import train
from penchant.cli.unlearn import unlearn
from penchant.cli.verify import verify
from penchant.cli.weights.coala import coala
from penchant.cli.weights.levi import levi
from penchant.cli.weights.merge import merge
from penchant.cli.weights.pipeline import pipeline
from penchant.cli.weights.search import search
from penchant.cli.weights.study import study
from penchant.errors import PenchantError
from penchant.terminal import echo

__all__ = ["app", "main"]

DONE, FAILED, INTERRUPTED = 0, 1, 130
# Time for the first of several processes to print an error that all have.
SECONDS_OF_THE_FIRST = 3.0

# Plain help: with rich, `penchant --help` takes twice the time (0.18 s instead of 0.09 s).
app = typer.Typer(name="penchant", rich_markup_mode=None, pretty_exceptions_enable=False, suggest_commands=True)
_COMMANDS = (
    quickstart,
    train,
    online,
    unlearn,
    compare,
    plan,
    merge,
    coala,
    levi,
    pipeline,
    search,
    study,
    convert,
    score,
    judge,
    diagnose,
    novelty,
    reward_generalization,
    personal_judges,
    audit,
    report,
    chat,
    generate,
    token_shift,
    receipts,
    claims,
)
_WITH_KEYS = {train: RecipeCommand, plan: RecipeCommand, unlearn: RecipeCommand, online: OnlineCommand}
for _command in (*_COMMANDS, recommend_metrics, evaluate, prefeval, leaderboard, agreement, bargain, win_rate):
    app.command(cls=_WITH_KEYS.get(_command))(_command)
app.command("list")(list_things)
app.command("show")(show_thing)
data.app.command()(verify)
data.app.add_typer(build.app, name="build")
methods.app.command()(logic)
app.add_typer(data.app, name="data")
app.add_typer(methods.app, name="methods")
app.add_typer(lab.app, name="lab")
app.add_typer(recommend.app, name="recommend")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(weights.app, name="weights")
app.command("serve-policy")(serve_policy)


def _print_version(asked: bool) -> None:
    if asked:
        echo(f"penchant {penchant.__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def penchant_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train models on preference feedback, offline or online, and measure what changes.

    Exit codes: 0 success, 1 failure (the reason is printed), 130 interrupted.
    """
    if context.invoked_subcommand is None:
        echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``penchant`` command and return its exit code.

    Args:
        arguments: what follows ``penchant`` on the command line; default: ``sys.argv[1:]``.

    Returns:
        0 success, 1 failure, 130 interrupted.

    Example:
        >>> main(["--version"])
        penchant 0.1.0
        0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # `--resume` stands alone or with a word, which a flag of the parser cannot have.
    given = [part for word in given for part in (("--resume", "auto") if word == "--resume=auto" else (word,))]
    debug = "--debug" in given
    try:
        code = _dispatch([argument for argument in given if argument != "--debug"])
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of the pipe (`| head`) has exited; Python would report it again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        _after_the_first()
        if debug:
            echo(traceback.format_exc(), err=True, nl=False)
        return _explain(error, debug)
    if code == INTERRUPTED:
        _say("interrupted")
    return code


def _after_the_first() -> None:
    """Wait on every process but the first: if that one has the same error, the launcher ends all once it is printed."""
    if os.environ.get("WORLD_SIZE", "1") != "1" and os.environ.get("RANK", "0") != "0":
        time.sleep(SECONDS_OF_THE_FIRST)


def _dispatch(arguments: list[str]) -> int:
    """Run the command named by ``arguments``. A number returned by a command is its exit code."""
    if not sys.stderr.isatty():
        # Bars of loading would fill log files with lines that nobody sees move.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    command = typer.main.get_command(app)
    result = command.main(args=arguments, prog_name="penchant", standalone_mode=False)
    return result if isinstance(result, int) and not isinstance(result, bool) else DONE


def _explain(error: Exception, debug: bool) -> int:
    """Write the error to the error stream as one paragraph, and return the exit code."""
    if isinstance(error, PenchantError):
        _say(f"error: {error}")
    elif type(error).__name__ == "NoArgsIsHelpError":
        echo(str(error))
        return DONE
    elif hasattr(error, "format_message"):
        # The command-line parser raises these; their module differs between versions of typer.
        context = getattr(error, "ctx", None)
        hint = f" See '{context.command_path} --help'." if context is not None else ""
        _say(f"error: {_sentence(error.format_message())}{hint}")
    else:
        advice = "" if debug else " Run the command again with --debug for the traceback."
        found = _sentence(f"unexpected {type(error).__name__}: {error}")
        _say(f"error: {found} This is a bug in Penchant or in a library it uses.{advice}")
    return FAILED


def _sentence(text: str) -> str:
    """``text``, ending in a full stop."""
    ended = text.rstrip(" :")
    return ended if ended.endswith((".", "?", "!")) else f"{ended}."


def _say(text: str) -> None:
    """Write ``text`` to the error stream as one paragraph."""
    echo(f"penchant: {' '.join(text.split())}", err=True)
