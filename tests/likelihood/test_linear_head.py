"""A linear output head: the closed form gives the numbers of the formulas, and computes nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from families import tiny_model
from penchant.errors import ConfigurationError
from penchant.feedback.records import Source
from penchant.forest import TokenSequence, collate
from penchant.forest.example import Example
from penchant.likelihood import CausalScorer, build_reference
from penchant.likelihood import head as heads
from penchant.likelihood.head import REFERENCE_LOGPS, Rows, token_statistics
from penchant.likelihood.inside import head_tiles
from penchant.likelihood.inside.linear_head import OutputHead
from penchant.likelihood.inside.reading import Reading
from penchant.likelihood.inside.tiled_softmax import TiledSoftmax
from penchant.objectives import build

ROWS, WIDTH, VOCABULARY = 11, 6, 17
CHOSEN = 5
DIVERGENCE = "reference_kl"


def a_head(seed: int, bias: bool = False, **further: float) -> OutputHead:
    torch.manual_seed(seed)
    return OutputHead(nn.Linear(WIDTH, VOCABULARY, bias=bias), **further)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    hidden, other = (torch.randn(ROWS, WIDTH, generator=generator) for _ in range(2))
    return hidden.requires_grad_(), torch.randint(0, VOCABULARY, (ROWS,), generator=generator), other


def plainly(head: OutputHead, hidden: Tensor, ids: Tensor, other: Rows) -> dict[str, Tensor]:
    """The formulas in float64 on whole tables."""
    p = torch.log_softmax(head(hidden).double(), -1)
    q = torch.log_softmax(other.head(other.hidden).double(), -1).detach()
    own, theirs = (each.gather(-1, ids[:, None]).squeeze(-1) for each in (p, q))
    return {"logps": own, DIVERGENCE: (q.exp() * (q - p)).sum(-1), REFERENCE_LOGPS: theirs}


def total(values: dict[str, Tensor], seen: Tensor) -> Tensor:
    """Some function of the values; the divergence of the chosen rows is constant in it, as in TDPO2."""
    weights = torch.linspace(-1, 2, ROWS)
    divergence = (values[DIVERGENCE] * weights * seen).sum() if DIVERGENCE in values else 0.0
    return (values["logps"] * weights.flip(0)).sum() + 3 * divergence


KINDS: dict[str, Callable[[], OutputHead]] = {
    "plain": lambda: a_head(0),
    "bias": lambda: a_head(0, bias=True),
    "factor": lambda: a_head(0, factor=0.5, divisor=0.3),
}


@pytest.mark.parametrize("chunk", [0, 1, 3, ROWS, None])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("stats", [(), (DIVERGENCE,)])
@pytest.mark.parametrize("seen", [torch.ones(ROWS), (torch.arange(ROWS) >= CHOSEN).float()])
def test_values_and_gradients_are_those_of_the_formulas(
    chunk: int | None, kind: str, frozen: bool, stats: tuple[str, ...], seen: Tensor
) -> None:
    head, (hidden, ids, states) = KINDS[kind](), inputs()
    head.output.requires_grad_(not frozen)
    other = Rows(states, a_head(2))
    result = token_statistics(Rows(hidden, head), ids, stats, other, chunk_rows=chunk)
    expected = {name: value for name, value in plainly(head, hidden, ids, other).items() if name in result}
    assert set(result) == {"logps", *stats} | ({REFERENCE_LOGPS} if stats else set())
    trained = [hidden, *([] if frozen else head.output.parameters())]
    for name, value in result.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), expected[name], atol=2e-6, rtol=1e-6)
    ours = torch.autograd.grad(total(result, seen), trained, retain_graph=True)
    for found, plain in zip(ours, torch.autograd.grad(total(expected, seen), trained), strict=True):
        torch.testing.assert_close(found, plain, atol=3e-6, rtol=1e-5)
    for found, again in zip(ours, torch.autograd.grad(total(result, seen), trained), strict=True):
        assert torch.equal(found, again), "a second backward pass finds what the first found"


@pytest.mark.parametrize("whole", [heads.WHOLE_BYTES, 0])
@pytest.mark.parametrize("chunk", [3, 0, None])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("width", [1, 4, 5])
def test_tiles_of_few_columns_give_the_same(
    whole: int, chunk: int | None, bias: bool, frozen: bool, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "WHOLE_BYTES", whole)
    monkeypatch.setattr(head_tiles, "TILE_BYTES", 4 * width * (chunk or ROWS))
    monkeypatch.setattr(heads, "TILE_ROWS", 4)
    head, (hidden, ids, states) = a_head(0, bias=bias), inputs()
    head.output.requires_grad_(not frozen)
    other, seen = Rows(states, a_head(2)), (torch.arange(ROWS) >= CHOSEN).float()
    result = token_statistics(Rows(hidden, head), ids, (DIVERGENCE,), other, chunk_rows=chunk)
    expected = plainly(head, hidden, ids, other)
    for name, value in result.items():
        torch.testing.assert_close(value.double(), expected[name], atol=2e-6, rtol=1e-6)
    trained = [hidden, *([] if frozen else head.output.parameters())]
    ours, plain = (torch.autograd.grad(total(each, seen), trained) for each in (result, expected))
    for found, formula in zip(ours, plain, strict=True):
        torch.testing.assert_close(found, formula, atol=3e-6, rtol=1e-5)


@pytest.mark.parametrize("chunk", [3, 0])
@pytest.mark.parametrize("frozen", [False, True])
def test_where_the_divergence_has_the_slope_of_the_likelihood_the_policy_is_not_computed_again(
    chunk: int, frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, (hidden, ids, states) = a_head(0), inputs()
    head.output.requires_grad_(not frozen)
    other, weights = Rows(states, a_head(2)), torch.linspace(-1, 2, ROWS)
    result = token_statistics(Rows(hidden, head), ids, (DIVERGENCE,), other, chunk_rows=chunk)
    expected = plainly(head, hidden, ids, other)
    calls: list[int] = []
    monkeypatch.setattr(head_tiles.Tiles, "_logits", lambda *_given: calls.append(1))
    parts = [hidden, *([] if frozen else head.output.parameters())]
    sums = [((each["logps"] + each[DIVERGENCE]) * weights).sum() for each in (result, expected)]
    ours, plain = (torch.autograd.grad(each, parts) for each in sums)
    assert not calls
    for found, formula in zip(ours, plain, strict=True):
        torch.testing.assert_close(found, formula, atol=3e-6, rtol=1e-5)


@pytest.mark.parametrize("chunk", [3, 0])
def test_tokens_that_cannot_be_chosen_leave_values_and_gradients_finite(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_tiles, "TILE_BYTES", 4 * 4 * (chunk or ROWS))
    head, (hidden, ids, _) = a_head(0, bias=True), inputs()
    with torch.no_grad():
        head.output.bias[:9] = -torch.inf  # two whole tiles, and a part of the third
        ids = ids % (VOCABULARY - 9) + 9
    result = token_statistics(Rows(hidden, head), ids, chunk_rows=chunk)
    expected = torch.log_softmax(head(hidden), -1).gather(-1, ids[:, None]).squeeze(-1)
    torch.testing.assert_close(result["logps"], expected)
    parts = [hidden, head.output.weight]
    ours, plain = (torch.autograd.grad(each.sum(), parts) for each in (result["logps"], expected))
    for found, formula in zip(ours, plain, strict=True):
        torch.testing.assert_close(found, formula, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("most", [1, 5, 31, 32, 512, 1000, 1024, 4096])
def test_rows_of_tiles_do_not_lie_a_power_of_two_apart(most: int) -> None:
    width = head_tiles._columns(most)
    assert 0 < width <= most
    assert most < 32 or width % 16 == 8


class Counted:
    """A head that is no layer, with the number of rows of each call."""

    def __init__(self) -> None:
        self.inner, self.calls = a_head(2), list[int]()

    def __call__(self, hidden: Tensor) -> Tensor:
        self.calls.append(len(hidden))
        return self.inner(hidden)


@pytest.mark.parametrize(("frozen", "chunk", "again"), [(False, 3, [3, 3]), (True, 3, []), (False, 0, [])])
def test_the_reference_is_computed_again_only_where_the_divergence_has_a_gradient(
    frozen: bool, chunk: int, again: list[int]
) -> None:
    head, (hidden, ids, states) = a_head(0), inputs()
    head.output.requires_grad_(not frozen)
    counted = Counted()
    result = token_statistics(Rows(hidden, head), ids, [DIVERGENCE], Rows(states, counted), chunk_rows=chunk)
    once = [3, 3, 3, 2] if chunk else [ROWS]
    assert counted.calls == once
    seen = (torch.arange(ROWS) >= CHOSEN).float()
    total(result, seen).backward()
    assert counted.calls == [*once, *again]


def test_a_position_without_gradient_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    head, (hidden, ids, _) = a_head(0), inputs()
    result = token_statistics(Rows(hidden, head), ids, chunk_rows=4)["logps"]
    rows: list[int] = []
    plain = head_tiles.write_logits

    def counted(given: Tensor, *others: Tensor) -> Tensor:
        rows.append(len(given))
        return plain(given, *others)

    monkeypatch.setattr(head_tiles, "write_logits", counted)
    (result * (torch.arange(ROWS) % 2)).sum().backward()  # type: ignore[no-untyped-call]
    assert rows == [4, 1]
    assert hidden.grad is not None
    assert hidden.grad.any(-1).tolist() == [place % 2 == 1 for place in range(ROWS)]


def test_without_gradient_no_table_is_kept() -> None:
    head, (hidden, ids, states) = a_head(0), inputs()
    with torch.no_grad():
        result = token_statistics(Rows(hidden, head), ids, [DIVERGENCE], Rows(states, a_head(2)))
    assert not any(value.requires_grad for value in result.values())


def test_equal_models_have_no_divergence_at_all() -> None:
    head, (hidden, ids, _) = a_head(0), inputs()
    result = token_statistics(Rows(hidden, head), ids, [DIVERGENCE], Rows(hidden.detach(), head))
    assert result[DIVERGENCE].tolist() == [0.0] * ROWS
    assert torch.equal(result["logps"], result[REFERENCE_LOGPS])


def test_under_autocast_the_product_is_in_the_reduced_type() -> None:
    head, (hidden, ids, states) = a_head(0), inputs()
    seen = torch.ones(ROWS)
    found = []
    for watched in (False, True):
        remove = head.output.register_forward_hook(lambda *_: None) if watched else None
        with torch.autocast("cpu", torch.bfloat16):
            result = token_statistics(Rows(hidden, head), ids, [DIVERGENCE], Rows(states, a_head(2)), chunk_rows=4)
        found.append((result, torch.autograd.grad(total(result, seen), [hidden, *head.output.parameters()])))
        if remove is not None:
            remove.remove()
    (ours, slopes), (plain, plain_slopes) = found
    for name, value in ours.items():
        torch.testing.assert_close(value, plain[name], atol=1e-5, rtol=1e-5)
    for own, general in zip(slopes, plain_slopes, strict=True):
        assert own.dtype == general.dtype
        torch.testing.assert_close(own, general, atol=0.02, rtol=0.02)


def test_a_head_that_is_more_than_linear_or_watched_takes_the_general_way() -> None:
    assert a_head(0).linear() is not None
    assert a_head(0, cap=8.0).linear() is None
    assert a_head(0, bias=True, factor=2.0).linear() is None
    watched = a_head(0)
    handle = watched.output.register_forward_hook(lambda *_: None)
    assert watched.linear() is None
    handle.remove()
    assert watched.linear() is not None


def test_another_vocabulary_is_refused() -> None:
    head, (hidden, ids, states) = a_head(0), inputs()
    for other in (OutputHead(nn.Linear(WIDTH, VOCABULARY + 1)), nn.Linear(WIDTH, VOCABULARY + 1)):
        with pytest.raises(ConfigurationError, match=f"predicts {VOCABULARY} tokens, the reference {VOCABULARY + 1}"):
            token_statistics(Rows(hidden, head), ids, [DIVERGENCE], Rows(states, other))


@pytest.mark.parametrize("name", ["dpo", "tdpo1", "tdpo2", "rrpo", "tab-po"])
@pytest.mark.parametrize("chunk", [None, 3])
def test_a_step_has_the_gradient_of_the_general_way(name: str, chunk: int | None) -> None:
    torch.manual_seed(0)
    objective = build(name)
    prompt, responses = [5, 6, 7], ([8, 9, 10, 11, 2], [8, 12, 13, 2, 3])
    views = {side: [TokenSequence(prompt, each)] for side, each in zip(("chosen", "rejected"), responses, strict=True)}
    fields = {each: [[1.0] * 5] for each in objective.requirements.fields}
    batch = collate([Example(views, fields, 1.0, Source())])
    found = []
    for watched in (False, True):
        scorer = CausalScorer(tiny_model("llama", seed=1), chunk_rows=chunk)
        reference = build_reference("initial", scorer)
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for weight in scorer.model.parameters():
                weight += 0.05 * torch.randn(weight.shape, generator=generator)
        if watched:
            for model in (scorer.model, reference.frozen):
                model.get_output_embeddings().register_forward_hook(lambda *_: None)  # type: ignore[union-attr, operator]
        scored = scorer.score_batch(batch, reference, objective.requirements.needs)
        loss = objective.compute({**scored, **batch.fields}).values.mean()
        loss.backward()
        found.append((loss.detach(), {name: each.grad for name, each in scorer.model.named_parameters()}))
        scorer.close()
    (ours, own), (plain, general) = found
    torch.testing.assert_close(ours, plain, atol=1e-6, rtol=1e-6)
    assert own.keys() == general.keys()
    for weight, gradient in own.items():
        torch.testing.assert_close(gradient, general[weight], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("whole", [heads.WHOLE_BYTES, 0])
def test_kept_tiles_of_tokens_whose_divergence_is_not_read_hold_the_policy_alone(
    whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "WHOLE_BYTES", whole)
    monkeypatch.setattr(heads, "CHUNK_BYTES", whole)
    monkeypatch.setattr(head_tiles, "TILE_BYTES", 4 * 5 * 2)
    monkeypatch.setattr(heads, "TILE_ROWS", 2)
    kept: list[set[tuple[int, int]]] = []
    values = head_tiles.Tiles.values

    def watched(self: head_tiles.Tiles, products: bool) -> Any:
        found = values(self, products)
        kept.append({(number, row) for number, row, _ in self.kept})
        return found

    monkeypatch.setattr(head_tiles.Tiles, "values", watched)
    head, (hidden, ids, states) = a_head(0), inputs()
    other, seen = Rows(states, a_head(2)), torch.arange(ROWS) % 3 == 0
    result = token_statistics(Rows(hidden, head), ids, (DIVERGENCE,), other, reading=Reading(seen))
    expected = plainly(head, hidden, ids, other)
    expected[DIVERGENCE] = torch.where(seen, expected[DIVERGENCE], 0.0)
    for name, value in result.items():
        torch.testing.assert_close(value.double(), expected[name], atol=2e-6, rtol=1e-6)
    parts = [hidden, head.output.weight]
    for _ in range(2):
        ours, plain = (
            torch.autograd.grad(total(each, seen.float()), parts, retain_graph=True) for each in (result, expected)
        )
        for found, formula in zip(ours, plain, strict=True):
            torch.testing.assert_close(found, formula, atol=3e-6, rtol=1e-5)
    (held,) = kept
    count = int(seen.sum())
    first, rest = set(range(0, count, 2)), set(range(count, ROWS, 2))
    theirs, own = ({row for number, row in held if number == which} for which in (1, 0))
    assert (theirs, own) == ((first, first | rest) if whole else (set(), set()))


SOME = torch.arange(ROWS) % 3 == 0
FORESEEN: dict[str, tuple[Reading, Callable[[dict[str, Tensor]], Tensor]]] = {
    "none of some": (Reading(moved=SOME), lambda each: total(each, SOME.float())),
    "none of some, in vain": (Reading(moved=SOME), lambda each: total(each, torch.ones(ROWS))),
    "of some that are measured": (
        Reading(SOME, SOME & (torch.arange(ROWS) > 4)),
        lambda each: total(each, SOME.float()),
    ),
    "one like the other": (Reading(cancels=True), lambda each: (each["logps"] + each[DIVERGENCE]).cos().sum()),
    "one like the other, in vain": (Reading(cancels=True), lambda each: total(each, torch.ones(ROWS))),
    "one like the other of some": (
        Reading(SOME, cancels=True),
        lambda each: (each["logps"] + each[DIVERGENCE] * SOME).cos().sum(),
    ),
    "no divergence at all": (Reading(cancels=True), lambda each: each["logps"].cos().sum()),
}


@pytest.mark.parametrize("foreseen", FORESEEN)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("whole", [heads.WHOLE_BYTES, 0])
def test_what_is_foreseen_of_gradients_changes_no_result(
    foreseen: str, bias: bool, frozen: bool, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "WHOLE_BYTES", whole)
    monkeypatch.setattr(head_tiles, "TILE_BYTES", 4 * 5 * 2)
    monkeypatch.setattr(heads, "TILE_ROWS", 2)
    reading, loss = FORESEEN[foreseen]
    head, (hidden, ids, states) = a_head(0, bias=bias), inputs()
    head.output.requires_grad_(not frozen)
    other = Rows(states, a_head(2))
    result = token_statistics(Rows(hidden, head), ids, (DIVERGENCE,), other, reading=reading)
    expected = plainly(head, hidden, ids, other)
    if reading.measured is not None:
        expected[DIVERGENCE] = torch.where(reading.measured, expected[DIVERGENCE], 0.0)
    for name, value in result.items():
        torch.testing.assert_close(value.double(), expected[name], atol=2e-6, rtol=1e-6)
    parts = [hidden, *([] if frozen else head.output.parameters())]
    for _ in range(2):  # a second backward pass finds the same
        ours, plain = (torch.autograd.grad(loss(each), parts, retain_graph=True) for each in (result, expected))
        for found, formula in zip(ours, plain, strict=True):
            torch.testing.assert_close(found, formula, atol=3e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("reading", "tables"),
    [(Reading(), {0: 3, 1: 3}), (Reading(moved=SOME), {0: 3, 1: 1}), (Reading(cancels=True), {1: 3})],
)
def test_distributions_that_are_foreseen_not_to_be_needed_are_not_kept(
    reading: Reading, tables: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many tables of at most four rows are kept of the policy (0) and the reference (1)."""
    monkeypatch.setattr(heads, "TILE_ROWS", 4)
    kept: list[int] = []
    values = head_tiles.Tiles.values

    def watched(self: head_tiles.Tiles, products: bool) -> Any:
        found = values(self, products)
        kept.extend(number for number, *_ in self.kept)
        return found

    monkeypatch.setattr(head_tiles.Tiles, "values", watched)
    hidden, ids, states = inputs()
    token_statistics(Rows(hidden, a_head(0)), ids, (DIVERGENCE,), Rows(states, a_head(2)), reading=reading)
    assert {number: kept.count(number) for number in set(kept)} == tables


def test_a_frozen_head_has_no_products_that_are_foreseen_not_to_be_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    products: list[int] = []
    mean = TiledSoftmax._add_mean

    def counted(self: TiledSoftmax, rows: slice, *others: Any) -> None:
        products.append(rows.stop - rows.start)
        mean(self, rows, *others)

    monkeypatch.setattr(TiledSoftmax, "_add_mean", counted)
    found = []
    for reading in (Reading(), Reading(moved=SOME), Reading(cancels=True)):
        head, (hidden, ids, states) = a_head(0), inputs()
        head.output.requires_grad_(False)
        products.clear()
        token_statistics(Rows(hidden, head), ids, (DIVERGENCE,), Rows(states, a_head(2)), reading=reading)
        found.append(sum(products))
    assert found == [2 * ROWS, ROWS + int(SOME.sum()), ROWS]
