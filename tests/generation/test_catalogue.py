"""Catalogues: tries, the mask, and beam search against scoring every item."""

from __future__ import annotations

import itertools

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessorList

from families import tiny_model
from penchant.errors import DataError
from penchant.generation.catalogue import Catalogue, Item, read_items
from penchant.generation.constrained import PENALTY, CatalogueProcessor, constrained_log_probs
from penchant.generation.item_search import search_items
from penchant.generation.shared_forward import SharedForward, _shares, forward_over
from penchant.generation.trie import NOWHERE, Trie

VOCABULARY, END = 17, 1
# Items of one, two and three tokens; some are prefixes of others.
SEQUENCES = [
    *((a, END) for a in (3, 4, 5)),
    *((a, b, END) for a, b in itertools.product((3, 4, 6), (7, 8))),
    *((3, 7, c, END) for c in (9, 10, 11)),
]
PROMPTS = [[2, 12, 13], [2, 14], [2, 16, 15, 13, 12, 14]]


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, initializer_range=0.6, **sizes)).eval()


def every_item(model: LlamaForCausalLM, prompt: list[int]) -> list[tuple[float, int]]:
    """The log-probability of each item after a prompt, each computed alone, best first."""
    scores = []
    for number, sequence in enumerate(SEQUENCES):
        ids = torch.tensor([[*prompt, *sequence]])
        with torch.no_grad():
            logps = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        scores.append((float(logps.gather(-1, torch.tensor(sequence)[:, None]).sum()), number))
    return sorted(scores, reverse=True)


@pytest.mark.parametrize("cached", [True, False])
def test_the_order_is_that_of_scoring_every_item(model, cached):
    found = search_items(model, PROMPTS, Trie(SEQUENCES), beams=len(SEQUENCES), cached=cached)
    for prompt, each in zip(PROMPTS, found, strict=True):
        wanted = every_item(model, prompt)
        assert list(each.items) == [number for _, number in wanted]
        assert each.logps == pytest.approx([score for score, _ in wanted], abs=1e-4)
        assert each.proven == len(SEQUENCES)


@pytest.mark.parametrize("beams", [1, 2, 3, 5])
def test_few_beams_find_distinct_items_with_their_own_scores(model, beams):
    for prompt, each in zip(PROMPTS, search_items(model, PROMPTS, Trie(SEQUENCES), beams=beams), strict=True):
        wanted = every_item(model, prompt)
        scores = {number: score for score, number in wanted}
        assert len(set(each.items)) == beams
        assert each.logps == pytest.approx([scores[number] for number in each.items], abs=1e-4)
        assert list(each.items[: each.proven]) == [number for _, number in wanted[: each.proven]]


def plain_search(model: LlamaForCausalLM, prompt: list[int], beams: int) -> tuple[list[tuple[float, int]], float]:
    """Beam search one prefix at a time: items with scores, best first, and the best score that was dropped."""
    living, ended, dropped = [(0.0, ())], [], -float("inf")
    while living:
        found = list(ended)
        for score, prefix in living:
            with torch.no_grad():
                logps = model(input_ids=torch.tensor([[*prompt, *prefix]])).logits[0, -1].log_softmax(-1).tolist()
            follow = {each[len(prefix)] for each in SEQUENCES if each[: len(prefix)] == prefix}
            found += [(score + logps[token], (*prefix, token)) for token in follow]
        found.sort(reverse=True)
        kept, dropped = found[:beams], max([dropped, *(score for score, _ in found[beams:])])
        ended = [each for each in kept if each[1] in SEQUENCES]
        living = [each for each in kept if each[1] not in SEQUENCES]
    return [(score, SEQUENCES.index(sequence)) for score, sequence in ended], dropped


@pytest.mark.parametrize("beams", [1, 2, 3, 4, 6, 9, 30])
def test_the_search_is_a_plain_beam_search(model, beams):
    for prompt, each in zip(PROMPTS, search_items(model, PROMPTS, Trie(SEQUENCES), beams=beams), strict=True):
        wanted, dropped = plain_search(model, prompt, beams)
        assert list(each.items) == [number for _, number in wanted]
        assert each.logps == pytest.approx([score for score, _ in wanted], abs=1e-4)
        assert each.proven == sum(score > dropped for score, _ in wanted)


def test_batches_change_nothing(model):
    whole, apart = (search_items(model, PROMPTS, Trie(SEQUENCES), beams=4, batch_size=size) for size in (64, 4))
    assert [each.items for each in whole] == [each.items for each in apart]


@pytest.mark.parametrize("family", ["gpt2", "gemma3", "mistral-sliding", "qwen3", "bloom", "mamba"])
def test_every_family_gives_with_a_cache_what_it_gives_without(family):
    model, trie = tiny_model(family), Trie(SEQUENCES)
    cached, plain = (search_items(model, PROMPTS, trie, beams=4, cached=each) for each in (True, False))
    for first, second in zip(cached, plain, strict=True):
        assert first.items == second.items
        assert first.logps == pytest.approx(second.logps, abs=1e-4)


@pytest.mark.parametrize(
    ("family", "shared"),
    [("gpt2", True), ("qwen3", True), ("mistral-sliding", False), ("bloom", False), ("mamba", False)],
)
def test_beams_share_a_prompt_where_the_logits_stay_the_same(family, shared):
    assert isinstance(forward_over(tiny_model(family), PROMPTS), SharedForward) is shared


def test_a_model_that_reads_a_mask_in_its_own_way_gets_a_row_for_each_beam(model, monkeypatch):
    read = SharedForward._read
    monkeypatch.setattr(SharedForward, "_read", lambda self, ids, depth, sees: read(self, ids, depth, sees | True))
    assert not _shares(model)


def test_more_beams_than_items_give_every_item_once(model):
    [found] = search_items(model, PROMPTS[:1], Trie(SEQUENCES), beams=100)
    assert sorted(found.items) == list(range(len(SEQUENCES)))


def test_masks_equal_those_of_a_dictionary_of_prefixes():
    allowed: dict[tuple[int, ...], set[int]] = {}
    for sequence in SEQUENCES:
        for length, token in enumerate(sequence):
            allowed.setdefault(tuple(sequence[:length]), set()).add(token)
    prefixes = [(3, 7), (3, END), (6, 7), (12, 12), (4, 8)]
    scores = torch.randn(len(prefixes), VOCABULARY)
    processor = CatalogueProcessor(Trie(SEQUENCES), prompt_length=1)
    found = processor(torch.tensor([[2, *prefix] for prefix in prefixes]), scores)
    for row, prefix in enumerate(prefixes):
        for token in range(VOCABULARY):
            penalty = 0.0 if token in allowed.get(prefix, set()) else PENALTY
            assert found[row, token] == scores.log_softmax(-1)[row, token] + penalty


def test_all_tokens_are_penalised_alike_where_nothing_is_allowed():
    scores = torch.randn(1, 4, dtype=torch.float64)
    none = torch.tensor([], dtype=torch.long)
    assert torch.equal(constrained_log_probs(scores, none, none), scores.log_softmax(-1) + PENALTY)


@pytest.mark.parametrize("sampling", [{"do_sample": True, "top_k": 0}, {"num_beams": 4, "length_penalty": 0.0}])
def test_generate_of_transformers_writes_only_items(model, sampling):
    trie = Trie(SEQUENCES)
    torch.manual_seed(0)
    output = model.generate(
        input_ids=torch.tensor([PROMPTS[0]]),
        logits_processor=LogitsProcessorList([CatalogueProcessor(trie)]),
        num_return_sequences=4,
        max_new_tokens=trie.longest,
        eos_token_id=END,
        pad_token_id=0,
        **sampling,
    )
    for row in output[:, len(PROMPTS[0]) :].tolist():
        assert tuple(row[: row.index(END) + 1]) in SEQUENCES


def test_beams_of_transformers_find_the_same_best_items(model):
    trie = Trie(SEQUENCES)
    output = model.generate(
        input_ids=torch.tensor([PROMPTS[1]]),
        logits_processor=LogitsProcessorList([CatalogueProcessor(trie)]),
        num_beams=len(SEQUENCES),
        num_return_sequences=3,
        length_penalty=0.0,
        max_new_tokens=trie.longest,
        eos_token_id=END,
        pad_token_id=0,
    )
    rows = [tuple(row[: row.index(END) + 1]) for row in output[:, len(PROMPTS[1]) :].tolist()]
    assert rows == [SEQUENCES[number] for _, number in every_item(model, PROMPTS[1])[:3]]


def test_a_walk_ends_nowhere_for_tokens_beyond_the_trie():
    assert Trie(SEQUENCES).walk(torch.tensor([[3, 16], [16, 3], [3, 7]])).tolist()[:2] == [NOWHERE, NOWHERE]


def letters(text: str) -> list[int]:
    return [*text.encode(), 0]


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([Item("1", "a"), Item("2", "")], "'2' has no tokens"),
        ([Item("1", "a"), Item("2", " \n")], "'2' has nothing but white space"),
        ([Item("1", "a"), Item("1", "b")], "same name"),
        ([Item("1", "a"), Item("2", "a")], "same tokens"),
        ([Item("1", "a\0b")], "contains the end token"),
        ([], "no items"),
    ],
)
def test_catalogues_that_cannot_be_generated_are_refused(items, said):
    with pytest.raises(DataError, match=said):
        Catalogue(items, letters)


def test_an_item_may_be_the_beginning_of_another():
    catalogue = Catalogue([Item("1", "ab"), Item("2", "abc")], letters)
    assert [catalogue.find(letters(text)) for text in ("ab", "abc", "a")] == [0, 1, None]


def test_items_are_read_with_their_lines(tmp_path):
    path = tmp_path / "items.jsonl"
    path.write_text('{"item": 7, "text": "Chess"}\n{"title": "Go"}\n', encoding="utf-8")
    assert [(each.id, each.text) for each in read_items(path)] == [("7", "Chess"), ("Go", "Go")]
    path.write_text('{"item": 7}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"items\.jsonl:1"):
        read_items(path)
