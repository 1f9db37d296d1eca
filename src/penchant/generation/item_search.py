"""`search_items`: the items of a catalogue that a model finds most likely, by constrained beam search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from penchant.generation.cached_forward import CachedForward, log_sums
from penchant.generation.shared_forward import forward_over
from penchant.generation.trie import Trie

__all__ = ["Found", "search_items"]

#: The rest of all items below the living prefixes is read at once if they are at most so many times as many, and if
#: the logits are at most so many numbers.
MORE, ROOM = 1.25, 2**28


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
            forward = forward_over(model, [prompts[place] for place in places], pad_token_id, cached)
            results.update(zip(places, _search(forward, trie, len(places), beams), strict=True))
    model.train(was_training)
    return [results[place] for place in range(len(prompts))]


class _Beams:
    """The finished items of every prompt, and the choice of the prefixes that live on.

    Args:
        prompts: P.
        beams: kept per prompt.
        device: of the tensors.
    """

    def __init__(self, prompts: int, beams: int, device: torch.device) -> None:
        #: [P, beams] finished items, -1 for none, with their scores; and [P] the best score that was dropped.
        self.items = torch.full((prompts, beams), -1, device=device)
        self.scores = torch.full((prompts, beams), -torch.inf, device=device)
        self.dropped = torch.full((prompts,), -torch.inf, device=device)

    def choose(self, owner: Tensor, reached: Tensor, items: Tensor) -> Tensor:
        """Keep the best of finished items and candidates.

        Args:
            owner: [C] the prompt of each candidate, in order.
            reached: [C] its score.
            items: [C] the item that it finishes, or -1.

        Returns:
            The places of the candidates that are kept and not finished, by prompt, best first.
        """
        best, place, lost = _best(self.scores, owner, reached)
        self.dropped = torch.maximum(self.dropped, lost)
        new = place >= 0
        found = torch.where(new, items[place.clamp(min=0)], self.items.gather(1, (-1 - place).clamp(min=0)))
        self.items = found.masked_fill(best == -torch.inf, -1)
        self.scores = best.masked_fill(self.items < 0, -torch.inf)
        return place[new & (self.items < 0)]


@dataclass(frozen=True)
class _Prefixes:
    """Living prefixes: [A] the prompt of each, in order, its node and its score."""

    owner: Tensor
    node: Tensor
    score: Tensor


def _search(forward: CachedForward, trie: Trie, prompts: int, beams: int) -> list[Found]:
    """Beam search over the trie for the prompts of one batch."""
    kept = _Beams(prompts, beams, forward.ids.device)
    owner = torch.arange(prompts, device=forward.ids.device)
    living, depth, logits = (
        _Prefixes(owner, torch.zeros_like(owner), torch.zeros_like(owner).float()),
        0,
        forward.logits,
    )
    while True:
        row, edge = trie.edges(living.node)
        below, tokens = trie.edge_nodes[edge], trie.edge_tokens[edge]
        # Only the allowed tokens are read, at the log-probabilities of `constrained_log_probs`.
        reached = (living.score - log_sums(logits))[row] + logits[row, tokens].float()
        chosen = kept.choose(living.owner[row], reached, trie.sequence_at[below])
        if not len(chosen):
            return _results(kept)
        row, tokens, depth = row[chosen], tokens[chosen], depth + 1
        living = _Prefixes(living.owner[row], below[chosen], reached[chosen])
        if _few_ways(trie, living.node, (trie.longest - depth) * logits.shape[-1]):
            _finish(forward, trie, kept, living, depth, tokens, row)
            return _results(kept)
        logits = forward.advance(tokens, row)


def _few_ways(trie: Trie, nodes: Tensor, numbers: int) -> bool:
    """Whether hardly any prefix can still go on in several ways, so that the rest of all items is read at once."""
    ways = int(trie.below[nodes].sum())
    return ways <= MORE * len(nodes) and ways * numbers <= ROOM


def _finish(
    forward: CachedForward, trie: Trie, kept: _Beams, living: _Prefixes, depth: int, tokens: Tensor, rows: Tensor
) -> None:
    """The same search to its end, with one forward pass over the rest of all items below the living prefixes.

    Args:
        forward: the model, before the last tokens of the prefixes.
        trie: of the catalogue.
        kept: what is finished so far.
        living: the prefixes.
        depth: their tokens.
        tokens: [A] the last token of each.
        rows: [A] the row of ``forward`` that each extends.
    """
    path, tails = trie.tails(living.node, depth)
    known = tails.clamp(min=0)
    logps = forward.finish(torch.cat([tokens[path, None], known[:, :-1]], 1), rows[path], known)
    owner, node, score = living.owner[path], living.node[path], living.score[path]
    for place in range(tails.shape[1]):
        node, reached = trie.step(node, tails[:, place]), score + logps[:, place]
        # Items that go on alike stand side by side and are one candidate.
        other = torch.ones_like(node, dtype=torch.bool)
        other[1:] = (node[1:] != node[:-1]) | (owner[1:] != owner[:-1])
        chosen = kept.choose(owner[other], reached[other], trie.sequence_at[node[other]])
        lives = torch.zeros(int(other.sum()), dtype=torch.bool, device=node.device)
        lives[chosen] = True
        on = lives[other.cumsum(0) - 1]
        owner, node, score, tails, logps = owner[on], node[on], reached[on], tails[on], logps[on]


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


def _results(kept: _Beams) -> list[Found]:
    # Empty places come last.
    counts = (kept.items >= 0).sum(1).tolist()
    proven = (kept.scores > kept.dropped[:, None]).sum(1).tolist()
    found = zip(kept.items.tolist(), kept.scores.tolist(), counts, proven, strict=True)
    return [Found(tuple(items[:count]), tuple(scores[:count]), sure) for items, scores, count, sure in found]
