"""``penchant unlearn``: train a model to forget records, and measure what it forgets and what it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.options import AsChat, ChatTemplate, HyperParameters, MaxLength, RecipeWords, Renamed, TrustRemoteCode
from penchant.cli.words import data_of, first_lines, pairs, parse_mapping, read_words, split_words
from penchant.errors import ConfigurationError
from penchant.terminal import make_console

if TYPE_CHECKING:
    from penchant.evaluation.unlearning.relearning import Attack

__all__ = ["unlearn"]

ForgetFile = Annotated[
    str | None,
    typer.Option(
        help="Records to forget: a prompt and a completion each. The fields paraphrase and perturbed (the answer "
        "in other words, wrong answers) serve the truth ratio."
    ),
]
KeptFiles = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=PATH", help="Further records to keep, measured only: real_authors=a.jsonl."),
]
HoldoutFile = Annotated[
    str | None,
    typer.Option(help="Records like those to forget that no model was trained on, for membership inference."),
]


def unlearn(
    words: RecipeWords = None,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id.")] = None,
    forget: ForgetFile = None,
    retain: Annotated[str | None, typer.Option(help="Records to keep.")] = None,
    method: Annotated[
        str, typer.Option(help="Method, named sum or expression; npo is npo + retain-nll where there is --retain.")
    ] = "npo",
    set_: HyperParameters = None,
    retrained: Annotated[
        str | None, typer.Option(help="A model that never saw the forget set: the reference of every number.")
    ] = None,
    kept: KeptFiles = None,
    holdout: HoldoutFile = None,
    refusals: Annotated[
        str | None, typer.Option(help="For idk and idk-dpo: file with one refusal a line; a list of eight by default.")
    ] = None,
    questions: Annotated[int, typer.Option(min=1, help="At most this many questions of each set are measured.")] = 100,
    measure_every: Annotated[
        int | None, typer.Option(min=1, help="Steps between measurements; default: six in a run.")
    ] = None,
    relearn_steps: Annotated[int, typer.Option(min=0, help="Steps of the relearning attack; 0 for none.")] = 20,
    relearn_records: Annotated[int, typer.Option(min=1, help="Forgotten records that the attacker has.")] = 5,
    relearn_rate: Annotated[float, typer.Option(help="Learning rate of the attacker.")] = 1e-4,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Train nothing; measure --model, which has unlearned already.")
    ] = False,
    before: Annotated[str | None, typer.Option(help="With --evaluate: the model before unlearning.")] = None,
    map_: Renamed = None,
    chat_template: ChatTemplate = None,
    as_chat: AsChat = False,
    max_length: MaxLength = None,
    out: Annotated[str | None, typer.Option("--out", "--output", "-o", help="Output folder.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the run in the folder and start again.")
    ] = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Train a model to forget records, and report what it forgets, what it keeps, and what relearning brings back."""
    further = _named(kept)
    options: dict[str, Any] = {"model": model, "output": out, "chat_template": chat_template, "max_length": max_length}
    options = _options(options, as_chat, set_, map_)
    if not evaluate:
        _check_keys(words, options, forget, retain, method)
    attack = _attack(relearn_records, relearn_steps, relearn_rate)
    if evaluate:
        asked: dict[str, Any] = {"before": before, "retrained": retrained, "kept": further, "holdout": holdout}
        asked |= {"limit": questions, "attack": attack, "max_length": max_length}
        asked |= {"rendering": {"chat_template": chat_template, "as_chat": as_chat}}
        asked |= {"mapping": parse_mapping(map_) or None}
        _evaluate(model, forget, retain, asked, Path(out or "runs/unlearning"), words)
        return
    if before is not None:
        raise ConfigurationError("--before is given without --evaluate.", fix="Add --evaluate, or remove --before.")
    options |= _method_and_data(forget, retain, method)
    wanted: dict[str, Any] = {"retrained": retrained, "kept": further, "holdout": holdout, "questions": questions}
    wanted |= {"every": measure_every, "attack": attack, "refusals": refusals}
    _train(words, options, wanted, resume=resume, overwrite=overwrite)


def _options(
    plain: dict[str, Any], as_chat: bool, settings: list[str] | None, mapping: list[str] | None
) -> dict[str, Any]:
    """The recipe keys of the options."""
    plain |= {"as_chat": True} if as_chat else {}
    plain |= {f"objective.{key}": value for key, value in pairs(settings or [], "--set").items()}
    return plain | {f"mapping.{key}": value for key, value in parse_mapping(mapping).items()}


def _named(kept: list[str] | None) -> dict[str, str]:
    """The further sets by name."""
    found = data_of(kept or [], "--kept")
    if found is None or isinstance(found, dict):
        return found or {}
    name, sign, path = str(found if isinstance(found, str) else found[0]).partition("=")
    if not sign:
        raise ConfigurationError(f"--kept {name} has no name.", fix="Write --kept NAME=PATH.")
    return {name: path}


def _attack(records: int, steps: int, rate: float) -> Attack:
    from penchant.evaluation.unlearning.relearning import Attack

    return Attack(records=records, steps=steps, learning_rate=rate)


def _check_keys(
    words: list[str] | None, options: dict[str, Any], forget: str | None, retain: str | None, method: str
) -> None:
    """Refuse a mistyped key before the libraries are loaded, which decide what objective the method stands for."""
    recipe, keys = split_words(words or [])
    if forget is None and recipe is None and "data" not in keys:
        raise ConfigurationError("There is no forget set.", fix="Give --forget FILE.")
    if forget is not None:
        # The most that a method becomes: with a retain term, where there are records to keep.
        name = method if retain is None or any(sign in method for sign in "+*(") else f"{method}+retain-nll"
        options = options | {"data": {"forget": forget}, "objective.name": name}
    read_words(words, {"output": "runs/unlearned", **options})


def _method_and_data(forget: str | None, retain: str | None, method: str) -> dict[str, Any]:
    """The objective and the data as recipe keys; those of a recipe stay where no option names them."""
    if forget is None:
        return {}
    from penchant.training.unlearning.methods import objective_of_method

    data = {"forget": forget} | ({} if retain is None else {"retain": retain})
    return {"data": data, "objective.name": objective_of_method(method, retain is not None)}


def _train(
    words: list[str] | None, options: dict[str, Any], wanted: dict[str, Any], *, resume: bool, overwrite: bool
) -> None:
    """Run the training, and print what it forgot."""
    recipe = read_words(words, {"output": "runs/unlearned", **{k: v for k, v in options.items() if v is not None}})
    from penchant.training.progress import ProgressReporter

    reporter = ProgressReporter()
    for line in first_lines(recipe):
        reporter.say(line)
    from penchant.cli.result import print_result
    from penchant.training.preparation import Given
    from penchant.training.unlearning.api import Examination, unlearn_recipe

    with interruptible():
        found = unlearn_recipe(
            recipe, Given(), Examination(**wanted), resume=resume, overwrite=overwrite, reporter=reporter
        )
    print_result(found.run, reporter)
    _print(found.report, found.page)


def _evaluate(
    model: str | None,
    forget: str | None,
    retain: str | None,
    asked: dict[str, Any],
    folder: Path,
    words: list[str] | None,
) -> None:
    """Measure a model without training, and write its report."""
    if model is None or forget is None:
        raise ConfigurationError("--evaluate needs --model and --forget.", fix="Give both.")
    if words:
        raise ConfigurationError(f"--evaluate trains nothing and reads no recipe key: {' '.join(words)}.")
    import json

    from penchant.errors import OutputError
    from penchant.evaluation.report.unlearning_page import write_unlearning
    from penchant.evaluation.unlearning.evaluating import evaluate_unlearning

    report = evaluate_unlearning(model, forget, retain, **asked)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "unlearning.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The figures cannot be written ({error.strerror}).", where=str(folder)) from error
    page = write_unlearning(report, folder / "unlearning.html", "Unlearning", f"{model}, measured on {forget}")
    _print(report, page)


def _print(report: dict[str, Any], page: Path) -> None:

    from penchant.cli.narrow import print_fitted
    from penchant.evaluation.report.unlearning_page import unlearning_table

    console = make_console()
    print_fitted(console, unlearning_table(report))
    for note in report["notes"]:
        console.print(note, soft_wrap=True, markup=False)
    console.print(f"Unlearning: {page}", soft_wrap=True, markup=False)
