"""The learned-token mask in the forest: targets are the learned tokens, the layout is that of all tokens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from forest.trees import chain, groups, text_of
from forest.words import renderer
from penchant.errors import DataError
from penchant.feedback.records import Source
from penchant.forest import Encoder, Example, Supply, TokenSequence, build_forest, collate
from penchant.forest.batching import Slot
from penchant.rendering import Truncation


@given(groups())
def test_a_mask_changes_targets_and_nothing_else(drawn: tuple[list[TokenSequence], list[int]]) -> None:
    kept = [(each, owner) for each, owner in zip(*drawn, strict=True) if each.response]
    if not kept:
        return
    sequences, owners = [each for each, _ in kept], [owner for _, owner in kept]
    learned = [
        each._replace(learned=tuple((row + place) % 2 == 0 or len(each.response) == 1 for place in range(len(each[1]))))
        for row, each in enumerate(sequences)
    ]
    learned = [each if each.length else each._replace(learned=None) for each in learned]
    plain, forest = build_forest(sequences, owners), build_forest(learned, owners)
    for name in ("token_ids", "position_ids", "parent", "subtree_end"):
        assert getattr(forest, name).equal(getattr(plain, name))
    assert forest.mask.sum(-1).tolist() == [each.length for each in learned]
    for row, each in enumerate(learned):
        own = forest.response_index[row][forest.mask[row]].tolist()
        assert forest.token_ids[own].tolist() == each.learned_ids
        for index, place in zip(own, each.learned_places, strict=True):
            path = [int(forest.token_ids[at]) for at in chain(forest, index)]
            assert path == text_of(each)[: len(each.prompt) + place + 1], "the token follows its own text"


def test_sequences_may_share_a_token_that_one_of_them_learns() -> None:
    forest = build_forest(
        [TokenSequence([5, 6], [7, 8, 2], (True, False, True)), TokenSequence([5, 6], [7, 8, 2], (False, True, True))]
    )
    assert forest.tokens == 5
    assert forest.response_index.tolist() == [[2, 4], [3, 4]]
    assert forest.targets.tolist() == [2, 3, 4] and forest.predict_from.tolist() == [1, 2, 3]


@pytest.mark.parametrize("mask", [(False, False), (True,), (True, True, True)])
def test_a_mask_that_does_not_fit_is_refused(mask: tuple[bool, ...]) -> None:
    with pytest.raises(DataError, match=r"Sequence 1 has 2 response tokens and a mask of"):
        build_forest([TokenSequence([5], [6, 7]), TokenSequence([5], [6, 7], mask)])


@pytest.mark.parametrize(
    ("limit", "policy", "ids", "learned"),
    [
        (None, "prompt_left", [7, 8, 9, 2], (True, False, False, True)),
        (5, "prompt_left", [7, 8, 9, 2], (True, False, False, True)),
        (5, "response_right", [7, 8], (True, False)),
    ],
)
def test_truncation_keeps_the_mask_at_its_tokens(limit: int | None, policy: Any, ids: list[int], learned: Any) -> None:
    fitted = Truncation(limit, policy).fit([4, 5, 6], [[7, 8, 9, 2]], learned=[(True, False, False, True)])
    assert fitted.responses == [ids] and fitted.learned == (learned,)


def test_a_response_that_keeps_no_learned_token_is_dropped() -> None:
    fitted = Truncation(5, "response_right").fit(
        [4, 5, 6], [[7, 8, 9, 2], [7, 2]], learned=[(False, False, True, True), None]
    )
    assert fitted.dropped == "no learned token within max_length" and not fitted.responses


def test_fields_per_token_are_of_learned_tokens() -> None:
    sequences = [TokenSequence([5, 6], [7, 8, 2], (True, False, True)), TokenSequence([5, 6], [9, 2])]
    example = Example({"responses": sequences}, {"old_policy": [[-1.0, -2.0], [-3.0, -4.0]]}, 1.0, Source())
    batch = collate([example])
    assert batch.fields["old_policy"].shape == batch.forest.mask.shape


def crossing(limit: int | None = None, policy: Any = "prompt_left") -> TokenSequence:
    """The prompt of one example with the response of another one, which has a mask."""
    encoder = Encoder(renderer(), ["responses", "mismatched"], truncation=Truncation(limit, policy))
    own, other = TokenSequence([2, 3, 4], [6, 0]), TokenSequence([2], [6, 8, 9, 0], (True, False, False, True))
    examples = [Example({"responses": [each]}, {}, 1.0, Source()) for each in (own, other)]
    supply = Supply(examples, encoder=encoder)
    return supply.at(Slot(0, (), 1)).views["mismatched"][0]  # type: ignore[no-any-return]


def test_mismatched_views_carry_the_mask_of_the_response() -> None:
    assert crossing() == TokenSequence([2, 3, 4], [6, 8, 9, 0], (True, False, False, True))
    assert crossing(5) == TokenSequence([4], [6, 8, 9, 0], (True, False, False, True))
    assert crossing(5, "response_right") == TokenSequence([2, 3, 4], [6, 8], (True, False))
