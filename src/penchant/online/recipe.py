"""`OnlineRecipe`: settings of an online run (engine, judge, pairing, reference update) and of its training."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from pydantic import Field, PositiveInt, ValidationInfo, field_validator

from penchant.errors import ConfigurationError, nearest
from penchant.training.recipe import Recipe, validated
from penchant.training.settings.evaluating import HeldOutJudge

__all__ = ["OnlineRecipe", "make_online_recipe", "methods", "packaged_keys", "packaged_notes"]

RECIPES = Path(__file__).parent / "recipes"

# Keys of earlier versions and their replacements.
FORMER_KEYS = {
    "sampling_batch": "engine.batch_size",
    "server_model": "engine.model",
}

# Keys of a run on fixed data that have no meaning between rounds.
OFFLINE = ("keep", "metric", "early_stopping", "checkpoints", "report_to")

# Parts of a recipe with a name and settings.
PARTS = ("objective", "engine", "judge", "pairing", "asking", "opponent", "sampler", "process_reward")

#: Keys that may differ between the rounds of a run.
ALTERNATING = (
    *("objective", "pairing", "sampler", "samples_per_prompt", "prompts_per_iteration", "temperature"),
    *("epochs", "batch_size", "learning_rate", "max_steps"),
)


class OnlineRecipe(Recipe):
    """An online run: sample, judge, pair, train, and repeat.

    Example:
        >>> recipe = make_online_recipe({"method": "grpo", "model": "m", "data": "sums.jsonl"})
        >>> recipe.objective["name"], recipe.pairing["name"], recipe.reference
        ('grpo', 'group', 'initial')
    """

    NAMED_PARTS: ClassVar[Mapping[str, str]] = {
        "objective": "objective",
        "engine": "engine",
        "judge": "judge",
        "pairing": "pairing",
        "asking": "question",
        "opponent": "opponent",
        "sampler": "sampler",
        "process_reward": "process reward",
    }

    data: str | list[str] = Field(description="prompts: file, folder, pattern, or hub id; several as a list")  # type: ignore[assignment]
    eval_data: str | list[str] | None = Field(None, description="held-out file, folder or id; several as a list")  # type: ignore[assignment]
    method: str | None = Field(None, description="packaged recipe to start from; other keys override it")
    objective: dict[str, Any] = Field({"name": "dpo"}, description="name and hyper-parameters")

    by_round: dict[str, list[Any]] = Field(
        {}, description="hyper-parameters of the objective that change: one value a round; the last one stays"
    )

    iterations: PositiveInt = Field(3, le=1_000_000, description="rounds of sampling and training")
    prompts_per_iteration: PositiveInt = Field(256, description="prompts per round")
    samples_per_prompt: PositiveInt = Field(8, le=100_000, description="responses sampled per prompt")
    temperature: float = Field(1.0, ge=0, description="sampling temperature")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus sampling: probability mass to sample from")
    max_new_tokens: PositiveInt = Field(128, le=1_000_000, description="maximum tokens of a response")
    engine: dict[str, Any] = Field(
        {"name": "transformers"},
        description="engine that samples: transformers (in process), server, or catalogue (items, by beam search), and "
        "its settings; server=URL for short",
    )
    sampler: dict[str, Any] = Field(
        {"name": "independent"},
        description="how the policy's responses come about: independent, or another sampler, and its settings",
    )
    process_reward: dict[str, Any] = Field(
        {"name": "none"},
        description="rewards of the steps or turns of a response, learned in the run: none or implicit, and settings",
    )
    alternate: list[dict[str, Any]] = Field(
        [],
        description="further kinds of rounds, which take turns with the recipe's own: for each the keys that differ "
        "(objective, pairing, sampler, ...)",
    )
    stop: list[str] = Field([], description="texts that end a response, and are not part of its text")
    staleness: Literal["refuse", "token", "sequence"] = Field(
        "refuse",
        description="samples of other weights than the policy's, for policy gradients: refuse them, or correct each "
        "token or response by a truncated importance weight",
    )
    staleness_cap: float = Field(2.0, ge=1, description="largest importance weight")
    overlap: int = Field(
        0, ge=0, le=1, description="rounds that a server draws ahead: 1 to draw the next round while this one trains"
    )
    logp_alarm: float = Field(
        0.1, gt=0, description="mean difference between log-probabilities of generator and trainer that warns, nats"
    )
    resample: int = Field(
        0, ge=0, le=100, description="times that a round replaces prompts whose responses all have the same reward"
    )
    idle_rounds: PositiveInt = Field(
        20, description="rounds in a row without any difference in reward after which the run stops"
    )
    history: int = Field(0, ge=0, description="number of earlier rounds whose samples are reused")

    judge: dict[str, Any] = Field(
        {"name": "verifier", "rule": "number"},
        description="judge that scores responses: name and settings; or a list of judges, with weights: their sum",
    )
    unfinished_penalty: float = Field(
        0.0, ge=0, description="subtracted from the reward of a response without an end token"
    )
    overlong_buffer: int = Field(
        0, ge=0, description="number of tokens before the limit over which a length penalty grows to 1"
    )
    reward_kl: float = Field(
        0.0, ge=0, description="weight of the divergence from the reference that is taken off the reward"
    )
    reward_kl_target: float | None = Field(
        None, gt=0, description="divergence of a response, in nats, to which a controller moves reward_kl; none: fixed"
    )
    reward_kl_horizon: PositiveInt = Field(
        10_000, description="responses over which the controller changes reward_kl by at most a fifth"
    )
    roll_in: float = Field(
        0.0, ge=0, le=1, description="share of the samples that begin with tokens of the record's own response"
    )
    pairing: dict[str, Any] = Field(
        {"name": "best_worst"}, description="how samples become training examples: name and settings"
    )
    asking: dict[str, Any] = Field(
        {"name": "prompt"}, description="what the policy reads when it samples: prompt, or revision of a bad reply"
    )
    opponent: dict[str, Any] = Field(
        {"name": "none"},
        description="who else answers: none, record, checkpoint, or mixture of policy and checkpoint; and settings",
    )
    step_rule: Literal["plain", "extragradient", "restart"] = Field(
        "plain",
        description="plain; extragradient: every other round is a look-ahead, from which the next one draws its "
        "samples, and which is then taken back; or restart: every round trains from the weights of the run's start",
    )
    reference: str = Field(  # type: ignore[assignment]
        "initial",
        description="update of the reference between rounds: initial, previous, ema, nesterov, extrapolated; or "
        "teacher (a model)",
    )
    teacher: str | None = Field(None, description="for reference=teacher: folder or hub id of that model")
    reference_rate: float = Field(
        0.1,
        ge=0,
        le=1,
        description="for ema: share of the policy mixed in; for nesterov and extrapolated: extrapolation factor",
    )

    schedule: str = Field("constant", description="learning-rate schedule within a round, as named in transformers")
    warmup: float = Field(0.0, ge=0, le=1, description="share of a round's steps in which the learning rate warms up")
    optimizer_state: Literal["keep", "fresh"] = Field(
        "keep", description="keep the optimizer's state between rounds, or start each round fresh"
    )
    eval: HeldOutJudge | None = Field(  # type: ignore[assignment]
        None,
        description="judge: who judges held-out responses, if not the judge of the rounds: a verifier where the policy "
        "labels its own samples, or where no judge is needed",
    )
    eval_samples: PositiveInt = Field(1, description="responses sampled per held-out prompt")
    eval_temperature: float = Field(
        1.0, ge=0, description="sampling temperature in measurements; 0 for greedy decoding"
    )
    eval_every: PositiveInt | None = Field(
        None, description="rounds between measurements; default: at most twenty per run"
    )
    save_rounds: PositiveInt | None = Field(
        None, description="rounds between checkpoints; default: at most ten per run"
    )
    save_every: PositiveInt | None = Field(None, description="optimizer steps between checkpoints within a round")

    @field_validator("data", "eval_data", mode="before")
    @classmethod
    def _of_a_known_form(cls, value: Any) -> Any:
        listed = isinstance(value, list) and value and all(isinstance(each, str) and each.strip() for each in value)
        if not (value is None or isinstance(value, str) or listed):
            raise ValueError("expected a path or a list of paths; an online run draws its prompts from one set")
        return value

    @field_validator("engine", "judge", "pairing", "asking", "opponent", "sampler", "process_reward", mode="before")
    @classmethod
    def _by_name(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, list) and info.field_name == "judge":
            return {"name": "sum", "judges": value}
        # ``judge.rule=exact`` alone changes a setting of the default judge.
        default = cls.model_fields[str(info.field_name)].default["name"]
        if not isinstance(value, dict):
            return value
        if not isinstance(value.get("name", default), str):
            raise ValueError(f"its name is missing; leave it out for {default}, or give one")
        return {"name": default, **value}

    @field_validator("reference")
    @classmethod
    def _update(cls, value: str) -> str:
        if value == cls.model_fields["reference"].default:
            return value
        # Imported here: the updates load torch, and a mistyped key is reported before that.
        from penchant.online.reference_updates import find_reference_update

        try:
            find_reference_update(value)
        except ConfigurationError as error:
            raise ValueError(error.what.rstrip(".")) from None
        return value


def methods() -> list[str]:
    """The names of the packaged recipes, sorted.

    Example:
        >>> methods()  # doctest: +ELLIPSIS
        ['apo-nesterov', 'cream', 'curated-retraining', ...]
    """
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def packaged_keys(method: str) -> dict[str, Any]:
    """The keys that a packaged recipe sets.

    Args:
        method: its name, one of `methods`.
    """
    found: dict[str, Any] = yaml.safe_load((RECIPES / f"{method}.yaml").read_text(encoding="utf-8"))
    return found


def packaged_notes(method: str) -> str:
    """What a packaged recipe says of itself: its paper, and which keys other forms change.

    Args:
        method: its name, one of `methods`.

    Example:
        >>> packaged_notes("remax")[:43]
        'ReMax (Li et al., 2023, arXiv:2310.10505): '
    """
    lines = (RECIPES / f"{method}.yaml").read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in itertools.takewhile(lambda each: each[:1] == "#", lines))


def make_online_recipe(values: Mapping[str, Any], where: str = "recipe") -> OnlineRecipe:
    """Make a validated recipe; if it names a ``method``, its keys override the recipe of that method.

    Args:
        values: keys and values; dotted keys (``objective.beta``) reach into parts.
        where: name of the source in errors.

    Raises:
        ConfigurationError: a method or key is unknown, or a value has the wrong type or is out of range.
    """
    for key in FORMER_KEYS.keys() & values.keys():
        raise ConfigurationError(f"There is no key {key!r}. It is called {FORMER_KEYS[key]} here.", where=where)
    values = _with_server(values)
    method = values.get("method")
    base: dict[str, Any] = {}
    if method is not None:
        if method not in methods():
            raise ConfigurationError(f"There is no online method {method!r}. {nearest(str(method), methods())}")
        base = packaged_keys(str(method))
    for key in PARTS:
        given, own = values.get(key), base.get(key)
        if isinstance(given, dict) and isinstance(own, dict) and given.get("name", own["name"]) == own["name"]:
            base[key] = {**own, **given}
            values = {name: each for name, each in values.items() if name != key}
        elif given is not None:
            base.pop(key, None)
    recipe = validated({**base, **values}, where, OnlineRecipe)
    _check(recipe)
    return recipe


def _with_server(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with ``server``, the short form for an engine, written out."""
    rest = {key: value for key, value in values.items() if key != "server"}
    if "server" not in values:
        return rest
    given = {"engine.name": "server", "engine.url": values["server"], "engine.model": values.get("model")}
    engine = rest.get("engine")
    named = {f"engine.{key}" for key in engine} if isinstance(engine, dict) else set()
    return rest | {key: each for key, each in given.items() if key not in rest and key not in named}


def _check(recipe: OnlineRecipe) -> None:
    """Refuse settings that an online run does not support."""
    if recipe.reward_kl_target is not None and recipe.reward_kl == 0:
        raise ConfigurationError(
            "A controller of reward_kl cannot start from 0.",
            where="reward_kl_target",
            fix="Give reward_kl, its first value.",
        )
    if recipe.resample and recipe.judge["name"] == "none":
        raise ConfigurationError(
            "Without a judge all groups are alike, so none can be replaced.", where="resample", fix="Remove resample."
        )
    if recipe.reference == "teacher" and recipe.teacher is None:
        raise ConfigurationError(
            "The reference is a teacher, but there is none.",
            where="teacher",
            fix="Give teacher=FOLDER, a model with the same vocabulary.",
        )
    known = OnlineRecipe.model_fields
    for key in OFFLINE:
        if getattr(recipe, key) != known[key].default:
            raise ConfigurationError(
                "An online run measures and saves between its rounds, and does not support this key.",
                where=key,
                fix=f"Remove {key}; save_rounds and eval_every say how often it saves and measures.",
            )
    if recipe.parameters is not None:
        raise ConfigurationError(
            "An online run trains all weights.",
            where="parameters",
            why="Its rounds make new data, and which weights move is decided once, from data that are there.",
            fix="Remove parameters, or train on a fixed data set with `penchant train`.",
        )
    if recipe.pairs != known["pairs"].default:
        raise ConfigurationError(
            "An online run pairs the responses that it samples, and reads no rankings.",
            where="pairs",
            fix="Remove pairs; pairing says which samples are compared.",
        )
    if recipe.step_rule == "extragradient" and recipe.iterations % 2:
        raise ConfigurationError(
            f"'iterations' is {recipe.iterations}, but two rounds of the step rule 'extragradient' belong together.",
            where="iterations",
            why="The last round would be a look-ahead, which is never taken back.",
            fix=f"Give iterations={recipe.iterations + 1}.",
        )
    if recipe.step_rule == "restart" and recipe.alternate:
        raise ConfigurationError(
            "Rounds that alternate go on from each other, and the step rule 'restart' starts each one anew.",
            where="step_rule",
            fix="Remove alternate, or give step_rule=plain.",
        )
    if recipe.optimizer_state == "keep" and not recipe.schedule.startswith("constant"):
        raise ConfigurationError(
            f"The schedule {recipe.schedule!r} restarts in every round, but the optimizer is kept.",
            where="optimizer_state",
            fix="Give optimizer_state=fresh, or schedule=constant.",
        )
