"""Objectives built from text: ``"dpo"``, sums (``"dpo+0.2*nll"``) and wrappers (``"clipped(dpo)"``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.core import registry
from penchant.objectives.core.composite import labels_of
from penchant.objectives.core.composition import WeightedSum
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.wrapper import Wrapper

__all__ = ["NAMED_SUMS", "build", "build_expression"]

#: Names that papers give to sums, with the sums.
NAMED_SUMS = {
    "ga-kl": "gradient-ascent+retain-kl",
    "idk-dpo-kl": "idk-dpo+retain-kl",
    "idk-dpo-retain": "idk-dpo+retain-nll",
    "npo-kl": "npo+retain-kl",
    "npo-retain": "npo+retain-nll",
    "rpo-dpo-nll": "dpo+nll",
    "simnpo-retain": "0.125*simnpo+retain-nll",
}

_NUMBER = r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:e-?[0-9]+)?"
_TERM = re.compile(rf"(?:({_NUMBER})\*)?([a-z][a-z0-9-]*)(?:\((.+)\))?")


@dataclass(frozen=True)
class _Term:
    """One parsed term: its weight if any, its class, and the sum in its parentheses."""

    weight: float | None
    cls: type[Objective]
    inside: list[_Term]

    def classes(self) -> Iterator[type[Objective]]:
        """Its class and those inside it, in the order of the text."""
        yield self.cls
        for term in self.inside:
            yield from term.classes()


def _split(text: str) -> list[str]:
    """The terms of a sum: split at the plus signs outside parentheses."""
    terms, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "+" and depth == 0:
            terms.append("")
        else:
            terms[-1] += sign
    return terms


def _read(text: str, whole: str) -> list[_Term]:
    terms = []
    for written in _split(text):
        match = _TERM.fullmatch(written)
        if match is None:
            raise ConfigurationError(
                f"{written!r} in {whole!r} is not a valid term.",
                fix="Write terms like 'dpo', '0.2*nll' or 'clipped(dpo)', joined by '+'.",
            )
        weight, name, inside = match.groups()
        cls = _wrapper(name) if inside else _plain(name)
        terms.append(_Term(float(weight) if weight else None, cls, _read(inside, whole) if inside else []))
    return terms


def _plain(name: str) -> type[Objective]:
    cls = registry.get(name)
    if issubclass(cls, Wrapper):
        raise ConfigurationError(f"{name!r} is a wrapper: it needs an objective inside.", fix=f"Write '{name}(dpo)'.")
    return cls


def _wrapper(name: str) -> type[Objective]:
    known = registry.wrapper_names()
    if registry.is_method(name):
        raise ConfigurationError(
            f"{name!r} is a method, not a wrapper: it takes no objective in parentheses.",
            fix=f"Wrappers: {', '.join(known)}.",
        )
    if name not in known:
        raise ConfigurationError(f"There is no wrapper {name!r}. {nearest(name, known)}")
    return registry.get(name)


def _owners(labels: list[str], classes: list[type[Objective]]) -> dict[str, list[str]]:
    """The parts that have each hyper-parameter, by its plain name; ``part.name`` names one part only."""
    owners: dict[str, list[str]] = {}
    for label, cls in zip(labels, classes, strict=True):
        for name in {name for each in cls.hyperparameters() for name in (each.name, each.attribute)}:
            owners.setdefault(name, []).append(label)
            owners[f"{label}.{name}"] = [label]
    return owners


def _by_id(name: str) -> str:
    """``part.name`` of a part that is written by its alias, with the part's id."""
    part, dot, own = name.rpartition(".")
    alias, sign, number = part.partition("#")
    return f"{registry.OBJECTIVES.aliases().get(alias, alias)}{sign}{number}{dot}{own}"


def _dealt_out(classes: list[type[Objective]], hyper: Mapping[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """The hyper-parameters of each part, in order."""
    labels = labels_of([cls.id for cls in classes])
    owners = _owners(labels, classes)
    given: dict[str, dict[str, Any]] = {label: {} for label in labels}
    for written, value in hyper.items():
        name = written if written in owners else _by_id(written)
        holders = owners.get(name, [])
        if not holders:
            raise ConfigurationError(f"There is no hyper-parameter {written!r}. {nearest(name, owners)}", where=text)
        if len(holders) > 1:
            choices = " or ".join(f"'{label}.{name}'" for label in holders)
            raise ConfigurationError(
                f"Several parts have a hyper-parameter {name!r}.", where=text, fix=f"Write {choices}."
            )
        given[holders[0]][name.rpartition(".")[2]] = value
    return iter(given.values())


def _build(terms: list[_Term], hyper: Iterator[dict[str, Any]]) -> Objective:
    parts: list[tuple[float | None, Objective]] = []
    for term in terms:
        own = next(hyper)  # before the inner ones, which come later in the text
        if issubclass(term.cls, Wrapper):
            parts.append((term.weight, term.cls(_build(term.inside, hyper), **own)))
        else:
            parts.append((term.weight, term.cls(**own)))
    if len(parts) == 1 and parts[0][0] is None:
        return parts[0][1]
    return WeightedSum([(1.0 if weight is None else weight, part) for weight, part in parts])


def build_expression(text: str, hyper: Mapping[str, Any]) -> Objective:
    """Build an objective from an expression such as ``"tail-weighted(rdpo)+0.2*nll"``.

    sum = term + term + …,   term = [number *] id  or  [number *] wrapper(sum)

    Args:
        text: the sum; spaces are ignored.
        hyper: hyper-parameters by name, or by ``part.name`` if several parts have it; the second part with the same id
            is ``id#2``.

    Raises:
        ConfigurationError: the text does not parse, or an id or hyper-parameter is unknown or ambiguous.

    Example:
        >>> build_expression("dpo+0.2*nll", {"beta": 0.5, "nll.average": False}).hyper
        {'dpo.beta': 0.5, 'dpo.reference_free': False, 'nll.average': False}
        >>> build_expression("clipped(dpo)", {"high": 4.0, "beta": 0.5})
        Clipped(DPO(beta=0.5, reference_free=False), low=None, high=4.0)
    """
    terms = _read(text.replace(" ", ""), text)
    classes = [cls for term in terms for cls in term.classes()]
    return _build(terms, _dealt_out(classes, hyper, text))


def build(name: str, **hyper: Any) -> Objective:
    """Build an objective from its name: a method, a weighted sum, a wrapped objective, or any combination.

    With several parts, a hyper-parameter goes to the part that has it; if several have it, prefix the part's id, as in
    ``{"dpo.beta": 0.1}``.

    Args:
        name: an id such as ``"dpo"``, an alias, a sum such as ``"dpo+0.2*nll"``, or ``"tail-weighted(rdpo)+0.2*nll"``.
        hyper: hyper-parameters by name.

    Raises:
        ConfigurationError: an unknown id or hyper-parameter, or a value out of range.

    Example:
        >>> build("dpo", beta=0.2)
        DPO(beta=0.2, reference_free=False)
        >>> build("dpo + 0.2*nll", beta=0.2).id
        'dpo+0.2*nll'
        >>> build("clipped(dpo)", high=4.0, beta=0.2)
        Clipped(DPO(beta=0.2, reference_free=False), low=None, high=4.0)
        >>> build("npo-retain", beta=0.2).id
        'npo+retain-nll'
    """
    name = NAMED_SUMS.get(name, name)
    if any(sign in name for sign in "+*()"):
        return build_expression(name, hyper)
    return _plain(name)(**hyper)
