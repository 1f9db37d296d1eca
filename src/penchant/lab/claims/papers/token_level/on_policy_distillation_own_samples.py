"""A student that learns from a teacher on its own samples, and on the teacher's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.chains import Chains, Sampled, build_chains
from penchant.objectives import Scored, build
from penchant.objectives.token_level.on_policy_distillation import generalised_jsd

__all__ = ["OwnSamplesBringItNearer"]

_STEPS = 150


class OwnSamplesBringItNearer(Claim):
    """Distillation of a teacher that knows more than the student can: whether the response is still on track."""

    id = "on-policy-distillation-own-samples"
    paper = "arXiv:2306.13649"
    sentence = (
        "Where the student cannot see whether its response is still on track, as the teacher can, a student that is "
        "trained on its own samples ends nearer to the teacher on what it writes itself than one that is trained on "
        "the teacher's samples, at equal samples and steps."
    )
    methods = ("on-policy-distillation",)
    world = "chains of eight steps with four choices; the teacher is right in nine of ten steps while on track"
    quantity = "mean KL of the student from the teacher over the tokens of its own responses, nats (less is nearer)"
    contrasts = (Contrast("the teacher's samples", "its own samples", smallest=0.02),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """150 steps on 64 samples each, with beta 1: KL(student ‖ teacher)."""
        world = build_chains(seed, length=8, spread=2.0)
        teacher = _teacher(world)
        return {
            "its own samples": _apart(world, teacher, _student(world, teacher, seed, own=True), seed),
            "the teacher's samples": _apart(world, teacher, _student(world, teacher, seed, own=False), seed),
        }


def _teacher(world: Chains) -> Tensor:
    """On track, the right token has nine tenths; off track, the reference goes on."""
    known = world.reference.clone()
    size = known.shape[-1]
    right = torch.nn.functional.one_hot(world.right, size).double()
    known[:, :, 1] = (right * 0.9 + (1 - right) * 0.1 / (size - 1)).log()
    return known


def _student(world: Chains, teacher: Tensor, seed: int, *, own: bool) -> Tensor:
    """The table of a student that is the same on and off track."""
    generator = torch.Generator().manual_seed(seed)
    logits = world.reference.mean(2, keepdim=True).clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.1)
    objective = build("on-policy-distillation", beta=1.0)
    prompt = torch.arange(len(world.right)).repeat_interleave(16)
    for _ in range(_STEPS):
        student = logits.log_softmax(-1).expand_as(teacher)
        sampled = world.sample(student.detach() if own else teacher, prompt, generator)
        apart = _divergence(sampled, student, teacher)
        chosen = sampled.chosen(student)
        every = torch.ones_like(chosen, dtype=torch.bool)
        view = Scored(chosen, sampled.chosen(teacher), every, stats={str(objective.statistic): apart})
        optimizer.zero_grad()
        objective(chosen=view).values.mean().backward()
        optimizer.step()
    return logits.log_softmax(-1).detach().expand_as(teacher)


def _divergence(sampled: Sampled, student: Tensor, teacher: Tensor) -> Tensor:
    """KL(student ‖ teacher) at each token, [R, T]."""
    place = torch.arange(sampled.tokens.shape[1])
    rows = [table[sampled.prompt.unsqueeze(1), place, sampled.on_track] for table in (student, teacher)]
    flat = [row.flatten(0, 1) for row in rows]
    found = generalised_jsd(flat[0], sampled.tokens.flatten(), flat[1], beta=1.0)
    return found.reshape(sampled.tokens.shape)


def _apart(world: Chains, teacher: Tensor, student: Tensor, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed + 1)
    prompt = torch.arange(len(world.right)).repeat_interleave(500)
    return float(_divergence(world.sample(student, prompt, generator), student, teacher).mean())
