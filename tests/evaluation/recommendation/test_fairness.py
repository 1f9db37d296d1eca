"""Fairness of items: where the original measures fail, and what the corrected ones promise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.evaluation.recommendation.fairness import PATIENCE, fairness_metrics

CORRECTED = ("Jain_our", "QF_our", "Ent_our", "FSat_exact", "Gini_our", "Gini-w_our")
#: Corrected measures where more is fairer.
HIGHER = ("Jain_our", "QF_our", "Ent_our", "FSat_our")
LOWER = ("Gini_our", "Gini-w_our")


@st.composite
def recommended(draw: Callable[..., int]) -> tuple[np.ndarray, int]:
    """Random lists of up to 8 users over up to 12 items; k is below the number of items."""
    items = draw(st.integers(2, 12))
    k = draw(st.integers(1, items - 1))
    users = draw(st.integers(2, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return np.asarray([rng.choice(items, k, replace=False) + 1 for _ in range(users)]), items


def same_for_all(users: int, k: int) -> list[list[int]]:
    return [list(range(1, k + 1))] * users


def in_turn(users: int, k: int, items: int) -> list[list[int]]:
    """The items in turn, so that all counts differ by 1 at most."""
    return (np.arange(users * k).reshape(users, k) % items + 1).tolist()


@given(recommended())
def test_corrected_measures_lie_between_0_and_1(case: tuple[np.ndarray, int]) -> None:
    found = fairness_metrics(*case)
    for name in CORRECTED:
        assert math.isnan(found[name]) or -1e-9 <= found[name] <= 1 + 1e-9, name


@given(recommended())
def test_the_order_of_users_and_the_names_of_items_do_not_matter(case: tuple[np.ndarray, int]) -> None:
    lists, items = case
    renamed = np.random.default_rng(0).permutation(items) + 1
    one, other = fairness_metrics(lists, items), fairness_metrics(renamed[lists - 1][::-1], items)
    assert one == pytest.approx(other, nan_ok=True)


@pytest.mark.parametrize(("users", "k", "items"), [(4, 2, 8), (6, 3, 9), (5, 4, 10), (2, 3, 12), (2, 2, 9)])
def test_the_same_list_for_all_is_the_unfair_end(users: int, k: int, items: int) -> None:
    found = fairness_metrics(same_for_all(users, k), items)
    assert [found[name] for name in HIGHER if name != "FSat_our"] == pytest.approx([0.0] * 3, abs=1e-9)
    assert [found[name] for name in LOWER] == pytest.approx([1.0] * 2)
    # With fewer places than items every item has its share of ⌊places / items⌋ = 0: nothing can be unfair.
    assert found["FSat_our"] == (0.0 if users * k >= items else 1.0)


@pytest.mark.parametrize(("users", "k", "items"), [(4, 2, 8), (6, 3, 9), (5, 4, 10), (2, 3, 12), (2, 2, 9), (5, 3, 7)])
def test_items_in_turn_are_the_fair_end(users: int, k: int, items: int) -> None:
    found = fairness_metrics(in_turn(users, k, items), items)
    assert [found[name] for name in HIGHER] == pytest.approx([1.0] * 4)
    assert found["Gini_our"] == pytest.approx(0.0, abs=1e-9)


# The known failures of the originals


def test_the_originals_cannot_reach_the_unfair_end() -> None:
    """A list holds every item once, so that even the same list for all shows k items: 0 and 1 are out of reach."""
    found = fairness_metrics(same_for_all(10, 5), 10)
    assert found["Jain_ori"] == pytest.approx(0.5) and found["QF_ori"] == 0.5 and found["FSat_ori"] == 0.5
    assert found["Gini_ori"] == pytest.approx(0.5)
    assert [found[f"{name}_our"] for name in ("Jain", "QF", "FSat")] == pytest.approx([0.0] * 3)
    assert found["Gini_our"] == pytest.approx(1.0)


def test_with_fewer_places_than_items_the_originals_cannot_reach_the_fair_end() -> None:
    """Six places of 60 items: the fairest lists there are look almost as unfair as can be."""
    found = fairness_metrics(in_turn(2, 3, 60), 60)
    assert found["Jain_ori"] == pytest.approx(0.1) and found["QF_ori"] == pytest.approx(0.1)
    assert found["Gini_ori"] == pytest.approx(0.9) and found["Gini-w_ori"] > 0.9
    assert [found[f"{name}_our"] for name in ("Jain", "QF", "Ent")] == pytest.approx([1.0] * 3)
    assert [found[name] for name in LOWER] == pytest.approx([0.0] * 2, abs=1e-9)


def test_where_places_do_not_divide_by_items_the_original_is_never_quite_fair() -> None:
    """Seven items, fifteen places: one item has a place more than the others, whatever is done."""
    found = fairness_metrics(in_turn(5, 3, 7), 7)
    assert found["Jain_ori"] < 1 and found["Gini_ori"] > 0
    assert found["Jain_our"] == pytest.approx(1.0) and found["Gini_our"] == pytest.approx(0.0, abs=1e-9)


def test_the_original_entropy_is_undefined_as_soon_as_an_item_is_left_out() -> None:
    one = fairness_metrics([[1, 2], [3, 1], [2, 4]], 5)
    assert math.isnan(one["Ent_ori"]) and 0 < one["Ent_our"] < 1
    all_shown = fairness_metrics([[1, 2], [3, 4]], 4)
    assert all_shown["Ent_ori"] == pytest.approx(1.0) and all_shown["Ent_our"] == pytest.approx(1.0)


def test_vocd_finds_the_same_list_for_all_perfectly_fair() -> None:
    """It looks at shown items alone, and these have equal counts: the unfairest and the fairest lists are 0 both."""
    assert fairness_metrics(same_for_all(10, 5), 50)["VoCD_ori"] == 0.0
    assert fairness_metrics(in_turn(10, 5, 50), 50)["VoCD_ori"] == 0.0


def test_single_deviation_does_not_see_which_items_are_shown() -> None:
    """II-D is the same for every set of lists of one length: it cannot tell the same list for all from turns."""
    assert fairness_metrics(same_for_all(10, 5), 50)["II-D_ori"] == pytest.approx(
        fairness_metrics(in_turn(10, 5, 50), 50)["II-D_ori"]
    )
    assert fairness_metrics(same_for_all(10, 5), 50)["AI-D_ori"] > fairness_metrics(in_turn(10, 5, 50), 50)["AI-D_ori"]


def test_where_everything_is_recommended_to_everybody_there_is_no_fairer_or_unfairer() -> None:
    found = fairness_metrics([[1, 2], [2, 1]], 2)
    assert all(math.isnan(found[name]) for name in ("Jain_our", "QF_our", "Gini_our"))


def test_the_published_correction_of_satisfied_items_can_fall_below_0() -> None:
    """Eighteen places, nine items, two places each: the same list for all satisfies six, these lists five."""
    lists = [[4, 3, 9, 7, 6, 5], [6, 2, 7, 1, 5, 4], [2, 7, 6, 4, 8, 5]]
    found = fairness_metrics(lists, 9)
    assert found["FSat_ori"] == pytest.approx(5 / 9) and found["FSat_our"] == pytest.approx(-1 / 3)
    assert found["FSat_exact"] == 0.0
    assert fairness_metrics(in_turn(3, 6, 9), 9)["FSat_exact"] == 1.0


# Fast forms against what they stand for


@given(recommended())
def test_exposure_and_variation_equal_their_definitions(case: tuple[np.ndarray, int]) -> None:
    lists, items = case
    users, k = lists.shape
    exposure = np.zeros((users, items))
    np.put_along_axis(exposure, lists - 1, np.tile(PATIENCE ** np.arange(k), (users, 1)), axis=1)
    gap = exposure - (1 - PATIENCE**k) / ((1 - PATIENCE) * items)
    counts = [count for count in np.bincount(lists.ravel() - 1, minlength=items) if count]
    pairs = [abs(a - b) / max(a, b) for place, a in enumerate(counts) for b in counts[:place]]
    found = fairness_metrics(lists, items)
    assert found["II-D_ori"] == pytest.approx((gap**2).mean())
    assert found["AI-D_ori"] == pytest.approx((gap.mean(axis=0) ** 2).mean())
    assert found["VoCD_ori"] == pytest.approx(np.mean(pairs) if pairs else 0.0)


# Bad input


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ([], "no lists"),
        ([[1, 2], [1]], "lists of 1, 2 items"),
        ([[1, 2], [0, 1]], "List 2 of 2 holds item 0, expected numbers from 1 to 3"),
        ([[1, 2], [4, 1]], "List 2 of 2 holds item 4"),
        ([[1, 2], [3, 3]], "List 2 of 2 holds item 3 twice"),
        ([["a", "b"]], "expected the numbers of items"),
        ([[1.5, 2.0]], "float64 values"),
    ],
)
def test_lists_that_are_none_are_refused(lists: list[list[int]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        fairness_metrics(lists, 3)
