"""What a study trains and measures, as a YAML file states it: `BudgetStudy`, `RegimeStudy` and `ScalingStudy`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError, nearest
from penchant.named_code import places_beside
from penchant.plain_files import readable_text

__all__ = ["AnyStudy", "BudgetStudy", "Costs", "Regime", "RegimeStudy", "ScalingStudy", "Study", "names", "read_study"]

HERE = Path(__file__).parent
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Costs(_Strict):
    """What a record costs, in one unit."""

    demonstration: PositiveFloat = 1.0
    pair: PositiveFloat = 1.0


class Regime(_Strict):
    """A start of preference training."""

    model: str | None = Field(None, description="the model; default: that of the study")
    demonstrations: NonNegativeInt = Field(0, description="demonstrations that it is tuned on first; 0 for none")


class Study(_Strict):
    """What all studies state."""

    world: Literal["sums"] | None = Field(None, description="a world of the lab that gives model and data")
    model: str | None = Field(None, description="model that is trained: folder or hub id")
    demonstrations: str | None = Field(None, description="file of demonstrations")
    pairs: str | None = Field(None, description="file of comparisons")
    held_out: str | None = Field(None, description="file that models are measured on")
    measure: Literal["likelihood", "accuracy", "judge", "pair-likelihood"] = Field(
        "accuracy", description="as of penchant merge"
    )
    judge: dict[str, Any] | None = Field(None, description="name and settings, for measure: judge")
    max_new_tokens: PositiveInt = Field(128, description="of a response that the judge scores")
    seeds: PositiveInt = Field(3, description="number of seeds; each draws and orders the data anew")
    supervised: dict[str, Any] = Field(default_factory=lambda: {"objective": {"name": "nll"}})
    preference: dict[str, Any] = Field(default_factory=dict, description="recipe keys of the preference stage")


class BudgetStudy(Study):
    """Every budget spent on demonstrations and pairs in several shares (arXiv 2502.11284)."""

    design: Literal["budget"]
    budgets: list[PositiveFloat] = Field(min_length=1, description="in the unit of the costs")
    fractions: list[Share] = Field(min_length=1, description="shares of a budget for demonstrations")
    costs: Costs = Costs()


class RegimeStudy(Study):
    """Methods × starts × sizes of the preference data (arXiv 2404.14723)."""

    design: Literal["regimes"]
    regimes: dict[str, Regime] = Field(min_length=1)
    methods: list[str] = Field(min_length=1, description="objectives of the preference stage")
    sizes: list[PositiveInt] = Field(min_length=1, description="numbers of pairs")


class ScalingStudy(Study):
    """Reward models of several sizes on growing numbers of pairs, measured on several sets (arXiv 2505.10527)."""

    design: Literal["scaling"]
    world: None = None
    models: list[str] = Field(min_length=1, description="models of several sizes: folders or hub ids")
    sizes: list[PositiveInt] = Field(min_length=2, description="numbers of pairs")
    sets: dict[str, str] = Field(min_length=1, description="held-out comparisons by name of the set")
    measure: Literal["pair-likelihood"] = Field("pair-likelihood", description="the loss of the pairs, negated")


#: A study of any design.
AnyStudy = BudgetStudy | RegimeStudy | ScalingStudy

_DESIGNS: dict[str, type[BudgetStudy] | type[RegimeStudy] | type[ScalingStudy]] = {
    "budget": BudgetStudy,
    "regimes": RegimeStudy,
    "scaling": ScalingStudy,
}


def names() -> list[str]:
    """The names of the packaged studies.

    Example:
        >>> names()
        ['alignment-insight', 'budget', 'preference-scaling']
    """
    return sorted(path.stem for path in HERE.glob("*.yaml"))


def read_study(name: str, keys: Mapping[str, Any] | None = None) -> AnyStudy:
    """A packaged study or that of a file, with keys overridden.

    Args:
        name: of a packaged study, or a YAML file.
        keys: values by name; of parts with dots (``preference.epochs``).

    Raises:
        ConfigurationError: there is no such study, a key is unknown, a value is wrong, or something is missing.

    Example:
        >>> read_study("budget", {"seeds": 1}).seeds
        1
    """
    from penchant.training.recipe_keys import nested

    values = _values(name)
    for key, value in nested(dict(keys or {}), "command line").items():
        own = values.get(key)
        values[key] = {**own, **value} if isinstance(own, dict) and isinstance(value, dict) else value
    if any(values.get(each) for each in ("model", "demonstrations", "pairs", "held_out")) and "world" not in (
        keys or {}
    ):
        values.pop("world", None)  # data of one's own replace those of the world
    if values.get("design") not in _DESIGNS:
        raise ConfigurationError(
            f"The study's design is {values.get('design')!r}.",
            where=name,
            fix="Write design: budget, regimes or scaling.",
        )
    try:
        study = _DESIGNS[values["design"]].model_validate(values)
    except ValidationError as error:
        # Unknown keys first: a mistyped key is also a missing one.
        first = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")[0]
        place = ".".join(map(str, first["loc"]))
        said = "it is missing." if first["type"] == "missing" else f"{first['msg']}."
        if first["type"] == "extra_forbidden":
            said = f"there is no such key. {nearest(place, _DESIGNS[values['design']].model_fields)}".rstrip()
        raise ConfigurationError(f"{place}: {said}", where=name, fix="docs/studies.md has the keys.") from None
    return _complete(study, name)


def _values(name: str) -> dict[str, Any]:
    if name in names():
        found = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    elif "." not in name:
        raise ConfigurationError(
            f"There is no study {name!r}. {nearest(name, names())}", fix=f"Known: {', '.join(names())}, or a YAML file."
        )
    else:
        found = yaml_document(readable_text(Path(name), ConfigurationError, "study"), name)
    if not isinstance(found, dict):
        raise ConfigurationError("The study has no keys.", where=name, fix="Write design: budget, and so on.")
    return places_beside(found, Path(name))


_HOW_TO_COMPLETE = {
    "budget": "Give them as key=value, or world=sums.",
    "regimes": "Give them as key=value, or world=sums.",
    "scaling": "Give it as key=value: pairs=FILE.",
}


def _complete(study: AnyStudy, name: str) -> AnyStudy:
    needed = [] if study.world is not None else ["model", "demonstrations", "pairs", "held_out"]
    needed = ["pairs"] if isinstance(study, ScalingStudy) else needed
    missing = [each for each in needed if getattr(study, each) is None]
    if missing:
        raise ConfigurationError(
            f"The study lacks {', '.join(missing)}.", where=name, fix=_HOW_TO_COMPLETE[study.design]
        )
    if (study.measure == "judge") != (study.judge is not None):
        raise ConfigurationError("measure: judge and judge belong together.", where=name, fix="Give both or neither.")
    if isinstance(study, ScalingStudy):
        _check_reward_model(study, name)
    return study


def _check_reward_model(study: ScalingStudy, name: str) -> None:
    """Refuse an objective that trains no reward model, before the first training; without one it is ``bt``."""
    from penchant.objectives.core.composite import reward_part
    from penchant.objectives.core.expression import build

    given = study.preference.setdefault("objective", {"name": "bt"})
    settings = dict(given) if isinstance(given, dict) else {"name": given}
    trained = build(settings.pop("name", ""), **settings)
    if reward_part(trained) is None:
        raise ConfigurationError(
            f"preference.objective is {trained.id}, which trains a policy; this study measures reward models.",
            where=name,
            fix="Leave it out (bt), or name another objective of the family reward-models.",
        )
