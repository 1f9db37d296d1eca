"""A page can be followed from top to bottom: no command writes what an earlier one of the page has written or read."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "\npenchant " in (text := path.read_text(encoding="utf-8")) or "\n$ penchant " in text
)
BLOCK = re.compile(r"^```(?:console|bash|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Calls from Python that write, with their arguments.
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"penchant\.(train|unlearn|compare)\(((?:[^()]|\([^()]*\))*)\)")
#: Options that name what is written.
WRITTEN = ("-o", "--out", "--output", "--json", "--html")
#: Commands that make a folder of their own where none is named.
DEFAULTS = {"train": "runs/run", "unlearn": "runs/unlearned"}
#: With one of these words nothing is written, or an earlier file is meant.
FREE = {"--overwrite", "--resume", "--dry-run", "--evaluate", "auto"}


def outputs(line: str) -> list[str]:
    """The files and folders that a command writes; a run of a recipe writes the folder that the recipe names."""
    words = shlex.split(line.removeprefix("$ "), comments=True)
    if words[:1] != ["penchant"] or FREE & set(words):
        return []
    named = [value for option, value in pairwise(words) if option in WRITTEN]
    named += [word.partition("=")[2] for word in words if word.startswith(("output=", "out="))]
    folder = {"-o", "--out", "--output"} & set(words) or any(word.startswith(("output=", "out=")) for word in words)
    if not folder and words[1] == "lab" and len(words) > 2:
        named.append(f"runs/{words[2]}")
    recipe = next((f"the output of {word}" for word in words if word.endswith(".yaml")), None)
    if not folder and words[1] in (*DEFAULTS, "online") and (made := recipe or DEFAULTS.get(words[1])):
        named.append(made)
    return named


def python_outputs(block: str) -> list[str]:
    """The folders that the calls of a block write."""
    # The output of `compare` is its fourth argument.
    given = r"""(?:output=|\], )["'](.*?)["']"""
    named = ((name, re.search(given, call)) for name, call in CALL.findall(block))
    return [found.group(1) if found else DEFAULTS[name] for name, found in named]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_command_of_a_page_writes_what_another_has_written(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    written = [each for line in lines if re.match(r"(\$ )?penchant ", line) for each in outputs(line)]
    written += [each for block in PYTHON.findall(text) if ">>> " not in block for each in python_outputs(block)]
    # The first recipe that a page shows says where its run goes.
    recipe = re.search(r"^output: *(\S+)", text, re.MULTILINE)
    written = [recipe.group(1) if recipe and each.startswith("the output of") else each for each in written]
    assert sorted({each for each in written if written.count(each) > 1}) == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_command_of_a_page_writes_what_an_earlier_one_reads(page: Path) -> None:
    used: set[str] = set()
    for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"(\$ )?penchant ", line):
                assert not used & set(outputs(line)), line
                used |= {word for word in shlex.split(line, comments=True) if word.endswith(".jsonl")}


def test_what_a_command_writes() -> None:
    assert outputs("$ penchant judge a.jsonl --judge J -o b.jsonl --json c.json") == ["b.jsonl", "c.json"]
    assert outputs("penchant train recipe.yaml epochs=2") == ["the output of recipe.yaml"]
    assert outputs("penchant train --model M --data D") == ["runs/run"]
    assert outputs("penchant lab sums --method grpo") == ["runs/sums"]
    assert outputs("penchant train recipe.yaml --resume   # goes on") == []
    assert python_outputs('penchant.train(\n    model="M", objective=DPO(beta=0.1), output="runs/y"\n)') == ["runs/y"]
    assert python_outputs('found = penchant.compare("M", rows, ["dpo", "ipo"], "runs/which")') == ["runs/which"]
    assert python_outputs('found = penchant.unlearn("M", "a.jsonl")') == ["runs/unlearned"]
