"""Reads the tables of explained figures, one YAML file a group."""

from __future__ import annotations

from importlib.resources import files

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError
from penchant.evaluation.explained.metric import METRICS, metric_of

__all__ = ["GROUPS"]

#: The tables by their file, in the order of the documentation.
GROUPS = {
    "wins": "Win rates and leaderboards",
    "judges": "How good a judge is",
    "agreement": "Agreement of raters",
    "choosing": "Choosing and steering",
    "preferences_kept": "Preferences in long conversations",
    "pairs": "What training did to pairs",
    "length": "Length",
    "data": "What data reward",
}


def _read() -> None:
    known: dict[str, str] = {}
    for group in GROUPS:
        text = files(__package__).joinpath(f"{group}.yaml").read_text(encoding="utf-8")
        for name, given in yaml_document(text, f"{group}.yaml").items():
            if name in known:
                raise ConfigurationError(f"The metric {name!r} stands in {known[name]} and {group}.", where=group)
            known[name] = group
            METRICS.add(name, metric_of(name, given, group))


_read()
