"""The language world: generated product reviews with a known reward."""

from penchant.lab.worlds.language.annotators import Annotator
from penchant.lab.worlds.language.attributes import ATTRIBUTES
from penchant.lab.worlds.language.grammar import Grammar, join_words, split_words
from penchant.lab.worlds.language.language_world import LanguageWorld
from penchant.lab.worlds.language.model import tiny_model
from penchant.lab.worlds.language.reviews import (
    Prompt,
    grammatical_share,
    is_sentence,
    product_of,
    sentences_of,
    vocabulary,
    write_prompt,
    write_review,
)
from penchant.lab.worlds.language.rules import grammar_of
from penchant.lab.worlds.language.sentiment import sentence_sentiment, true_reward
from penchant.lab.worlds.language.tokenizer import build_tokenizer
from penchant.lab.worlds.language.world import (
    RewardDistribution,
    comparisons,
    demonstrations,
    label_extremes,
    label_pairs,
    preference_probability,
    prompts,
    reward_distribution,
)

__all__ = [
    "ATTRIBUTES",
    "Annotator",
    "Grammar",
    "LanguageWorld",
    "Prompt",
    "RewardDistribution",
    "build_tokenizer",
    "comparisons",
    "demonstrations",
    "grammar_of",
    "grammatical_share",
    "is_sentence",
    "join_words",
    "label_extremes",
    "label_pairs",
    "preference_probability",
    "product_of",
    "prompts",
    "reward_distribution",
    "sentence_sentiment",
    "sentences_of",
    "split_words",
    "tiny_model",
    "true_reward",
    "vocabulary",
    "write_prompt",
    "write_review",
]
