"""Regular expressions: each one of the package takes time linear in the text, whatever the text is.

The texts run in a process of their own with a hard limit of processor time. The limit is far above what linear
expressions need, and far below what one that is quadratic in a megabyte takes (minutes to hours).
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penchant
from penchant.curation import constraints, words
from penchant.feedback import literals
from penchant.objectives.core import expression
from penchant.rendering import turns
from penchant.rewards import numbers, verifiers

PACKAGE = Path(penchant.__file__).parent
SECONDS = 60  # of the processor, for everything in one process

LIMITED = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
sys.path[:0] = {[str(Path(__file__).parent), str(PACKAGE.parent)]!r}
import test_linear_time
test_linear_time.{{}}()
print("done")
"""

# Pieces of which a hostile text is made.
PIECES = (
    "\n", " ", "\t\n", "1", "a", "-", "{", "}\n", "<<", "<think>", "####", "####\n", "\\boxed{", "A\n", "A: ", "a:\n",
    "answer ", "answer is ", "1,111", "1/", "1 / ", ".", "-1", "- ", "-\n", "1.\n", "\n\n", "'role':", "'role' ",
    "[{'role'", "Human", "\n\nHuman:", "_-", "M(", "M ", "\"", "é", "。", "今", "id=\"", "x: ", "<image", "word ",
)  # fmt: skip


def hostile(length: int) -> Iterator[str]:
    """Texts that begin or end with something, and repeat one piece in between."""
    for piece in PIECES:
        body = (piece * (length // len(piece) + 1))[:length]
        yield body
    for piece in ("\n", " ", "1"):
        for start in ("}", "A", "####", "answer", "1", "M", "<a>", "'role'", "a", "\n"):
            yield start + piece * length + "a"


class Use(NamedTuple):
    """A regular expression of the package and how it is used."""

    pattern: re.Pattern[str]
    method: str


def uses() -> dict[str, Use]:
    """Every use of a regular expression that is written in the package, by file and line."""
    texts = {path.relative_to(PACKAGE): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    trees = {path: ast.parse(text) for path, text in texts.items() if "re." in text}
    found = {}
    for path, tree in trees.items():
        names = {name: value.value for name, value in _assigned(tree) if isinstance(value, ast.Constant)}
        compiled = {ast.unparse(value): name for name, value in _assigned(tree)}
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and _of_re(node.func) and node.args):
                continue
            method = ast.unparse(node.func).removeprefix("re.")
            name = compiled.get(ast.unparse(node))
            # A tuple of expressions is used as its first one is: with findall.
            called = (
                _methods(tree, name) if method == "compile" and name else {"findall" if method == "compile" else method}
            )
            try:
                written = eval(ast.unparse(node.args[0]), dict(names))  # the package's own text
            except NameError:
                continue  # made of values of the program
            if isinstance(written, str):
                found |= {
                    f"{path}:{node.lineno} {each}": Use(re.compile(written, _flags(node)), each) for each in called
                }
    return found


def _of_re(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re"


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Names that a module assigns once, with what stands behind them."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _methods(tree: ast.Module, name: str) -> set[str]:
    """The methods of an expression that its module calls; finditer, where only another module uses it."""
    found = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == name
    }
    return found & {"search", "match", "fullmatch", "findall", "finditer", "split", "sub"} or {"finditer"}


def _flags(node: ast.Call) -> int:
    written = [each for each in (*node.args[1:], *(key.value for key in node.keywords)) if "re." in ast.unparse(each)]
    return eval(ast.unparse(written[0]), {"re": re}) if written else 0


def search_hostile_texts() -> None:
    distinct = set(uses().values())
    for text in hostile(80_000):
        for pattern, method in distinct:
            if method in ("search", "sub", "split", "findall", "finditer"):  # the same walk over the text
                deque(pattern.finditer(text), maxlen=0)
            else:
                getattr(pattern, method)(text)


def verify_hostile_texts() -> None:
    for piece in ("\n", " ", "1", "-", "- ", "a", "A\n", "####\n", "answer ", "\\boxed{", "<think>", "1. "):
        text = (piece * 500_000)[:500_000]
        for rule in verifiers.RULES.values():
            rule(text, "4")
        verifiers._contains(text, text[:250_000] + "x")
        verifiers._contains(f"a{text}a", text[:250_000].strip())
        turns._without_reasoning(text)
        constraints._is_list(text)
        words.bare(f"a{text}a")


@pytest.mark.parametrize("task", ["verify_hostile_texts", "search_hostile_texts"])
def test_hostile_texts_take_linear_time(task: str) -> None:
    ran = subprocess.run([sys.executable, "-c", LIMITED.format(task)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and ran.stdout.endswith("done\n"), ran.stderr[-2000:] or f"ended by {ran.returncode}"


def test_the_expressions_of_the_package_are_found() -> None:
    found = {each.split(":")[0] for each in uses()}
    assert {"rewards/numbers.py", "rewards/verifiers.py", "feedback/literals.py", "terminal.py"} <= found
    assert Use(literals._MESSAGES, "match") in uses().values()


# What was rewritten finds what the plain expression finds.
SHORT = st.text(st.sampled_from("aA1.,:-= \n\t{}'#<>/é_İß"), max_size=12)


@given(SHORT)
def test_a_marked_answer_is_found_where_the_plain_expression_finds_it(text: str) -> None:
    assert numbers._SIGNS[2].findall(text) == re.findall(r"(?im)^\s*A\s*:\s*(.+)$", text)


@given(SHORT, SHORT)
def test_an_answer_is_contained_where_the_plain_expression_finds_it(text: str, answer: str) -> None:
    plain = re.search(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", text, re.IGNORECASE) is not None
    assert verifiers._contains(text, answer) == plain


@given(SHORT)
def test_words_items_and_gaps_are_those_of_the_plain_expressions(text: str) -> None:
    assert words.bare(text) == re.sub(r"^\W+|\W+\Z", "", text).lower().replace("’", "'")
    items = re.findall(r"(?m)^\s*(?:[-*•]|\d+[.)])\s+\S", text)
    assert len(constraints._LIST_ITEM.findall(text)) == len(items)
    assert literals._NUMPY_GAP.sub("|", text) == re.sub(r"\}\s*\n\s*\{", "|", text)


@given(st.text(st.sampled_from("1.e-a*"), max_size=8))
def test_a_weight_is_read_as_by_the_plain_expression(text: str) -> None:
    plain = re.fullmatch(r"(?:(-?[0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\*)?([a-z][a-z0-9-]*)", text)
    found = expression._TERM.fullmatch(text)
    assert (found and found.groups()[:2]) == (plain and plain.groups())


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "b"]), max_size=8).map("".join))
def test_reasoning_is_left_out_as_by_the_plain_expressions(text: str) -> None:
    plain = re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL)
    plain = re.sub(r"^.*?</think>", "", plain, flags=re.DOTALL).replace("<think>", "")
    assert turns._without_reasoning(text) == plain
