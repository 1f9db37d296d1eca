"""The output head: correct numbers with and without chunks, never with all logits in memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from families import tiny_model
from forest.trees import random_trees
from penchant.errors import ConfigurationError
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer, head
from penchant.likelihood.head import REFERENCE_LOGPS, Rows, token_statistics
from penchant.likelihood.inside.linear_head import OutputHead
from penchant.likelihood.inside.reading import Reading

ROWS, WIDTH, VOCABULARY = 11, 6, 17
ALL = ("entropy", "kl", "max_p", "sum_p2")


class Recorder:
    """A linear head with soft-capping that records the number of rows per call."""

    def __init__(self, seed: int = 0, scale: float = 1.0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.weight = (torch.randn(VOCABULARY, WIDTH, generator=generator) * scale).requires_grad_()
        self.calls: list[int] = []

    def __call__(self, hidden: Tensor) -> Tensor:
        self.calls.append(len(hidden))
        return 8.0 * torch.tanh(hidden @ self.weight.to(hidden.dtype).T / 8.0)


def inputs() -> tuple[Tensor, Tensor, Rows]:
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(ROWS, WIDTH, generator=generator).requires_grad_()
    ids = torch.randint(0, VOCABULARY, (ROWS,), generator=generator)
    return hidden, ids, Rows(torch.randn(ROWS, WIDTH, generator=generator), Recorder(2))


def directly(hidden: Tensor, ids: Tensor, reference: Rows, recorder: Recorder) -> dict[str, Tensor]:
    """The formulas, evaluated directly in float64."""
    p = torch.softmax(recorder(hidden.double()), dim=-1)
    q = torch.softmax(reference.head(reference.hidden.double()), dim=-1).detach()
    return {
        "logps": p[torch.arange(ROWS), ids].log(),
        "entropy": -(p * p.log()).sum(-1),
        "kl": (p * (p / q).log()).sum(-1),
        "max_p": p.amax(-1),
        "sum_p2": (p**2).sum(-1),
        REFERENCE_LOGPS: q[torch.arange(ROWS), ids].log(),
    }


def gradients(values: dict[str, Tensor], hidden: Tensor, recorder: Recorder) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 2, ROWS)
    total = sum((value * weights * (place + 1)).sum() for place, value in enumerate(values.values()))
    return torch.autograd.grad(total, [hidden, recorder.weight])  # type: ignore[arg-type]


@pytest.mark.parametrize("chunk", [0, 1, 3, 4, ROWS, None])
@pytest.mark.parametrize("stats", [(), ALL, ("entropy",), ("kl",)])
def test_values_and_gradients_are_those_of_the_formulas(stats: tuple[str, ...], chunk: int | None) -> None:
    hidden, ids, reference = inputs()
    recorder = Recorder()
    result = token_statistics(Rows(hidden, recorder), ids, stats, reference, chunk_rows=chunk)
    plain = directly(hidden, ids, reference, recorder)
    expected = {name: plain[name] for name in result}
    assert set(result) == {"logps", *stats} | ({REFERENCE_LOGPS} if "kl" in stats else set())
    for name, value in result.items():
        assert value.requires_grad == (name != REFERENCE_LOGPS)
        assert value.dtype == torch.float32
        assert value.shape == (ROWS,)
        torch.testing.assert_close(value.double(), expected[name], atol=1e-6, rtol=1e-6)
    for ours, plain_gradient in zip(
        gradients(result, hidden, recorder), gradients(expected, hidden, recorder), strict=True
    ):
        torch.testing.assert_close(ours, plain_gradient, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("stats", [(), ALL])
def test_no_more_than_a_chunk_of_logits_ever_exists(stats: tuple[str, ...]) -> None:
    hidden, ids, reference = inputs()
    recorder = Recorder()
    result = token_statistics(Rows(hidden, recorder), ids, stats, reference, chunk_rows=3)
    gradients(result, hidden, recorder)
    assert recorder.calls == [3, 3, 3, 2, *recorder.calls[4:]]
    assert sorted(recorder.calls[4:]) == [2, 3, 3, 3]  # once more in backward
    assert max(reference.head.calls, default=0) <= 3  # type: ignore[attr-defined]


def test_without_gradient_nothing_is_computed_twice() -> None:
    hidden, ids, _ = inputs()
    recorder = Recorder()
    with torch.no_grad():
        token_statistics(Rows(hidden, recorder), ids, chunk_rows=4)
    assert recorder.calls == [4, 4, 3]


@pytest.mark.parametrize("told", [VOCABULARY, None])
def test_the_chunk_is_chosen_by_size(monkeypatch: pytest.MonkeyPatch, told: int | None) -> None:
    monkeypatch.setattr(head, "CHUNK_BYTES", 5 * VOCABULARY * 4)
    hidden, ids, _ = inputs()
    for whole, largest in ((ROWS * VOCABULARY * 4, ROWS), (ROWS * VOCABULARY * 4 - 1, 5)):
        monkeypatch.setattr(head, "WHOLE_BYTES", whole)
        recorder = Recorder()
        token_statistics(Rows(hidden, recorder), ids, vocabulary=told)
        assert max(recorder.calls) == largest


def test_the_head_of_a_model_sees_response_rows_alone_and_a_chunk_at_a_time() -> None:
    model = tiny_model("llama")
    forest = build_forest(*random_trees(0))
    whole = CausalScorer(model)
    expected = whole.score(forest)["logps"].detach()
    whole.close()
    scorer = CausalScorer(model, chunk_rows=4)
    seen: list[int] = []
    model.lm_head.register_forward_hook(lambda _module, given, _result: seen.append(given[0].shape[0]))
    result = scorer.score(forest)["logps"]
    assert max(seen) == 4
    assert sum(seen) == len(forest.targets) < forest.tokens
    result.sum().backward()
    assert max(seen) == 4
    torch.testing.assert_close(result.detach(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("scale", [1e4, 1e30])
def test_extreme_logits_give_finite_numbers(scale: float) -> None:
    logits = torch.tensor([[scale, 0.0, -scale], [0.0, scale, 0.0]], requires_grad=True)
    other = Rows(torch.zeros(2, 3), lambda rows: rows)
    result = token_statistics(Rows(logits, lambda rows: rows), torch.tensor([2, 1]), ALL, other)
    assert result["logps"].tolist() == pytest.approx([-2 * scale, 0.0])
    assert result["entropy"].tolist() == [0.0, 0.0]
    assert result["sum_p2"].tolist() == [1.0, 1.0]
    torch.testing.assert_close(result["kl"], torch.full((2,), 3.0).log())
    (gradient,) = torch.autograd.grad(sum(value.sum() for value in result.values()), logits)  # type: ignore[arg-type]
    assert gradient.isfinite().all()
    assert gradient[0].tolist() == [-1.0, 0.0, 1.0]


def test_the_hand_written_gradient_is_the_numerical_one() -> None:
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    ids = torch.tensor([0, 4, 2])
    assert gradcheck(
        lambda rows: token_statistics(Rows(rows, lambda each: each), ids)["logps"], [logits], eps=1e-2, atol=1e-3
    )


def test_the_reference_gets_no_gradient() -> None:
    hidden, ids, reference = inputs()
    token_statistics(Rows(hidden, Recorder()), ids, ALL, reference)["kl"].sum().backward()
    assert reference.head.weight.grad is None  # type: ignore[attr-defined]
    same = token_statistics(Rows(hidden, (own := Recorder())), ids, ["kl"], Rows(hidden.detach(), own))["kl"]
    assert same.abs().max() < 1e-6


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("chunk", [None, 2])
def test_statistics_of_some_tokens_are_those_of_all(chunk: int | None, linear: bool) -> None:
    """Values, and gradients of all that is read; the others have zeros, and nothing is computed for them."""
    hidden, ids, reference = inputs()
    measured = torch.arange(ROWS) % 3 != 1
    own = torch.nn.Linear(WIDTH, VOCABULARY, bias=False)
    other = torch.nn.Linear(WIDTH, VOCABULARY, bias=False).requires_grad_(False)
    recorder = Recorder()
    rows = Rows(hidden, OutputHead(own) if linear else recorder)
    reference = Rows(reference.hidden, OutputHead(other)) if linear else reference
    weight = own.weight if linear else recorder.weight
    results = []
    for asked in (None, measured):
        found = token_statistics(rows, ids, ("reference_kl",), reference, chunk_rows=chunk, reading=Reading(asked))
        scale = torch.linspace(-1, 2, ROWS)
        total = (scale * found["logps"]).sum() + (scale * found["reference_kl"])[measured].sum()
        results.append((found, torch.autograd.grad(total, [hidden, weight])))
    (every, its), (some, ours) = results
    assert some.keys() == every.keys()
    assert (some["reference_kl"][~measured] == 0).all()
    some["reference_kl"] = torch.where(measured, some["reference_kl"], every["reference_kl"])
    for given, wanted in [*((some[name], every[name]) for name in every), *zip(ours, its, strict=True)]:
        torch.testing.assert_close(given, wanted, atol=2e-6, rtol=1e-5)


def test_an_unknown_statistic_is_named_with_the_nearest_right_one() -> None:
    hidden, ids, _ = inputs()
    with pytest.raises(ConfigurationError, match=r"'entropie'.*Did you mean 'entropy'"):
        token_statistics(Rows(hidden, Recorder()), ids, ["entropie"])


def test_a_divergence_needs_a_reference() -> None:
    hidden, ids, _ = inputs()
    with pytest.raises(ConfigurationError, match="reference=initial"):
        token_statistics(Rows(hidden, Recorder()), ids, ["kl"])
