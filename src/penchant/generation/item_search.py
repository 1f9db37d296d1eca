"""`search_items`: the items of a catalogue that a model finds most likely, by constrained beam search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from penchant.generation.cached_forward import CachedForward
from penchant.generation.trie import Trie

__all__ = ["Found", "search_items"]


@dataclass(frozen=True)
class Found:
    """The items found for one prompt, best first, none twice.

    Args:
        items: their places in the catalogue.
        logps: log-probability of each item's tokens, end token included, nats.
        proven: how many of the first items are certain to be the best of the whole catalogue, in this order: a prefix
            that the search dropped was at most as likely as they are, and a longer one is never more likely.
    """

    items: tuple[int, ...]
    logps: tuple[float, ...]
    proven: int


def search_items(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    trie: Trie,
    *,
    beams: int,
    pad_token_id: int = 0,
    batch_size: int = 512,
    cached: bool = True,
) -> list[Found]:
    """Find the most likely items after each prompt.

    At each step the ``beams`` most likely prefixes of a prompt are kept; finished items compete with them, by the sum
    of their tokens' log-probabilities under the whole vocabulary. With as many beams as the catalogue has prefixes of
    one length the order is that of scoring every item.

    Args:
        model: a causal language model of transformers, which is used in evaluation mode.
        prompts: P prompts as token ids, none empty.
        trie: of the catalogue.
        beams: prefixes kept per prompt; a catalogue with fewer items gives fewer.
        pad_token_id: fills shorter prompts on the left, masked.
        batch_size: sequences computed at once.
        cached: keep keys and values; False computes every prefix again (also for models without such a cache).

    Returns:
        One result per prompt, in order.
    """
    device, was_training = next(model.parameters()).device, model.training
    trie.to(device)
    model.eval()
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))  # similar lengths need less padding
    results: dict[int, Found] = {}
    per_batch = max(1, batch_size // beams)
    with torch.no_grad():
        for start in range(0, len(order), per_batch):
            places = order[start : start + per_batch]
            forward = CachedForward(model, [prompts[place] for place in places], pad_token_id, cached)
            results.update(zip(places, _search(forward, trie, len(places), beams), strict=True))
    model.train(was_training)
    return [results[place] for place in range(len(prompts))]


def _search(forward: CachedForward, trie: Trie, prompts: int, beams: int) -> list[Found]:
    """Beam search over the trie for the prompts of one batch."""
    device = forward.ids.device
    owner = torch.arange(prompts, device=device)  # [A] the prompt of each living prefix
    node, score, logits = torch.zeros_like(owner), torch.zeros(prompts, device=device), forward.logits
    ended = (owner[:0], owner[:0], score[:0])  # prompt, item and score of the finished
    dropped = torch.full((prompts,), -torch.inf, device=device)
    while len(owner):
        row, edge = trie.edges(node)
        # Only the allowed tokens are read, at the log-probabilities of `constrained_log_probs`.
        logps = logits.float().log_softmax(-1)
        below = trie.edge_nodes[edge]
        owners = torch.cat([ended[0], owner[row]])
        scores = torch.cat([ended[2], score[row] + logps[row, trie.edge_tokens[edge]]])
        kept, lost = _best(owners, scores, prompts, beams)
        dropped = dropped.scatter_reduce(0, owners[lost], scores[lost], "amax")
        old, new = kept[kept < len(ended[0])], kept[kept >= len(ended[0])] - len(ended[0])
        item, moved = trie.sequence_at[below[new]], scores[new + len(ended[0])]
        done, going = new[item >= 0], new[item < 0]
        ended = tuple(  # type: ignore[assignment]
            torch.cat([was[old], now])
            for was, now in zip(ended, (owner[row[done]], item[item >= 0], moved[item >= 0]), strict=True)
        )
        parents, owner, node, score = row[going], owner[row[going]], below[going], moved[item < 0]
        if len(going):
            logits = forward.advance(trie.edge_tokens[edge[going]], parents)
    return _results(ended, dropped, prompts)


def _best(owners: Tensor, scores: Tensor, prompts: int, beams: int) -> tuple[Tensor, Tensor]:
    """The places of the ``beams`` best candidates of each prompt, best first, and those of the others."""
    order = scores.argsort(descending=True, stable=True)
    order = order[owners[order].argsort(stable=True)]
    counts = torch.bincount(owners, minlength=prompts)
    rank = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[owners[order]]
    return order[rank < beams], order[rank >= beams]


def _results(ended: tuple[Tensor, Tensor, Tensor], dropped: Tensor, prompts: int) -> list[Found]:
    order, _ = _best(ended[0], ended[2], prompts, len(ended[0]))
    owner, item, score = (each[order].tolist() for each in ended)
    found: list[list[tuple[int, float]]] = [[] for _ in range(prompts)]
    for place, each, value in zip(owner, item, score, strict=True):
        found[place].append((each, value))
    results = []
    for each, bound in zip(found, dropped.tolist(), strict=True):
        items, logps = tuple(item for item, _ in each), tuple(value for _, value in each)
        results.append(Found(items, logps, sum(value > bound for value in logps)))
    return results
