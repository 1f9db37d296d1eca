"""``penchant online --dry-run``: the resolved recipe, one response judged, and the rounds of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from penchant.feedback.records import Record, as_text
from penchant.generation.responses import Response
from penchant.named import Named
from penchant.online.collecting import prompts_of_round
from penchant.online.preparation import Prepared, prepare
from penchant.online.recipe import OnlineRecipe
from penchant.online.shown.costs import memory, round_of, texts
from penchant.rewards.scores import scored_samples
from penchant.training.dry_run import print_facts
from penchant.training.preparation import Given, resolved

__all__ = ["describe", "facts", "of_kind"]

# What the judge scores where a record has no response of its own.
STAND_IN = "Yes."
# Characters of a prompt or response that are shown.
SHOWN = 40


def describe(recipe: OnlineRecipe) -> None:
    """Print the resolved recipe, and facts about data, judge and rounds.

    Args:
        recipe: the run.

    Raises:
        PenchantError: any error of the run before its model is loaded, or of the judge.
    """
    prepared = prepare(recipe, Given())
    prepared.modality.check_files()
    print_facts(resolved(recipe, prepared.objective), facts(recipe, prepared))


def facts(recipe: OnlineRecipe, prepared: Prepared) -> dict[str, str]:
    """Facts about data and judge, which scores one response, and about the rounds of each kind.

    Args:
        recipe: the run.
        prepared: its parts before the model.
    """
    lengths = [len(prepared.engine.prompt_ids(record.prompt)) for record in prepared.train]
    limit = prepared.modality.max_length
    shared = {
        "data": f"{len(prepared.train):,} prompts of {prepared.train.name}, up to {max(lengths):,} tokens"
        + ("" if limit is None else f" of {limit:,}"),
        "measured on": prepared.measured_on,
        "judge": judged(prepared, prepared.train[0]),
    }
    kinds = len(prepared.phases)
    if kinds == 1:
        return {**shared, **of_kind(recipe, prepared, recipe.iterations)}
    found = {**shared, "kinds of rounds": f"{kinds:,}, which take turns"}
    for place, phase in enumerate(prepared.phases):
        numbers = range(place, recipe.iterations, kinds)
        own = of_kind(phase.recipe, prepared.of(phase), len(numbers))
        found |= {f"{_rounds(numbers)}: {name}": each for name, each in own.items()}
    return found


def _rounds(numbers: Sequence[int]) -> str:
    """Rounds, of which the first is 0, as they are counted in words."""
    told = [str(each + 1) for each in numbers]
    return f"round {', '.join(told if len(told) <= 3 else [*told[:2], '…', told[-1]]) or 'never'}"


def of_kind(recipe: OnlineRecipe, prepared: Prepared, rounds: int) -> dict[str, str]:
    """Facts about one kind of rounds.

    Args:
        recipe: with the keys of these rounds.
        prepared: with their parts.
        rounds: how many of them there are.
    """
    prompts = len(prompts_of_round(prepared.train, recipe.prompts_per_iteration, recipe.seed, 0))
    samples, costs = prompts * recipe.samples_per_prompt, round_of(recipe, prepared, prompts)
    return {
        "objective": repr(prepared.objective),
        "pairing": _described(prepared.pairing),
        "sampler": _described(prepared.sampler),
        "rounds": f"{rounds:,} of {prompts:,} prompts with {recipe.samples_per_prompt:,} responses each: "
        f"{samples:,} responses of up to {recipe.max_new_tokens * costs.turns:,} tokens per round",
        "a round samples": costs.generation + (f"; up to {recipe.resample} times again" if recipe.resample else ""),
        "a round judges": costs.judging,
        "tokens of a round": costs.tokens,
        "steps": _steps(recipe, prompts, rounds),
        "memory": memory(recipe, prepared, prompts),
        **texts(prepared),
    }


def judged(prepared: Prepared, record: Record) -> str:
    """The score that the judge gives to the record's own response, or to a stand-in.

    Args:
        prepared: holds the judge.
        record: its prompt is judged.
    """
    judge, record = prepared.judge, prepared.sampler.as_judged(record)
    if judge is None or judge.silent:
        return "none"
    response = as_text(record.responses[0]) if record.responses else STAND_IN
    tokens = prepared.engine.response_tokens(record.prompt, response)
    [score] = scored_samples(judge, record, [Response(response, tuple(tokens.ids), True)])[0]
    said = "no score" if math.isnan(score) else f"{score:.4g}"
    asked = f"{_cut(as_text(record.prompt))} ({record.source})"
    return f"{_described(judge)} gives {said} to the response {_cut(response)} to {asked}"


def _steps(recipe: OnlineRecipe, prompts: int, rounds: int) -> str:
    """The optimizer steps, if each prompt gives one example."""
    if recipe.tokens_per_batch is not None:
        return f"as many per round as batches of {recipe.tokens_per_batch:,} tokens"
    examples = prompts * (1 + recipe.history)
    steps = recipe.max_steps or max(1, math.ceil(recipe.epochs * examples / recipe.batch_size))
    return (
        f"up to {steps:,} per round, {steps * rounds:,} in all, of {min(recipe.batch_size, examples):,} "
        "prompts, if each prompt gives one example"
    )


def _described(part: Named) -> str:
    """The name of a part of the recipe with its settings."""
    return f"{part.id}({', '.join(f'{name}={value!r}' for name, value in part.settings.items())})"


def _cut(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")
