"""`ProcessReward`, which rewards the nodes of trees and learns to, and `NoProcessReward`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from penchant.errors import ConfigurationError
from penchant.named import Named
from penchant.online.phases import Phase
from penchant.online.rollouts import Rollout
from penchant.registry import Registry

__all__ = ["PROCESS_REWARDS", "STEP_REWARD", "NoProcessReward", "ProcessReward", "check_process_reward"]

#: All process rewards by name.
PROCESS_REWARDS: Registry[type[ProcessReward]] = Registry("process reward", "penchant.online.process_rewards")
#: The fact of a node under which its reward is kept.
STEP_REWARD = "step_reward"


class ProcessReward(Named):
    """Rewards the nodes of a round's trees before it trains, and learns from their outcomes after it.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "process reward"
    registry = PROCESS_REWARDS
    #: Whether it rewards anything.
    present: ClassVar[bool] = True

    def begin(self, scorer: Any, modality: Any, policy: Any) -> None:
        """Start with the policy as it is before the first round.

        Args:
            scorer: the policy's likelihoods.
            modality: makes scorers of other models.
            policy: the model.
        """

    def judged(self, rollouts: Sequence[Rollout]) -> list[Rollout]:
        """The rollouts with a reward (`STEP_REWARD`) at every node of their trees that the policy wrote.

        Args:
            rollouts: of a round, sampled by the policy as it is now.
        """
        return list(rollouts)

    def learn(self, rollouts: Sequence[Rollout]) -> None:
        """Learn from the outcomes of a round, after the policy has.

        Args:
            rollouts: as `judged` gave them.
        """

    def state_dict(self) -> dict[str, Any]:
        """What it keeps from round to round."""
        return {}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""


class NoProcessReward(ProcessReward):
    """No rewards of steps."""

    id = "none"
    present = False


def check_process_reward(process: ProcessReward, phases: Sequence[Phase]) -> None:
    """Refuse a pairing that reads rewards of steps without anything that gives them, and the reverse.

    Args:
        process: gives the rewards.
        phases: the kinds of rounds.

    Raises:
        ConfigurationError: they do not go together.
    """
    reading = [each.pairing for each in phases if each.pairing.of_steps]
    if reading and not process.present:
        raise ConfigurationError(
            f"The pairing {reading[0].id!r} reads rewards of steps, and nothing gives them.",
            where="process_reward",
            fix="Give process_reward=implicit, or pairing.step_weight=0.",
        )
    if process.present and not reading:
        raise ConfigurationError(
            f"The process reward {process.id!r} would be learned, and no pairing reads it.",
            where="pairing",
            fix="Give pairing=turns with step_weight above 0, or remove process_reward.",
        )
