"""A forest contains every sequence, no shared prefix twice, and its attention rule is correct."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

from forest.trees import chain, groups, random_trees, text_of
from penchant.errors import DataError
from penchant.forest import TokenSequence, build_forest

Groups = tuple[list[TokenSequence], list[int]]


def common_prompt(length: int) -> tuple[list[TokenSequence], list[int]]:
    """Two groups whose prompts have a common prefix of ``length`` tokens."""
    start = list(range(100, 100 + length))
    prompts = [[*start, 7, 8], [*start, 9]]
    sequences = [TokenSequence(prompt, response) for prompt in prompts for response in ([1, 2], [1, 3])]
    return sequences, [0, 0, 1, 1]


@settings(max_examples=80, deadline=None)
@given(groups())
def test_every_response_is_read_back_from_its_row(drawn: Groups) -> None:
    sequences, owners = drawn
    forest = build_forest(sequences, owners)
    assert forest.mask.shape == forest.response_index.shape
    assert forest.mask.shape[0] == len(sequences)
    assert forest.sequences == tuple(sequences)
    for row, sequence in enumerate(sequences):
        length = len(sequence.response)
        assert forest.mask[row].tolist() == [True] * length + [False] * (forest.mask.shape[1] - length)
        places = forest.response_index[row][forest.mask[row]]
        assert forest.token_ids[places].tolist() == list(sequence.response)
        if length:
            # The whole sequence is what leads to its last token.
            assert forest.token_ids[chain(forest, int(places[-1]))].tolist() == text_of(sequence)


@settings(max_examples=80, deadline=None)
@given(groups())
def test_nothing_is_computed_twice_and_nothing_is_missing(drawn: Groups) -> None:
    sequences, owners = drawn
    forest = build_forest(sequences, owners)
    texts = [text_of(sequence) for sequence in sequences]
    beginnings = {
        (owner, tuple(text[: stop + 1])) for owner, text in zip(owners, texts, strict=True) for stop in range(len(text))
    }
    assert forest.tokens == len(beginnings)
    assert forest.sequence_tokens == sum(map(len, texts))
    assert forest.max_context == max(map(len, texts))
    assert forest.saved == pytest.approx(1 - len(beginnings) / sum(map(len, texts)))
    held = {tuple(forest.token_ids[chain(forest, place)].tolist()) for place in range(forest.tokens)}
    assert held == {text for _, text in beginnings}


@settings(max_examples=80, deadline=None)
@given(groups())
def test_the_arrays_agree_with_a_walk_along_the_parents(drawn: Groups) -> None:
    forest = build_forest(*drawn)
    paths = [chain(forest, place) for place in range(forest.tokens)]
    seen = torch.zeros(forest.tokens, forest.tokens, dtype=torch.bool)
    for place, path in enumerate(paths):
        seen[place, path] = True
    assert torch.equal(forest.may_attend(), seen)
    assert forest.position_ids.tolist() == [len(path) - 1 for path in paths]
    ends = [max(after for after, path in enumerate(paths) if place in path) + 1 for place in range(forest.tokens)]
    assert forest.subtree_end.tolist() == ends
    for window in (1, 2, 3):
        near = [
            [seen[i, j] and len(paths[i]) - len(paths[j]) < window for j in range(len(paths))]
            for i in range(len(paths))
        ]
        assert torch.equal(forest.may_attend(window), torch.tensor(near))


@settings(max_examples=60, deadline=None)
@given(groups())
def test_segments_cut_the_row_into_runs_without_branching(drawn: Groups) -> None:
    forest = build_forest(*drawn)
    assert [segment.start for segment in forest.segments] == [0, *[segment.stop for segment in forest.segments]][:-1]
    assert forest.segments[-1].stop == forest.tokens
    for segment in forest.segments:
        assert segment.length > 0
        above = [place for part in segment.ancestors for place in range(*forest.segments[part][:2])]
        assert [*above, *range(segment.start, segment.stop)] == chain(forest, segment.stop - 1)


@settings(max_examples=60, deadline=None)
@given(groups())
def test_targets_are_the_distinct_response_tokens(drawn: Groups) -> None:
    forest = build_forest(*drawn)
    assert forest.targets.tolist() == sorted(set(forest.response_index[forest.mask].tolist()))
    assert forest.target_ids.tolist() == forest.token_ids[forest.targets].tolist()
    assert forest.predict_from.tolist() == [int(forest.parent[place]) for place in forest.targets]
    assert (forest.predict_from >= 0).all()
    if len(forest.targets):
        values = forest.per_response(forest.targets.float())
        assert torch.equal(values, torch.where(forest.mask, forest.response_index.float(), 0.0))


@settings(max_examples=50, deadline=None)
@given(groups())
def test_without_sharing_every_sequence_is_a_tree_of_its_own(drawn: Groups) -> None:
    sequences, owners = drawn
    forest = build_forest(sequences, owners, share=False)
    assert forest.tokens == forest.sequence_tokens
    assert forest.saved == 0
    assert forest.token_ids.tolist() == [token for sequence in sequences for token in text_of(sequence)]
    assert (forest.parent == -1).sum() == len(sequences)


def test_trees_are_deeper_than_two() -> None:
    forest = build_forest(*random_trees(0))
    assert max(len(segment.ancestors) for segment in forest.segments) >= 2


@pytest.mark.parametrize("length", [16, 40])
def test_a_long_common_beginning_is_shared_between_groups(length: int) -> None:
    sequences, owners = common_prompt(length)
    forest = build_forest(sequences, owners)
    distinct = {tuple(text_of(each)[: stop + 1]) for each in sequences for stop in range(len(text_of(each)))}
    assert forest.tokens == len(distinct)
    assert (forest.parent == -1).sum() == 1


@pytest.mark.parametrize("length", [1, 15])
def test_a_lone_bos_or_a_short_beginning_ties_no_groups_together(length: int) -> None:
    sequences, owners = common_prompt(length)
    forest = build_forest(sequences, owners)
    assert (forest.parent == -1).sum() == 2
    apart = [build_forest(sequences[:2]).tokens, build_forest(sequences[2:]).tokens]
    assert forest.tokens == sum(apart)


def test_a_beginning_is_shared_by_the_groups_that_have_it_alone() -> None:
    sequences, _ = common_prompt(20)
    other = TokenSequence([5, 6], [7])
    forest = build_forest([sequences[0], other, sequences[2]], [0, 1, 2])
    assert (forest.parent == -1).sum() == 2
    assert forest.token_ids[forest.response_index[1, 0]] == 7


def test_a_group_with_several_prompts_has_a_tree_for_each() -> None:
    forest = build_forest([TokenSequence([3, 4], [5]), TokenSequence([6], [5]), TokenSequence([3, 4], [7])], [0, 0, 0])
    assert forest.tokens == 6
    assert (forest.parent == -1).sum() == 2


def test_one_token_is_a_forest() -> None:
    forest = build_forest([TokenSequence([3], [])])
    assert forest.tokens == 1
    assert forest.mask.shape == (1, 0)
    assert len(forest.targets) == 0


def test_another_device_holds_the_same_forest() -> None:
    forest = build_forest(*random_trees(1))
    assert forest.to("cpu") is forest
    moved = forest.to("meta")
    for name in ("token_ids", "parent", "mask", "targets", "predict_from", "target_ids", "target_of"):
        assert getattr(moved, name).device.type == "meta"
        assert getattr(moved, name).shape == getattr(forest, name).shape
    assert moved.segments == forest.segments


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(DataError, match=r"Sequence 1 has an empty prompt.*BOS"):
        build_forest([TokenSequence([3], [4]), TokenSequence([], [4])])


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="has no sequences"):
        build_forest([])
