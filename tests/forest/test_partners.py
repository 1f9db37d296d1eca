"""The plan alone determines the partner of every example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forest.words import renderer
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Judgement
from penchant.forest import Encoder, Plan, Slot, Supply, TokenSequence, plan_batches
from penchant.rendering.truncation import Policy, Truncation


def partners(plan: Plan, step: int) -> list[int | None]:
    return [slot.partner for slot in plan.slots(step, partners=True)]


def test_the_partner_is_the_next_example_of_the_step_cyclically() -> None:
    plan = Plan(((4, 0, 2), (1, 3)), (0.6, 1.0))
    assert partners(plan, 0) == [0, 2, 4]
    assert partners(plan, 1) == [3, 1]


def test_a_step_of_one_takes_the_first_of_the_next_step_and_the_last_one_wraps() -> None:
    plan = Plan(((4,), (0, 2), (1,)), (0.25, 0.75, 1.0))
    assert partners(plan, 0) == [0]
    assert partners(plan, 2) == [4]


def test_an_example_is_never_its_own_partner() -> None:
    # The end of an epoch may be followed by the same example; a small file of a mixture may stand in a step twice.
    assert partners(Plan(((0,), (0,), (1,)), (0.5, 1.0, 1.5)), 0) == [1]
    assert partners(Plan(((0, 0, 1),), (1.0,)), 0) == [1, 1, 0]
    assert partners(Plan(((0,), (0,)), (1.0, 2.0)), 1) == [None]


@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 3))
def test_every_step_of_several_examples_is_one_circle(count: int, size: int, seed: int) -> None:
    plan = plan_batches([3] * count, batch_size=size, epochs=2, seed=seed)
    for step, members in enumerate(plan.steps):
        found = partners(plan, step)
        assert all(partner not in (None, own) for partner, own in zip(found, members, strict=True))
        if len(members) > 1:
            assert found == [*members[1:], members[0]]


def test_across_a_plan_partners_do_not_depend_on_its_steps() -> None:
    sizes = [3, 4, 5, 6, 7]
    found = []
    for tokens in (1, 8, 100):
        plan = plan_batches(sizes, tokens_per_batch=tokens, shuffle=False, across=True)
        found.append([partner for step in range(len(plan)) for partner in partners(plan, step)])
    assert found == [[1, 2, 3, 4, 0]] * 3


def judged(prompt: str, completion: str) -> Judgement:
    return Judgement(prompt=prompt, completion=completion, label=True)


def encoder(max_length: int | None = None, policy: Policy = "prompt_left", *views: str) -> Encoder:
    names = views or ("responses", "mismatched")
    return Encoder(renderer(), names, ["label"], Truncation(max_length, policy))


def supply(*records: Judgement, made_by: Encoder | None = None) -> Supply:
    made_by = made_by or encoder()
    return Supply(made_by.encode(records).examples, encoder=made_by)


def test_the_mismatched_view_has_this_prompt_and_the_partners_response() -> None:
    both = supply(judged("the cat", " sat"), judged("a dog", " ran on the dog"))
    (own,), (other,) = both[0].views["responses"], both[1].views["responses"]
    laid = both.at(Slot(0, partner=1))
    assert laid.views == {"responses": [own], "mismatched": [TokenSequence(own.prompt, other.response)]}
    # The prompt is there already, so only the response is added.
    assert laid.size == both.size(Slot(0, partner=1)) == len(own.prompt) + len(own.response) + len(other.response)


@pytest.mark.parametrize("policy", ["prompt_left", "response_right", "drop", "error"])
def test_a_mismatched_sequence_fits_the_length_limit(policy: Policy) -> None:
    long, short = judged("the cat sat on the dog", " ran"), judged("a", " sat on the dog ran")
    limit = max(supply(long, short)[place].size for place in (0, 1))
    both = supply(long, short, made_by=encoder(limit, policy))
    (own,), (other,) = both[0].views["responses"], both[1].views["responses"]
    assert len(own.prompt) + len(other.response) > limit
    (crossed,) = both.at(Slot(0, partner=1)).views["mismatched"]
    assert len(crossed.prompt) + len(crossed.response) == limit
    if policy == "response_right":
        assert crossed.prompt == own.prompt and crossed.response == other.response[: len(crossed.response)]
    else:
        assert crossed.response == other.response
        assert crossed.prompt[0] == own.prompt[0] and list(crossed.prompt[1:]) == own.prompt[1 - len(crossed.prompt) :]


def test_one_example_alone_is_refused_by_name() -> None:
    alone = supply(judged("the cat", " sat"))
    with pytest.raises(DataError, match=r"'mismatched' pairs a prompt with the response of another example.*only one"):
        alone.check(plan_batches(alone.sizes, max_steps=3))


def test_a_view_of_the_step_needs_the_view_that_it_crosses() -> None:
    with pytest.raises(ConfigurationError, match=r"'mismatched' needs the view 'responses'.*`responses: Scored`"):
        encoder(None, "prompt_left", "mismatched")


def test_a_budget_of_tokens_counts_the_mismatched_responses() -> None:
    records = [judged("the cat", " sat" + " on the dog" * number) for number in range(4)]
    several = supply(*records)
    plan = plan_batches(several.sizes, tokens_per_batch=40, seed=1)
    for step in range(len(plan)):
        slots = several.slots(plan, step)
        if len(slots) > 1:
            assert sum(several.at(slot).size for slot in slots) == sum(several.sizes[slot.example] for slot in slots)


def test_what_is_computed_once_covers_every_pairing_of_the_run() -> None:
    several = supply(*(judged("the cat" + " sat" * number, " ran" + " on" * number) for number in range(5)))
    plan = plan_batches(several.sizes, batch_size=2, epochs=3)
    known = {(name, str(each)) for name, each in several.responses(plan)}
    for step in range(len(plan)):
        for slot in several.slots(plan, step):
            for name, view in several.at(slot).views.items():
                assert all((name, str(each)) in known for each in view)
