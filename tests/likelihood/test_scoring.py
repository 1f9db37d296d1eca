"""The `Scored` views of an objective equal plain evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from families import FALLBACK, VOCABULARY, tiny_model
from forest.trees import random_trees
from likelihood.plain import plain_logps
from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Source
from penchant.forest import Batch, Example, TokenSequence, collate
from penchant.likelihood import CausalScorer, build_reference, head, score_batch, sequence_logps
from penchant.likelihood.head import Rows
from penchant.objectives import Needs

SEQUENCES = random_trees(0, VOCABULARY)[0]
EXAMPLES = [
    Example({"chosen": [SEQUENCES[0]], "rejected": [SEQUENCES[1]], "several": SEQUENCES[:4]}, {}, 1.0, Source()),
    Example({"chosen": [SEQUENCES[6]], "rejected": [SEQUENCES[5]], "several": SEQUENCES[5:6]}, {}, 1.0, Source()),
    Example({"chosen": [SEQUENCES[8]], "rejected": [SEQUENCES[8]], "several": SEQUENCES[5:8]}, {}, 1.0, Source()),
]
VIEWS = {view: [each for example in EXAMPLES for each in example.views[view]] for view in EXAMPLES[0].views}


def padded(values: list[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(values, batch_first=True)


def policy_and_base() -> tuple[CausalScorer, CausalScorer, torch.nn.Module, torch.nn.Module]:
    """A trained policy and its reference with their scorers, and copies of both for plain evaluation."""
    base, policy = tiny_model("llama"), tiny_model("llama", seed=1)
    return CausalScorer(policy), CausalScorer(base), policy, base


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", *FALLBACK])
def test_views_hold_the_plain_numbers(name: str, share: bool) -> None:
    model, base = tiny_model(name, seed=1), tiny_model(name)
    scorer = CausalScorer(model)
    reference = build_reference("initial", CausalScorer(base))
    views = score_batch(scorer, collate(EXAMPLES, share=share), reference, Needs(reference=True))
    assert list(views) == list(VIEWS)
    for view, sequences in VIEWS.items():
        scored = views[view]
        assert scored.mask.sum(-1).tolist() == [len(each.response) for each in sequences]
        assert scored.policy.shape == scored.mask.shape == (len(sequences), max(len(s.response) for s in sequences))
        for network, result in ((model, scored.policy), (base, scored.reference)):
            with torch.no_grad():
                expected = padded([plain_logps(network, each) for each in sequences])
            assert result is not None
            torch.testing.assert_close(result.detach(), expected, atol=1e-5, rtol=0)
        assert scored.policy.requires_grad
        assert not scored.reference.requires_grad  # type: ignore[union-attr]
    assert views["chosen"].group.tolist() == views["rejected"].group.tolist() == [0, 1, 2]
    assert views["several"].group.tolist() == [0, 0, 0, 0, 1, 2, 2, 2]


def test_gradients_of_a_pairwise_loss_equal_those_of_plain_evaluation() -> None:
    results = []
    for forest in (True, False):
        scorer, _, model, _ = policy_and_base()
        if forest:
            reference = build_reference("none", scorer)
            views = score_batch(scorer, collate(EXAMPLES), reference, Needs())
            chosen, rejected = views["chosen"].logp, views["rejected"].logp
        else:
            chosen, rejected = (
                torch.stack([plain_logps(model, each).sum() for each in VIEWS[view]]) for view in ("chosen", "rejected")
            )
        torch.nn.functional.softplus(0.1 * (rejected - chosen)).sum().backward()
        results.append({name: each.grad for name, each in model.named_parameters()})
    for name, expected in results[1].items():
        assert (results[0][name] - expected).abs().max() <= 1e-5 * max(1e-2, float(expected.abs().max())), name


def test_a_pair_of_equals_has_equal_numbers() -> None:
    scorer, base, *_ = policy_and_base()
    views = score_batch(scorer, collate(EXAMPLES), build_reference("initial", base), Needs(reference=True))
    assert views["chosen"].logratio[2] == views["rejected"].logratio[2]


def test_what_is_not_needed_is_not_there() -> None:
    scorer, base, *_ = policy_and_base()
    views = score_batch(scorer, collate(EXAMPLES), build_reference("initial", base), Needs())
    assert views["chosen"].reference is None
    assert views["chosen"].stats == {}
    only_kl = score_batch(scorer, collate(EXAMPLES), build_reference("initial", base), Needs(stats=frozenset({"kl"})))
    assert only_kl["chosen"].reference is None
    with pytest.raises(ConfigurationError, match="needs a reference"):
        score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), Needs(reference=True))


@pytest.mark.parametrize("name", ["llama", "gemma2"])  # a linear head, and another one
def test_statistics_are_computed_where_they_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss and its gradients are those that statistics of all tokens give; elsewhere reading one is an error."""
    counted: list[int] = []
    measure = head.token_statistics

    def counting(
        rows: Rows, ids: Tensor, stats: tuple[str, ...] = (), *further: Any, **named: Any
    ) -> dict[str, Tensor]:
        counted.extend([len(ids)] if stats else [])
        return measure(rows, ids, stats, *further, **named)

    monkeypatch.setattr(head, "token_statistics", counting)
    results, examples = [], EXAMPLES[:2]
    for read in (None, frozenset({"chosen"})):
        scorer, base = CausalScorer(tiny_model(name, seed=1)), CausalScorer(tiny_model(name))
        needs = Needs(reference=True, stats=frozenset({"reference_kl"}), stats_of=read)
        views = score_batch(scorer, collate(examples), build_reference("initial", base), needs)
        loss = views["chosen"].stat("reference_kl").sum() + views["rejected"].logratio.sum()
        loss.backward()
        results.append((loss, views, [each.grad for each in scorer.model.parameters()]))
    (whole, every, its), (part, some, ours) = results
    torch.testing.assert_close(part, whole)
    for given, wanted in zip(ours, its, strict=True):
        torch.testing.assert_close(given, wanted, atol=1e-5, rtol=1e-4)
    assert every["rejected"].stats
    with pytest.raises(ConfigurationError, match="the view in `stats_of`"):
        some["rejected"].stat("reference_kl")
    if name == "gemma2":
        assert counted == [sum(len(each.views["chosen"][0].response) for each in examples)]


@pytest.mark.parametrize("chunk", [None, 4])
def test_statistics_are_those_of_the_plain_distributions(chunk: int | None) -> None:
    _, base, policy, reference = policy_and_base()
    batch: Batch = collate(EXAMPLES)
    needs = Needs(reference=True, stats=frozenset({"entropy", "kl", "sum_p2"}))
    scorer = CausalScorer(tiny_model("llama", seed=1), chunk_rows=chunk)
    views = score_batch(scorer, batch, build_reference("initial", base), needs)
    for view, sequences in VIEWS.items():
        expected: dict[str, list[Tensor]] = {"entropy": [], "kl": [], "sum_p2": []}
        for each in sequences:
            ids = torch.tensor([[*each.prompt, *each.response]])
            with torch.no_grad():
                p, q = (
                    torch.softmax(network(input_ids=ids).logits[0, len(each.prompt) - 1 : -1].double(), dim=-1)
                    for network in (policy, reference)
                )
            expected["entropy"].append(-(p * p.log()).sum(-1))
            expected["kl"].append((p * (p / q).log()).sum(-1))
            expected["sum_p2"].append((p * p).sum(-1))
        for name, values in expected.items():
            torch.testing.assert_close(views[view].stat(name).detach().double(), padded(values), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_sums_over_sequences(batch_size: int) -> None:
    model = tiny_model("qwen3")
    prompts, responses = [each.prompt for each in SEQUENCES], [each.response for each in SEQUENCES]
    result = sequence_logps(model, prompts, responses, batch_size=batch_size)
    assert "forward" not in vars(model)
    with torch.no_grad():
        assert result == pytest.approx([float(plain_logps(model, each).sum()) for each in SEQUENCES], abs=2e-5)
    scorer = CausalScorer(model)
    assert sequence_logps(scorer, prompts, responses, batch_size=batch_size) == result
    assert "forward" in vars(model)  # a scorer that was open stays open
    scorer.close()


def test_sums_over_nothing() -> None:
    model = tiny_model("llama")
    assert sequence_logps(model, [], []) == []
    assert sequence_logps(model, [[3], [4, 5]], [[], []]) == [0.0, 0.0]
    assert sequence_logps(model, [[3], [4]], [[], [5]])[0] == 0.0


def test_prompts_and_responses_must_match() -> None:
    with pytest.raises(ValueError, match="shorter"):
        sequence_logps(tiny_model("llama"), [[3], [4]], [[5]])


def test_a_longer_prompt_of_another_example_changes_nothing() -> None:
    model = tiny_model("mistral-sliding")
    alone = sequence_logps(model, [[5, 6, 7, 8, 9]], [[10, 11, 12]])
    beside = sequence_logps(model, [list(range(3, 50)), [5, 6, 7, 8, 9]], [[4], [10, 11, 12]])
    assert beside[1] == pytest.approx(alone[0], abs=1e-5)
    shorter = TokenSequence([5, 6, 7, 8, 9], [10, 11, 12])
    with torch.no_grad():
        assert alone[0] == pytest.approx(float(plain_logps(model, shorter).sum()), abs=1e-5)


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", "mamba"])
def test_hidden_states_are_those_of_plain_evaluation_with_their_gradients(name: str, share: bool) -> None:
    def in_one_pass(scorer: CausalScorer) -> dict[str, Tensor]:
        batch = collate(EXAMPLES, share=share)
        views = score_batch(scorer, batch, build_reference("none", scorer), Needs(hidden=True))
        assert all(each.hidden.shape[-1] == scorer.hidden_size for each in views.values())
        return {view: each.states for view, each in views.items()}

    hold_states(name, in_one_pass, lambda model, own: padded([plain_states(model, each) for each in own]))


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", "mamba"])
def test_the_states_at_the_ends_are_those_of_plain_evaluation_with_their_gradients(name: str, share: bool) -> None:
    def in_one_pass(scorer: CausalScorer) -> dict[str, Tensor]:
        batch, needs = collate(EXAMPLES, share=share), Needs(ends=True, likelihood=False)
        views = score_batch(scorer, batch, build_reference("none", scorer), needs)
        return {view: torch.stack([each.start_state, each.end_state], 1) for view, each in views.items()}

    hold_states(name, in_one_pass, lambda model, own: torch.stack([plain_ends(model, each) for each in own]))


def hold_states(
    name: str,
    in_one_pass: Callable[[CausalScorer], dict[str, Tensor]],
    alone: Callable[[torch.nn.Module, list[TokenSequence]], Tensor],
) -> None:
    """States of one pass are those of each sequence alone, and so are the gradients of what is made of them."""
    results = []
    for plain in (False, True):
        model = tiny_model(name, seed=1)
        found = {view: alone(model, own) for view, own in VIEWS.items()} if plain else in_one_pass(CausalScorer(model))
        # Not the squares: after a last normalisation their sum is constant.
        torch.stack([each.sin().sum() for each in found.values()]).sum().backward()
        results.append((found, {key: each.grad for key, each in model.named_parameters() if each.grad is not None}))
    for view, expected in results[1][0].items():
        torch.testing.assert_close(results[0][0][view].detach(), expected.detach(), atol=1e-5, rtol=1e-5)
    for key, expected in results[1][1].items():
        gap = (results[0][1][key] - expected).abs().max()
        assert gap <= 2e-5 * max(1e-2, float(expected.abs().max())), key


def test_log_probabilities_that_were_not_computed_cannot_be_read() -> None:
    scorer, *_ = policy_and_base()
    computed = []
    scorer.core.get_output_embeddings().register_forward_hook(lambda *given: computed.append(given))
    views = score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), Needs(ends=True, likelihood=False))
    assert not computed, "the output head is not computed"
    for view in views.values():
        with pytest.raises(ConfigurationError, match="without them"):
            _ = view.logp
    both = score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), Needs(ends=True))
    for name, view in both.items():
        assert view.logp.shape == view.end_state.shape[:1]
        torch.testing.assert_close(view.end_state, views[name].end_state)


def plain_ends(model: torch.nn.Module, sequence: TokenSequence) -> Tensor:
    """[2, D] hidden states at the last token of the prompt and of the response."""
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    kept: list[Tensor] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    model(input_ids=ids, use_cache=False)
    hook.remove()
    return kept[0][0, [len(sequence.prompt) - 1, -1]]


def plain_states(model: torch.nn.Module, sequence: TokenSequence) -> Tensor:
    """[T, D] hidden states that predict each token of one response."""
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    kept: list[Tensor] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    model(input_ids=ids, use_cache=False)
    hook.remove()
    return kept[0][0, len(sequence.prompt) - 1 : -1]


def test_hidden_states_that_are_not_requested_are_not_kept() -> None:
    scorer, *_ = policy_and_base()
    views = score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), Needs())
    assert all(each.hidden is None and each.fields == {} for each in views.values())
    scorer.head = None
    with pytest.raises(ModelError, match="the output head of LlamaForCausalLM is of an unknown kind"):
        score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), Needs(hidden=True))


@pytest.mark.parametrize("grad", [True, False])
def test_gradient_norms_are_those_of_each_response_alone(grad: bool) -> None:
    scorer, _, model, _ = policy_and_base()
    with torch.set_grad_enabled(grad):
        views = score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), Needs(gradient_norms=True))
    plain = tiny_model("llama", seed=1)
    for view, own in VIEWS.items():
        assert views[view].policy.requires_grad is grad
        norms = views[view].fields["gradient_norm"]
        assert not norms.requires_grad
        for sequence, norm in zip(own, norms, strict=True):
            plain.zero_grad()
            plain_logps(plain, sequence).sum().backward()
            squares = [each.grad.square().sum() for each in plain.parameters() if each.grad is not None]
            torch.testing.assert_close(norm, torch.stack(squares).sum().sqrt(), rtol=1e-4, atol=1e-4)
    assert all(each.grad is None for each in model.parameters()), "the norms leave nothing behind"
