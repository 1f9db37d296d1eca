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
    owner = torch.arange(prompts, device=device)  # [A] the prompt of each living prefix, in order
    node, score, logits = torch.zeros_like(owner), torch.zeros(prompts, device=device), forward.logits
    items = torch.full((prompts, beams), -1, device=device)  # [P, beams] what is finished, -1 for none, and its score
    ended = torch.full((prompts, beams), -torch.inf, device=device)
    dropped = torch.full((prompts,), -torch.inf, device=device)
    while len(owner):
        row, edge = trie.edges(node)
        # Only the allowed tokens are read, at the log-probabilities of `constrained_log_probs`.
        logits = logits.float()
        reached = score[row] + logits[row, trie.edge_tokens[edge]] - logits.logsumexp(-1)[row]
        best, place, lost = _best(ended, owner[row], reached)
        dropped = torch.maximum(dropped, lost)
        new = place >= 0
        below = trie.edge_nodes[edge[place.clamp(min=0)]]
        items = torch.where(new, trie.sequence_at[below], items.gather(1, (-1 - place).clamp(min=0)))
        items = items.masked_fill(best == -torch.inf, -1)
        going, ended = new & (items < 0), best.masked_fill(items < 0, -torch.inf)
        chosen, owner = place[going], going.nonzero()[:, 0]
        node, score = below[going], best[going]
        if len(owner):
            logits = forward.advance(trie.edge_tokens[edge[chosen]], row[chosen])
    return _results(items, ended, dropped)


def _best(ended: Tensor, owner: Tensor, reached: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best candidates of each prompt among finished items and prefixes that are one token longer.

    Args:
        ended: [P, beams] scores of finished items, -inf for none.
        owner: [C] the prompt of each prefix, in order.
        reached: [C] its score.

    Returns:
        Scores [P, beams], best first, -inf where there are fewer; where each stands: n for prefix n, -1 - n for
        finished item n; and [P] the best score that is not among them.
    """
    prompts, beams = ended.shape
    counts = torch.bincount(owner, minlength=prompts)
    first = counts.cumsum(0) - counts
    within = torch.arange(len(owner), device=owner.device) - first[owner]
    table = ended.new_full((prompts, max(int(counts.max()), 1)), -torch.inf)
    table[owner, within] = reached
    best, column = torch.cat([ended, table], 1).topk(beams + 1)
    place = torch.where(column < beams, -1 - column, column - beams + first[:, None])
    place = place.masked_fill(best == -torch.inf, -1)  # too few candidates: an empty place of the table is no prefix
    return best[:, :beams], place[:, :beams], best[:, beams]


def _results(items: Tensor, scores: Tensor, dropped: Tensor) -> list[Found]:
    results = []
    for each, values, bound in zip(items.tolist(), scores.tolist(), dropped.tolist(), strict=True):
        kept = [(item, value) for item, value in zip(each, values, strict=True) if item >= 0]
        results.append(
            Found(tuple(item for item, _ in kept), tuple(value for _, value in kept), sum(v > bound for _, v in kept))
        )
    return results
