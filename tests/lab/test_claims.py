"""Claims: what they must state, how they are found and judged."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import penchant.lab.claims.papers as papers
from penchant.errors import ConfigurationError
from penchant.lab.claims import TEST_SEEDS, TUNING_SEEDS, Claim, Contrast, all_claims, find_claim, judge, verdict_of
from penchant.lab.worlds.tabular import Dials
from penchant.objectives import get, is_method
from penchant.statistics import Interval

EVERY = [claim for claim in all_claims() if claim.__module__.startswith(papers.__name__)]


def stated(**changes: Any) -> dict[str, Any]:
    """The attributes of a claim, some of them changed."""
    full: dict[str, Any] = {
        "id": "dpo-test",
        "paper": "arXiv:2305.18290",
        "sentence": "It is so.",
        "methods": ("dpo",),
        "world": Dials(),
        "quantity": "reward",
        "contrasts": (Contrast("dpo", 0.0, smallest=0.1),),
        "__module__": __name__,
    }
    return {**full, **changes}


@pytest.mark.parametrize("claim", EVERY, ids=lambda claim: claim.id)
def test_every_claim_is_complete(claim: type[Claim]) -> None:
    assert all(map(is_method, (*claim.methods, *claim.baselines)))
    assert claim.id.startswith((*claim.measures, *claim.methods)[0]), "a claim's id begins with its method's"
    published = any(get(name).paper for name in claim.methods)
    assert claim.paper.startswith(("arXiv:", "doi:", "github:")) or not (claim.paper or published), "`paper` says where"
    assert claim.sentence.endswith("."), "a sentence ends with a full stop"
    assert claim.family().replace("-", "_") == claim.__module__.split(".")[4]
    assert not claim.remark or claim.remark.endswith(".")


def test_each_claim_stands_in_a_file_of_its_own() -> None:
    folder = Path(next(iter(papers.__path__)))
    for path in folder.rglob("[!_]*.py"):
        classes = [each for each in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(each, ast.ClassDef)]
        assert len(classes) == 1, f"{path.name} holds {len(classes)} classes"
    assert len({claim.__module__ for claim in EVERY}) == len(EVERY)


def test_tuning_never_sees_a_test_seed() -> None:
    assert not set(TEST_SEEDS) & set(TUNING_SEEDS)
    assert all(not set(claim.seeds) & set(TUNING_SEEDS) for claim in EVERY)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "Not an id"}, "is not a valid name for a claim"),
        ({"quantity": ""}, "'quantity'"),
        ({"methods": ()}, "'methods'"),
        ({"seeds": range(3)}, "five seeds"),
        ({"seeds": range(995, 1005)}, "tuning"),
        ({"id": "rdpo-flipped-labels"}, "already"),
    ],
)
def test_what_a_claim_lacks_is_told_where_it_is_made(changes: dict[str, Any], said: str) -> None:
    find_claim("rdpo-flipped-labels")
    with pytest.raises(ConfigurationError, match=said):
        type("Wrong", (Claim,), stated(**changes))


def test_a_claim_that_measures_nothing_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Claim does not implement `measure`"):
        Claim().measure(0)


def test_an_unknown_claim_is_told_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="rdpo-flipped-labels"):
        find_claim("rdpo-fliped-labels")


@pytest.mark.parametrize(
    "sizes", [{}, {"smallest": 0.0}, {"not_worse_by": -0.1}, {"smallest": 1.0, "not_worse_by": 1.0}]
)
def test_a_contrast_promises_one_thing_of_a_positive_size(sizes: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="exactly one of them, above 0"):
        Contrast("a", "b", **sizes)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        (Interval(0.5, 0.2, 0.8), "reproduced"),
        (Interval(0.5, -0.1, 1.1), "inconclusive"),  # large enough, but it may be nothing
        (Interval(0.2, 0.1, 0.5), "inconclusive"),  # there is something; it may be too small
        (Interval(0.2, 0.1, 0.29), "not reproduced"),  # there is something, too small to be what is claimed
        (Interval(-0.5, -0.6, -0.4), "not reproduced"),
        (Interval(float("nan"), float("nan"), float("nan")), "inconclusive"),
    ],
)
def test_verdicts_on_a_smallest_effect(interval: Interval, verdict: str) -> None:
    assert verdict_of(interval, Contrast("a", "b", smallest=0.3)) == verdict


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        (Interval(0.5, 0.2, 0.8), "reproduced"),  # better is not worse
        (Interval(0.0, -0.29, 0.29), "reproduced"),
        (Interval(-0.2, -0.25, -0.15), "reproduced"),  # worse for certain, and by less than the margin for certain
        (Interval(0.0, -0.31, 0.31), "inconclusive"),  # it may be worse by more
        (Interval(-0.5, -0.8, -0.2), "inconclusive"),
        (Interval(-0.5, -0.6, -0.4), "not reproduced"),
        (Interval(float("nan"), float("nan"), float("nan")), "inconclusive"),
    ],
)
def test_verdicts_on_a_margin_that_is_not_exceeded(interval: Interval, verdict: str) -> None:
    assert verdict_of(interval, Contrast("a", "b", not_worse_by=0.3)) == verdict


def test_a_claim_of_another_package_is_of_its_methods_family() -> None:
    class Elsewhere(Claim):  # without an id it is not registered
        methods = ("dpo",)

    assert Elsewhere.family() == get("dpo").family


def test_no_claim_forges_an_arm_from_another_and_a_number() -> None:
    for claim in EVERY:
        arms = {arm for contrast in claim.contrasts for arm in contrast.arms}
        assert not [arm for arm in arms if re.search(r"\b(less|minus|plus) \d| [−+] \d", arm)], claim.id


def test_a_claim_is_as_good_as_the_worst_of_its_contrasts() -> None:
    contrasts = (Contrast("a", "b", smallest=0.5), Contrast("a", 0.0, smallest=0.5))

    class Sample(Claim):  # without an id it is not registered
        pass

    Sample.contrasts, Sample.methods = contrasts, ("dpo",)

    def finding(a: float, b: float) -> Any:
        return judge(Sample, {seed: {"a": a + 0.01 * seed, "b": b} for seed in range(5)})

    assert finding(2.0, 1.0).verdict == "reproduced"
    assert finding(2.0, 1.9).verdict == "not reproduced"
    assert [effect.verdict for effect in finding(2.0, 1.9).effects] == ["not reproduced", "reproduced"]
    assert finding(2.0, 1.0).arms["b"] == (1.0,) * 5


def test_a_missing_arm_is_named() -> None:
    with pytest.raises(ConfigurationError, match="Seed 0 gave dpo"):
        judge(find_claim("rdpo-flipped-labels"), {0: {"dpo": 1.0}, 1: {"dpo": 1.0}})
