"""The settings of the packaged objectives, judges, engines, ..., known before the libraries that they need are loaded.

A mistyped key is said at once: PyTorch takes seconds to load. ``python -m penchant.cli.tools.known_settings`` writes
the table beside this file anew after a class or a setting has been added; a test fails if it is out of date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, nearest

__all__ = ["TABLE", "check_objective_keys", "check_part_keys", "full_keys", "kinds_of"]

#: The written table: for each kind of thing its word for a setting, its aliases, and the settings of each name.
TABLE = Path(__file__).with_suffix(".json")

# Where a recipe has what is named.
_PLACES = {"objective": "objective", "parameter strategy": "parameters", "judge": "judge", "engine": "engine"}
# Keys that select what is built, and are no setting of it.
_SELECTING = ("name", "path")
_WEIGHT = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:e-?[0-9]+)?\*")


@cache
def _table() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


def full_keys(setting: str, places: Collection[str]) -> list[str]:
    """The dotted keys that a setting has in a recipe.

    Args:
        setting: without the place that it belongs to.
        places: the keys of the recipe.

    Example:
        >>> full_keys("top", ["objective"]), full_keys("sparsity", ["objective", "parameters"])
        (['objective.top'], ['parameters.sparsity'])
    """
    kinds = [kind for kind, place in _PLACES.items() if place in places]
    return [f"{_PLACES[kind]}.{setting}" for kind in kinds if any(setting in own for own in _settings(kind))]


def _settings(kind: str) -> Iterable[Iterable[str]]:
    return _table()[kind]["settings"].values()


def kinds_of(name: str) -> list[str]:
    """The kinds of packaged things that have one of a name.

    Args:
        name: an id, an alias, or the name of a sum.

    Example:
        >>> kinds_of("dsee"), kinds_of("npo-retain"), kinds_of("oaif"), kinds_of("none such")
        (['parameter strategy'], ['objective'], ['online recipe'], [])
    """
    parts = ("settings", "aliases", "sums")
    return [kind for kind, own in _table().items() if any(name in own.get(part, ()) for part in parts)]


def check_part_keys(kind: str, part: Any, besides: Iterable[str] = ()) -> None:
    """Refuse a key that the named class of a part does not have; what is not packaged is left to whoever builds it.

    Args:
        kind: of what is named, as in its registry: ``judge``.
        part: name and settings; anything else is left alone.
        besides: further keys that may stand there.

    Raises:
        ConfigurationError: there is no such key.

    Example:
        >>> check_part_keys("judge", {"name": "verifier", "rule": "exact"})
        >>> check_part_keys("judge", {"name": "verifier", "rulee": "exact"})
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: judge verifier: There is no key 'rulee'. Did you mean 'rule'?
    """
    if kind == "objective":
        return check_objective_keys(part)
    known = _table()[kind]
    if not isinstance(part, Mapping) or not isinstance(name := part.get("name"), str):
        return None
    name = known["aliases"].get(name, name)
    own = known["settings"].get(name)
    if own is not None:
        _refuse(_keys(part, besides), own, f"{kind} {name}", known["word"])
    return None


def check_objective_keys(part: Any) -> None:
    """Refuse a hyper-parameter that no part of a packaged objective, sum or wrapped objective has.

    Args:
        part: name and hyper-parameters, the latter also as ``part.name`` or in a mapping of the part.

    Raises:
        ConfigurationError: there is no such hyper-parameter.

    Example:
        >>> check_objective_keys({"name": "clipped(dpo)+0.2*nll", "dpo.beta": 0.1, "average": True})
        >>> check_objective_keys({"name": "dpo", "betta": 0.1})
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: objective dpo: There is no hyper-parameter 'betta'. Did you mean 'beta'?
    """
    if not isinstance(part, Mapping) or "path" in part or not isinstance(part.get("name"), str):
        return
    known, text = _table()["objective"], str(part["name"])
    names = _terms(text)
    if not all(name in known["settings"] for name in names):
        return
    own = {name: known["settings"][name] for name in names}
    possible = {each for settings in own.values() for each in settings}
    single = list(own) == [text]
    if not single:
        possible |= {f"{name}.{each}" for name, settings in own.items() for each in settings}
    keys = _keys(part, ())
    # ``{dpo: {beta: 0.1}}`` and ``dpo.beta``; an alias stands for its id, and ``dpo#2`` for the second part of that id.
    written = {each: _by_id(each) for key, value in keys.items() for each in _dotted(key, value)}
    unknown = [each for each, name in written.items() if each not in possible and name not in possible]
    if unknown:
        where = f"objective {text}" if single else text
        weights = "" if single else " Weights of terms are written in the sum, as in 'dpo+0.5*nll'."
        _refuse(unknown, sorted(possible), where, known["word"], weights)


def _terms(text: str) -> list[str]:
    """The ids of the objectives and wrappers in an expression, without weights.

    Example:
        >>> _terms("npo-retain"), _terms("0.5*clipped(infonca) + 1e-2*nll")
        (['npo', 'retain-nll'], ['clipped', 'dpo', 'nll'])
    """
    known = _table()["objective"]
    text = known["sums"].get(text, text)
    plain = (_without_weight(each) for each in re.split(r"[+()]", text.replace(" ", "")))
    return [known["aliases"].get(each, each) for each in plain if each]


def _without_weight(term: str) -> str:
    weight = _WEIGHT.match(term)
    return term[weight.end() :] if weight else term


def _by_id(name: str) -> str:
    part, dot, own = name.rpartition(".")
    part = part.partition("#")[0]
    return f"{_table()['objective']['aliases'].get(part, part)}{dot}{own}"


def _dotted(key: str, value: Any) -> list[str]:
    return [f"{key}.{name}" for name in value] if isinstance(value, Mapping) else [key]


def _keys(part: Mapping[str, Any], besides: Iterable[str]) -> dict[str, Any]:
    return {str(key): value for key, value in part.items() if key not in (*_SELECTING, *besides)}


def _refuse(given: Iterable[str], known: list[str], where: str, word: str, further: str = "") -> None:
    for key in given:
        if key not in known:
            hint = nearest(key, known) if known else f"It has no {word}s."
            raise ConfigurationError(f"There is no {word} {key!r}. {hint}{further}", where=where)
