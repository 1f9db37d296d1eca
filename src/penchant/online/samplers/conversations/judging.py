"""What the judge reads of conversations, and what is told of how they ended."""

from __future__ import annotations

import math
from statistics import fmean

from penchant.feedback.records import Record
from penchant.generation.responses import Response
from penchant.online.samplers.conversations.agents import transcript
from penchant.online.samplers.conversations.playing import Rules
from penchant.online.samplers.conversations.talks import ANSWERED, REPEATING, TOO_LONG, Ended, Talk
from penchant.online.trees import INVALID, Tree
from penchant.rewards.judge import Judge
from penchant.rewards.scores import scored_samples

__all__ = ["judge_talk", "told"]


def judge_talk(talk: Talk, record: Record, judge: Judge | None, rules: Rules, unanswered: float) -> None:
    """Score the conversations of a task that have no score yet.

    Args:
        talk: the conversations.
        record: the task as the judge reads it.
        judge: scores what follows the last stop word, or without stop words the whole conversation.
        rules: of the conversations.
        unanswered: the score of one without a stop word, where there are stop words.
    """
    waiting = [each for each in talk.ended if math.isnan(each.task)]
    for each in waiting if rules.stop_words else ():
        if each.why != ANSWERED:
            each.task = unanswered
    asked = [each for each in waiting if math.isnan(each.task)]
    if asked and judge is not None:
        given = [_answer(talk, each, rules) for each in asked]
        for each, score in zip(asked, scored_samples(judge, record, given)[0], strict=True):
            each.task = score


def _answer(talk: Talk, ended: Ended, rules: Rules) -> Response:
    """What the judge reads."""
    said, turns = talk.said(ended.leaf), [talk.turns[each] for each in talk.path(ended.leaf)]
    ids = tuple(each for turn in turns for each in turn.ids)
    if not rules.stop_words:
        return Response(transcript(said, rules.labels), ids, ended.why == ANSWERED)
    last = max(said[-1].rfind(word) + len(word) for word in rules.stop_words if word in said[-1])
    return Response(said[-1][last:].strip(), turns[-1].ids, True)


def told(talk: Talk, tree: Tree) -> dict[str, float]:
    """Numbers for the metrics of a round: lengths, how conversations ended, invalid turns, scores of the task.

    Args:
        talk: the conversations about one task.
        tree: of their turns.
    """
    ends = [each.why for each in talk.ended]
    invalid = [each.facts.get(INVALID, 0.0) for each in tree.nodes if each.trained]
    known = [each.task for each in talk.ended if not math.isnan(each.task)]
    return {
        "tokens": fmean(talk.tokens(each.leaf) for each in talk.ended),
        "turns": fmean(len(talk.path(each.leaf)) for each in talk.ended),
        "answered": fmean(each == ANSWERED for each in ends),
        "repeating": fmean(each == REPEATING for each in ends),
        "too_long": fmean(each == TOO_LONG for each in ends),
        **({"invalid": fmean(invalid)} if invalid else {}),
        **({"task": fmean(known)} if known else {}),
    }
