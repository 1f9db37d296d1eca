"""What a round asks of engine, judge and memory, and which texts the policy reads, before a model is loaded."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from statistics import fmean

from penchant.feedback.records import Text
from penchant.forest.batching import plan_batches
from penchant.modalities.language_model import model_shape
from penchant.modalities.memory import ModelSize
from penchant.modalities.modality import Modality, Sizes, told
from penchant.online.preparation import Prepared
from penchant.online.recipe import OnlineRecipe
from penchant.online.reference import BEFORE
from penchant.online.token_facts import REFERENCE
from penchant.training.arguments import micro_batches

__all__ = ["Round", "memory", "round_of", "texts"]

# Characters of a text that are shown.
SHOWN = 300


@dataclass(frozen=True)
class Round:
    """What one round asks for, at most.

    Args:
        prompts: prompts of a round.
        sampled: responses of the policy that are generated.
        further: responses of opponents that are generated.
        greedy: responses that greedy decoding gives, one a prompt where the pairing reads them.
        given: responses that come from the records.
        searches: the sampler that tries more than what it gives; empty without a search.
        turns: texts that make a response at most.
        scored: responses that the judge scores.
        compared: comparisons of two responses that the judge is asked for; a tournament may need fewer.
        prompt_tokens: tokens of the prompts, each once.
        new_tokens: tokens that are generated.
    """

    prompts: int
    sampled: int
    further: int
    greedy: int
    given: int
    scored: int
    compared: int
    prompt_tokens: int
    new_tokens: int
    searches: str = ""
    turns: int = 1

    @property
    def generation(self) -> str:
        """The calls of the engine in words."""
        talks = f", conversations with up to {self.turns:,} turns in all" if self.turns > 1 else ""
        kinds = ((f"of the policy{talks}", self.sampled), ("of the opponent", self.further), ("greedy", self.greedy))
        parts = [f"{count:,} {whose}" for whose, count in kinds if count]
        given = f"{self.given:,} responses are those of the records" if self.given else ""
        drawn = f"{', '.join(parts)}" if parts else "nothing is generated"
        more = f"and what the search of {self.searches!r} tries" if self.searches else ""
        return "; ".join(part for part in (drawn, given, more) if part)

    @property
    def judging(self) -> str:
        """The calls of the judge in words."""
        parts = [f"{self.scored:,} responses scored"] if self.scored else []
        parts += [f"up to {self.compared:,} comparisons of two responses"] if self.compared else []
        return ", ".join(parts) or "nothing is asked"

    @property
    def tokens(self) -> str:
        """The tokens in words."""
        return (
            f"{self.prompt_tokens:,} of prompts, read once for all samples of one; up to {self.new_tokens:,} generated"
        )


def round_of(recipe: OnlineRecipe, prepared: Prepared, prompts: int) -> Round:
    """What a round asks for, if nothing is drawn again (``resample``) and the sampler does no search.

    Args:
        recipe: the run.
        prepared: its parts before the model.
        prompts: number of prompts of a round.
    """
    texts = prepared.sampler.texts
    own = prompts * recipe.samples_per_prompt
    opponent = prepared.opponent
    more = int(getattr(opponent, "samples", 0))
    both = getattr(opponent, "both", False)
    shown = (1 + both) if opponent.demonstrated else 0
    greedy = prompts if prepared.pairing.greedy else 0
    responses = recipe.samples_per_prompt + more + shown
    compared = prompts * _comparisons(prepared, responses) if _compares(prepared) else 0
    judge = prepared.judge
    silent = judge is None or judge.silent
    scored = 0 if silent or (compared and not judge.gives_scores) else prompts * responses + greedy  # type: ignore[union-attr]
    lengths = [len(prepared.engine.prompt_ids(prepared.asking.question(each))) for each in prepared.train]
    drawn = own * (texts or 0) + prompts * more + greedy
    return Round(
        prompts,
        own if texts else 0,
        prompts * more,
        greedy,
        prompts * shown + (own if texts == 0 else 0),
        scored,
        0 if silent else compared,
        round(fmean(lengths) * prompts),
        drawn * recipe.max_new_tokens,
        prepared.sampler.id if texts is None else "",
        max(1, texts or 0),
    )


def _compares(prepared: Prepared) -> bool:
    """Whether the judge is asked who beats whom."""
    judge = prepared.judge
    return prepared.pairing.comparing(prepared.objective.requirements.fields, judge is None or judge.gives_scores)


def _comparisons(prepared: Prepared, responses: int) -> int:
    """Comparisons of the responses to one prompt: those that the pairing asks for, or every two."""
    asked: list[int] = []

    def beats(first: int, second: int) -> float:
        asked.append(1)
        return 1.0 if first < second else 0.0

    if prepared.pairing.ask(responses, beats) is None:
        return math.comb(responses, 2)
    return len(asked)


def memory(recipe: OnlineRecipe, prepared: Prepared, prompts: int) -> str:
    """The memory of a round at its longest: training with frozen copies of the policy, and the cache of sampling.

    Args:
        recipe: the run.
        prepared: its parts before the model.
        prompts: number of prompts of a round.
    """
    part = _micro_batch(recipe, prepared, prompts)
    found = _alone(prepared.modality, recipe).estimate(Sizes(part), needs_reference=False)
    size = ModelSize.of(model_shape(recipe.model, recipe.base))
    frozen = _frozen(recipe, prepared)
    copies = len(frozen) * size.stored * size.parameters
    longest = max(len(prepared.engine.prompt_ids(each.prompt)) for each in prepared.train)
    kept_tokens = prepared.sampler.kept_tokens(longest, recipe.max_new_tokens)
    rows = min(prompts * recipe.samples_per_prompt, prepared.engine.at_once)
    generates = prepared.engine.follows_policy and prepared.sampler.texts != 0
    cache = 2 * size.layers * size.keys * kept_tokens * rows * size.stored if generates else 0
    kept = f"frozen copies ({', '.join(frozen)}) {told(copies)}" if frozen else "no frozen copy"
    return (
        f"{found.memory} for training on {part:,} tokens at once; {kept}; keys and values of {rows:,} responses while "
        f"sampling {told(cache)}"
    )


def _alone(modality: Modality, recipe: OnlineRecipe) -> Modality:
    """The modality without what it would count for a reference of a run on fixed data."""
    alone = copy.copy(modality)
    alone.settings = recipe.model_copy(update={"reference": "none"})
    return alone


def _frozen(recipe: OnlineRecipe, prepared: Prepared) -> list[str]:
    """The versions of the weights that are kept beside the policy, in all kinds of rounds."""
    needs = [each.objective.requirements.needs for each in prepared.phases]
    asked = any(each.reference for each in needs) or recipe.reward_kl > 0
    asked = asked or any(REFERENCE in each.pairing.reads for each in prepared.phases)
    judged = () if prepared.judge is None else prepared.judge.checkpoints
    found = [recipe.reference] if asked or recipe.reference == "teacher" else []
    found += [name for each in needs for name in each.checkpoints]
    found += [*(name for each in prepared.phases for name in each.sampler.checkpoints)]
    found += [*prepared.opponent.checkpoints, *judged]
    found += ["previous"] if BEFORE in found else []
    found += ["the one before it"] if prepared.update.looks_back and asked else []
    found += ["before the look-ahead"] if recipe.step_rule == "extragradient" else []
    found += ["at the start of the run"] if recipe.step_rule == "restart" else []
    adapter = recipe.lora is not None
    return [name for name in dict.fromkeys(found) if not (adapter and name == "initial")]


def _micro_batch(recipe: OnlineRecipe, prepared: Prepared, prompts: int) -> int:
    """The tokens of the largest part of a step, if every response has the greatest length."""
    views = prepared.objective.requirements.views
    responses = recipe.samples_per_prompt if "responses" in prepared.pairing.views else max(1, len(views))
    longest = max(len(prepared.engine.prompt_ids(each.prompt)) for each in prepared.train)
    sizes = [longest + responses * recipe.max_new_tokens] * max(1, prompts)
    plan = plan_batches(
        sizes,
        batch_size=recipe.batch_size,
        tokens_per_batch=recipe.tokens_per_batch,
        epochs=1.0,
        max_steps=1,
        seed=0,
        group_by_length=False,
    )
    parts = micro_batches(recipe, plan, sizes, 1, prepared.objective.batch_coupled)
    largest = max(map(len, plan.steps))
    return sizes[0] * -(-largest // parts)


def texts(prepared: Prepared) -> dict[str, str]:
    """The first prompt as the policy reads it when it samples, and as it is trained.

    Args:
        prepared: the run's parts before the model.
    """
    first = prepared.train[0]
    sent, trained = (_rendered(prepared, prompt) for prompt in (prepared.asking.question(first), first.prompt))
    same = "the same" if sent == trained else trained
    return {"the policy reads": sent, "trained": f"{same}, and then the response alone counts"}


def _rendered(prepared: Prepared, prompt: Text) -> str:
    text = prepared.engine.renderer.decode(prepared.engine.prompt_ids(prompt), skip_special_tokens=False)
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} … {text[-SHOWN // 2 :]}")
