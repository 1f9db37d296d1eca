"""YAML and JSON that people write: what the parsers fail at, or expand without end, is one of our errors."""

from __future__ import annotations

import json

import pytest

from penchant.cli.words import pairs
from penchant.documents import DEEPEST, NotYamlError, json_document, yaml_document
from penchant.errors import ConfigurationError

BOMB = "\n".join([f"a0: &a0 [{'x,' * 9}]", *[f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]" for n in range(1, 9)]])
REFUSED = {
    "nested too deeply": "a: " + "[" * 2000 + "]" * 2000,
    "nested too deeply (more": "a: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
    "aliases of the file repeat": BOMB,
    "stands inside of what it names": "a: &a [*a]",
    "given twice, in line 1 and in line 2": "seed: 1\nseed: 2",
    "more than 308 digits": "seed: 0x" + "f" * 5000,
    "not what its form says": "seed: " + "9" * 5000,
    "(invalid literal": "seed: !!int foo",
    "(month must be": "day: 2001-13-45",
    "half a character": 'model: "\\ud800"',
    "character NUL": 'model: "a\\x00b"',
    "not YAML": "model: [",
}


@pytest.mark.parametrize("said", REFUSED)
def test_yaml_that_no_recipe_is(said: str) -> None:
    with pytest.raises(ConfigurationError) as found:
        yaml_document(REFUSED[said], "recipe.yaml")
    assert str(found.value).startswith("recipe.yaml: ") and said in str(found.value)


@pytest.mark.parametrize(
    "text", ["!!bool x", "!!float x", "!!timestamp x", '"\\U00110000"', "!!python/object/apply:os.getcwd []"]
)
def test_a_value_that_cannot_be_made_is_no_yaml(text: str) -> None:
    with pytest.raises(NotYamlError):
        yaml_document(text, "recipe.yaml")


def test_usual_yaml_is_as_before() -> None:
    text = "a: &x {b: [1, 2.5, yes, ~]}\nc: *x\nd: {<<: *x, e: 1e-3}"
    shared = {"b": [1, 2.5, True, None]}
    assert yaml_document(text, "r") == {"a": shared, "c": shared, "d": {**shared, "e": "1e-3"}}
    assert yaml_document("", "r") is None


def test_words_of_the_command_line_that_are_no_yaml_are_text() -> None:
    assert pairs(["a={x", "b=2001-13-45", "c=[1, 2]"], "key=value") == {"a": "{x", "b": "2001-13-45", "c": [1, 2]}
    with pytest.raises(ConfigurationError, match="objective: An integer has more than 308 digits"):
        pairs(["objective=0x" + "f" * 5000], "key=value")


def test_deep_json_is_an_error_for_values() -> None:
    assert json_document("[" * DEEPEST + "]" * DEEPEST) == json.loads("[" * DEEPEST + "]" * DEEPEST)
    for depth in (DEEPEST + 1, 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            json_document("[" * depth + "]" * depth)
