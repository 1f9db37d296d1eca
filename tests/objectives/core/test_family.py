"""The family of a method follows from its signature, and the rules that hold its file in that family's folder."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from penchant.objectives import Needs, Objective, Scored, get, names, wrapper_names
from penchant.objectives.core.evidence import Evidence
from penchant.objectives.core.family import DECLARED, FAMILIES, family_of, folder_of
from penchant.objectives.functional.heads import Head
from penchant.receipts.record import recorded

#: The classes of the package; other tests define objectives of their own.
PACKAGE = [cls for cls in map(get, names() + wrapper_names()) if cls.__module__.startswith("penchant.")]
PUBLISHED = Path(__file__).parents[1] / "published"


def loss_with(*parameters: str, needs: Needs | None = None, **attributes: Any) -> type[Objective]:
    """A method whose loss has these parameters, fields unless they are known as views."""
    views = {"chosen", "rejected", "responses", "forget", "retain"}

    def loss(self: Any, **inputs: Any) -> Tensor:
        raise NotImplementedError

    loss.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("self", *parameters)]
    )
    loss.__annotations__ = {name: Scored if name in views else Tensor for name in parameters}
    return type("Method", (Objective,), {"loss": loss, "needs": needs or Needs(), **attributes})


class WithRewardHead(Objective):
    """A reward model in outline."""

    needs = Needs(hidden=True)

    def __init__(self) -> None:
        super().__init__()
        self.reward_head = Head(1)

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        raise NotImplementedError


REFERENCE = Needs(reference=True)


@pytest.mark.parametrize(
    ("cls", "family"),
    [
        (loss_with("chosen", "rejected", needs=REFERENCE), "pairwise"),
        (loss_with("chosen", "rejected"), "reference-free"),
        (loss_with("chosen"), "reference-free"),
        (loss_with("chosen", "rejected", needs=Needs(reference=True, stats=frozenset({"entropy"}))), "token-level"),
        (loss_with("chosen", "rejected", needs=Needs(reference=True, hidden=True)), "token-level"),
        (loss_with("chosen", "rejected", "token_rewards", needs=REFERENCE), "token-level"),
        (loss_with("responses", "scores", needs=REFERENCE), "listwise"),
        (loss_with("responses", "ranks"), "listwise"),
        (loss_with("responses", "label", needs=REFERENCE), "binary"),
        (loss_with("responses", "advantage"), "policy-gradient"),
        (loss_with("forget", "retain", needs=REFERENCE), "unlearning"),
        (WithRewardHead, "reward-models"),
    ],
)
def test_the_signature_shows_the_family(cls: type[Objective], family: str) -> None:
    assert family_of(cls) == cls.family == cls().family == family
    assert family in FAMILIES


@pytest.mark.parametrize("cls", PACKAGE, ids=lambda cls: cls.id)
def test_the_folder_of_a_method_is_its_family(cls: type[Objective]) -> None:
    assert cls.__module__.split(".")[2] == folder_of(cls.family)
    declared = [vars(base)["family"] for base in cls.__mro__ if isinstance(vars(base).get("family"), str)]
    assert set(declared) <= set(DECLARED), "a family that the signature shows is not declared"


@pytest.mark.parametrize("cls", PACKAGE, ids=lambda cls: cls.id)
def test_a_method_is_final(cls: type[Objective]) -> None:
    concrete = [base.__name__ for base in cls.__mro__[1:] if vars(base).get("id")]
    assert not concrete, f"{cls.__name__} subclasses {concrete}: share a function, or a base class without an id"


def imported(cls: type[Objective]) -> Iterator[str]:
    """The modules of objectives that the file of a method imports, in functions too."""
    for node in ast.walk(ast.parse(Path(inspect.getfile(cls)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("penchant.objectives"):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("penchant.objectives"))


@pytest.mark.parametrize("cls", PACKAGE, ids=lambda cls: cls.id)
def test_a_method_imports_the_core_and_functions_only(cls: type[Objective]) -> None:
    rooms = {"core", "functional"} | ({"logic"} if cls.family == "logic" else set())
    others = [name for name in imported(cls) if name.split(".")[2:3] and name.split(".")[2] not in rooms]
    assert not others, "what two methods share is a function"


def with_cases() -> set[str]:
    """The ids of methods for which numbers of published code lie with the tests or are on record."""
    return {path.stem for path in PUBLISHED.glob("*.json")} | set(recorded())


def test_every_method_says_how_it_is_known_to_be_right() -> None:
    silent = [cls.id for cls in PACKAGE if cls.paper and not isinstance(cls.evidence, Evidence)]
    assert not silent, '`evidence = …` says it: OFFICIAL_CODE, PAPER, or reconstruction("which part is our reading")'
    official = {cls.id for cls in PACKAGE if cls.evidence is not None and cls.evidence.kind == "official code"}
    assert official - with_cases() == set()
