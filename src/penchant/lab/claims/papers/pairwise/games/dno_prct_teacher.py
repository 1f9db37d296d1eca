"""DNO-Prct: a teacher's response against the student's, beside the student's best against its worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rounds, World, expected_reward, run_rounds
from penchant.lab.worlds.tabular.feedback import pair_examples
from penchant.lab.worlds.tabular.pairings import Pairing, Samples
from penchant.objectives import build

__all__ = ["ATeacherAmongTheSamples"]

#: Least lead of a winner, in standard deviations of the reward.
_MARGIN = 0.5
#: The rank of the teacher's response among all.
_RANK = 3


def _pairs(world: World, samples: Samples, taught: bool) -> Iterator[tuple[int, int, int]]:
    """Prompt, chosen and rejected response of each pair."""
    for prompt, said, scores in zip(samples.prompt.tolist(), samples.response.tolist(), samples.scores, strict=True):
        best, worst = int(scores.argmax()), int(scores.argmin())
        if said[best] != said[worst]:
            yield prompt, said[best], said[worst]
        teacher = int(world.reward[prompt].argsort()[-_RANK])
        for own, score in zip(said, scores.tolist(), strict=True) if taught else ():
            lead = float(world.reward[prompt, teacher]) - score
            if abs(lead) >= _MARGIN:
                yield (prompt, teacher, own) if lead > 0 else (prompt, own, teacher)


def _student_teacher(taught: bool) -> Pairing:
    def build_pairs(world: World, samples: Samples) -> Examples:
        rows = torch.tensor(list(_pairs(world, samples, taught)), dtype=torch.long).reshape(-1, 3)
        return pair_examples(world, *rows.unbind(-1), seed=samples.seed)

    return build_pairs


class ATeacherAmongTheSamples(Claim):
    """Three rounds of DPO against the last policy, with and without the teacher's response."""

    id = "dno-prct-teacher"
    paper = "arXiv:2404.03715"
    sentence = (
        "With forty responses to a prompt, five samples a round and a teacher's response, the third best, three rounds "
        "of DNO-Prct end at a higher expected reward than with the student's best against its worst alone."
    )
    measures = ("dno-prct",)
    methods = ("dpo",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=40, reference_spread=2.0)
    quantity = "expected reward of the policy"
    contrasts = (Contrast("with teacher", "student alone", smallest=0.1),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Sixty steps of Adam a round; β = 0.3, the better of 0.3 and 1 for both (three tuning seeds)."""
        world = self.draw_world(seed)
        plan = Rounds(rounds=3, samples=5, reference="previous", steps=60, learning_rate=0.05)
        found = {"teacher": float(world.reward.sort(-1).values[:, -_RANK].mean())}
        for arm, taught in (("student alone", False), ("with teacher", True)):
            policy = run_rounds(world, build("dpo", beta=0.3), plan, seed=seed, pairing=_student_teacher(taught))[-1]
            found[arm] = expected_reward(world, policy)
        return found
