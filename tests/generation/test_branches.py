"""Branches: what is read step by step is what is read at once, and every token is read once."""

from __future__ import annotations

import pytest
import torch

from families import tiny_model
from penchant.generation.branches import Branch, Reader
from penchant.generation.runs import Tally
from penchant.generation.steps import Asked, Stepping, draw_steps


def plain(model: object, ids: tuple[int, ...]) -> torch.Tensor:
    """The logits after the last of these tokens, by one plain pass."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0, -1]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("family", "keeps"), [("llama", True), ("gpt2", True), ("mistral-sliding", False), ("mamba", False)]
)
def test_what_is_read_in_parts_is_what_is_read_at_once(family: str, keeps: bool) -> None:
    model = tiny_model(family).eval()
    reader, tally = Reader(model), Tally()
    stems = [Branch((5, 6, 7, 8, 9), tally), Branch((10, 11), tally)]
    first = reader.read(stems)
    for row, stem in enumerate(stems):
        assert torch.allclose(first.logits[row], plain(model, stem.ids), atol=1e-5)
    assert reader.keeps == keeps
    children = [stems[0].grown([12]), stems[1].grown([13, 14]), stems[0].grown([15, 16, 17])]
    second = reader.read(children)
    for row, child in enumerate(children):
        assert torch.allclose(second.logits[row], plain(model, child.ids), atol=1e-5)
    # Each token once, whatever continues it; without a cache every row anew.
    assert (tally.read, tally.saved) == ((7 + 6, 12) if keeps else (7 + 18, 0))


def test_a_beginning_keeps_what_is_known_of_it() -> None:
    reader, tally = Reader(tiny_model("llama").eval()), Tally()
    stem = Branch((5, 6, 7, 8), tally)
    reader.read([stem])
    other = stem.leading_to((5, 6, 9, 9))
    assert (other.ids, other.known) == ((5, 6, 9, 9), 2)
    assert torch.allclose(reader.read([other]).logits[0], plain(reader.model, other.ids), atol=1e-5)
    again = stem.leading_to((5, 6))  # the last token is read, for what follows it
    assert (again.ids, again.known) == ((5, 6), 1)
    assert tally.read == 4 + 2


def test_steps_follow_from_the_seed_and_not_from_the_batch() -> None:
    model = tiny_model("llama").eval()
    how = Stepping(decode=lambda ids: " ".join(map(str, ids)), ends=frozenset({2}), marks=("\n",))

    def asked(number: int) -> Asked:
        return Asked(Branch((5, 6, 7 + number), Tally()), 3, 6, False, (1, number))

    together = draw_steps(Reader(model), [asked(0), asked(1)], how)
    alone = [draw_steps(Reader(model), [asked(number)], how)[0] for number in (0, 1)]
    assert [[step.ids for step in own] for own in together] == [[step.ids for step in own] for own in alone]
    assert all(step.cut or step.finished for own in together for step in own)
    assert len({step.ids for step in together[0]}) > 1
    for step in together[1]:
        rows = [plain(model, step.branch.ids[: 3 + place]).log_softmax(-1) for place in range(len(step.ids))]
        assert [float(row[token]) for row, token in zip(rows, step.ids, strict=True)] == pytest.approx(
            step.logps, abs=1e-4
        )
        assert step.branch.known == len(step.branch.ids) - 1


def test_steps_are_drawn_as_often_as_they_are_likely() -> None:
    model = tiny_model("llama").eval()
    how = Stepping(decode=str, ends=frozenset(), temperature=0.7, top_p=0.6)
    request = Asked(Branch((5, 6), Tally()), 4000, 1, True, (3,))
    drawn = torch.tensor([step.ids[0] for step in draw_steps(Reader(model), [request], how)[0]])
    chances = (plain(model, (5, 6)).double() / 0.7).softmax(-1)
    ordered, order = chances.sort(descending=True)
    nucleus = order[: int((ordered.cumsum(0) < 0.6).sum()) + 1]
    assert set(drawn.tolist()) <= set(nucleus.tolist())
    shares = torch.bincount(drawn, minlength=len(chances)) / len(drawn)
    assert torch.allclose(shares[nucleus].double(), chances[nucleus] / chances[nucleus].sum(), atol=0.03)
