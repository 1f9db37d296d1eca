"""Judges, which score responses: verifiers, reward models, language models and Python functions."""

from penchant.rewards.functions import FunctionJudge
from penchant.rewards.judge import Judge, NoJudge
from penchant.rewards.llm import EndpointJudge, LLMJudge, LocalJudge
from penchant.rewards.models import RewardModel
from penchant.rewards.numbers import answer_in, same_number
from penchant.rewards.pair_model import PairModel
from penchant.rewards.registry import JUDGES, build_judge
from penchant.rewards.right_and_wrong import right_and_wrong
from penchant.rewards.unit_tests import UnitTests
from penchant.rewards.verifiers import Verifier

__all__ = [
    "JUDGES",
    "EndpointJudge",
    "FunctionJudge",
    "Judge",
    "LLMJudge",
    "LocalJudge",
    "NoJudge",
    "PairModel",
    "RewardModel",
    "UnitTests",
    "Verifier",
    "answer_in",
    "build_judge",
    "right_and_wrong",
    "same_number",
]
