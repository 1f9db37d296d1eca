"""CRMT where one modality is easy and may be missing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import with_states
from penchant.objectives import Objective, build

__all__ = ["MissingModality"]

_WIDTH, _STATE, _CLASSES, _CLUSTERS, _TRAIN, _TEST = 8, 16, 3, 3, 300, 1000


class MissingModality(Claim):
    """Clusters with normal noise: one of each class in the first modality, three of each class in the second."""

    id = "crmt-missing-modality"
    paper = "arXiv:2402.06244"
    sentence = (
        "Where one of two modalities tells the class easily, CRMT keeps more of its accuracy than joint training "
        "of the same networks when that modality is missing, and its second step raises the certified radius of other "
        "examples."
    )
    methods = ("crmt",)
    world = (
        f"{_TRAIN} examples of {_CLASSES} classes, two modalities of {_WIDTH} numbers; a network with one layer of "
        f"{_STATE} units reads each"
    )
    quantity = f"accuracy on {_TEST} others, whole or without the first modality; their mean certified radius"
    contrasts = (
        Contrast("crmt, first missing", "joint, first missing", smallest=0.05),
        Contrast("radius, both steps", "radius, first step", smallest=0.02),
    )
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps of Adam with the networks; the second step 100 steps on the factors alone."""
        generator = torch.Generator().manual_seed(seed)
        shape = _CLUSTERS, _CLASSES, _WIDTH
        centres = [3.0 * torch.randn(1, *shape[1:], generator=generator), 2.0 * torch.randn(shape, generator=generator)]

        def drawn(count: int) -> tuple[list[Tensor], Tensor]:
            label = torch.randint(_CLASSES, (count,), generator=generator)
            found = []
            for own in centres:
                which = torch.randint(len(own), (count,), generator=generator)
                found.append(own[which, label] + torch.randn(count, _WIDTH, generator=generator))
            return found, label

        known, other = drawn(_TRAIN), drawn(_TEST)
        found = {}
        for name in ("joint", "crmt"):
            torch.manual_seed(seed)  # of the networks
            networks = nn.ModuleList(nn.Sequential(nn.Linear(_WIDTH, _STATE), nn.ReLU()) for _ in range(2))
            head = nn.Linear(2 * _STATE, _CLASSES) if name == "joint" else build("crmt", classes=_CLASSES)
            if isinstance(head, Objective):
                head.bind(_STATE)
            _fit(head, networks, known, 300, 0.01)
            for case, without in (("whole", None), ("first missing", 0)):
                found[f"{name}, {case}"] = _accuracy(head, networks, other, without)
        assert isinstance(head, Objective)
        found["radius, first step"] = _radius(head, networks, other)
        second = build("crmt", classes=_CLASSES, certify=True)
        second.bind(_STATE)
        second.load_state_dict(head.state_dict())
        _fit(second, networks, known, 100, 0.003)
        found["radius, both steps"] = _radius(second, networks, other)
        found["crmt, both steps, first missing"] = _accuracy(second, networks, other, 0)
        return found


Examples = tuple[list[Tensor], Tensor]


def _states(networks: nn.ModuleList, examples: Examples) -> list[Tensor]:
    return [network(each) for network, each in zip(networks, examples[0], strict=True)]


def _fit(head: nn.Module, networks: nn.ModuleList, examples: Examples, steps: int, rate: float) -> None:
    parameters = [each for each in (*head.parameters(), *networks.parameters()) if each.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        first, second = _states(networks, examples)
        if isinstance(head, Objective):
            views = {"first_modality": with_states(first), "second_modality": with_states(second)}
            loss = head(**views, class_label=examples[1].float()).values.mean()
        else:
            loss = nn.functional.cross_entropy(head(torch.cat([first, second], dim=1)), examples[1])
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _accuracy(head: nn.Module, networks: nn.ModuleList, examples: Examples, without: int | None) -> float:
    states = _states(networks, examples)
    if isinstance(head, Objective):
        logits = head.reward_head.logits(head.reward_head.of_states(states), without)  # type: ignore[operator, union-attr]
    else:
        given = [0 * each if place == without else each for place, each in enumerate(states)]
        logits = head(torch.cat(given, dim=1))
    return float((logits.argmax(1) == examples[1]).double().mean())


@torch.no_grad()
def _radius(head: Objective, networks: nn.ModuleList, examples: Examples) -> float:
    outputs = head.reward_head.of_states(_states(networks, examples))  # type: ignore[operator, union-attr]
    return float(head.reward_head.radius(outputs, examples[1]).mean())  # type: ignore[operator, union-attr]
