"""Judgements of a tabular world: pairs that are cut in two, and classes that differ in their prompts."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.world import World

__all__ = ["cut_pairs", "divided_judgements", "some_pairs"]


def cut_pairs(pairs: Examples, chosen: Tensor | None = None, *, seed: int = 0) -> Examples:
    """The pairs as judgements in random order: chosen responses are desirable, rejected ones are not.

    Args:
        pairs: views ``chosen`` and ``rejected``.
        chosen: [B] bool, whose chosen response is kept; all by default. Rejected ones are all kept.
        seed: seed of the order.

    Returns:
        Views ``responses`` and ``mismatched`` (the response of the next example, cyclically), field ``label``.
    """
    good, bad = pairs.views["chosen"], pairs.views["rejected"]
    assert isinstance(good, Rows) and isinstance(bad, Rows)
    kept = torch.ones(len(pairs), dtype=torch.bool) if chosen is None else chosen
    prompt = torch.cat([good.prompt[kept], bad.prompt])
    response = torch.cat([good.response[kept], bad.response])
    label = torch.cat([torch.ones(int(kept.sum())), torch.zeros(len(bad.prompt))]).double()
    order = torch.randperm(len(prompt), generator=torch.Generator().manual_seed(seed))
    return _judgements(prompt[order], response[order], label[order])


def some_pairs(pairs: Examples, kept: Tensor) -> Examples:
    """Some of the pairs.

    Args:
        pairs: views ``chosen`` and ``rejected``.
        kept: [B] bool.
    """
    rows = {name: pairs.views[name] for name in ("chosen", "rejected")}
    return Examples(
        {name: Rows(each.prompt[kept], each.response[kept]) for name, each in rows.items() if isinstance(each, Rows)}
    )


def divided_judgements(world: World, seed: int, divide: float, count: int = 400) -> Examples:
    """Judgements whose prompts differ by label: responses to the first half of the prompts are liked more.

    P(good) = σ((r − r̄) / temperature ± d),   + for the first half of the prompts, − for the second

    Args:
        world: the world of the examples.
        seed: seed of the draws.
        divide: d, in logits; 0 for labels that depend on the response alone.
        count: B.

    Returns:
        Views ``responses`` and ``mismatched``; fields ``label`` and ``prob_desirable``, the probability that a prompt
        is that of a desirable record, estimated by counting, with both classes weighted alike.
    """
    generator = torch.Generator().manual_seed(seed)
    prompts = world.dials.prompts
    prompt = torch.randint(prompts, (count,), generator=generator)
    response = torch.multinomial(world.behaviour[prompt], 1, generator=generator).squeeze(-1)
    lead = (world.reward - (world.behaviour * world.reward).sum(-1, keepdim=True))[prompt, response]
    side = torch.where(prompt < prompts // 2, divide, -divide)
    good = torch.sigmoid(lead / (world.dials.temperature or 1e-9) + side)
    label = (torch.rand(count, generator=generator, dtype=torch.float64) < good).double()
    shares = [torch.zeros(prompts).double().index_add(0, prompt, own) for own in (label, 1 - label)]
    liked, disliked = (each / each.sum().clamp(min=1) for each in shares)
    chance = liked / (liked + disliked).clamp(min=1e-12)
    return _judgements(prompt, response, label).with_fields(prob_desirable=chance[prompt])


def _judgements(prompt: Tensor, response: Tensor, label: Tensor) -> Examples:
    views = {"responses": Rows(prompt, response), "mismatched": Rows(prompt, response.roll(-1))}
    return Examples(views, {"label": label})
