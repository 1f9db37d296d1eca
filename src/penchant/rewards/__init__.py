"""Floor 4: how good a response is."""

from penchant.rewards.functions import FunctionJudge
from penchant.rewards.judge import Judge
from penchant.rewards.models import RewardModel
from penchant.rewards.numbers import answer_in, same_number
from penchant.rewards.registry import build_judge
from penchant.rewards.right_and_wrong import right_and_wrong
from penchant.rewards.verifiers import Verifier

__all__ = [
    "FunctionJudge",
    "Judge",
    "RewardModel",
    "Verifier",
    "answer_in",
    "build_judge",
    "right_and_wrong",
    "same_number",
]
