"""`Remembering`: an engine keeps keys and values from turn to turn while two agents talk, or says why it cannot."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from penchant.generation.engines import Engine
from penchant.generation.in_process import InProcessEngine
from penchant.generation.memory import Memory
from penchant.generation.runs import keeps_nothing
from penchant.online.samplers.conversations.talks import Talk

__all__ = ["Remembering", "forgets", "token_facts"]

log = logging.getLogger("penchant")


def forgets(engine: Engine, models: Sequence[Any] = ()) -> str:
    """Why keys and values cannot be kept from one call of an engine to the next; empty if they can.

    Args:
        engine: speaks for both agents.
        models: that it samples from.
    """
    if not isinstance(engine, InProcessEngine):
        return f"the engine {engine.id!r} keeps what it has read by itself, if at all"
    if type(engine).sample is not InProcessEngine.sample:
        return f"the engine {engine.id!r} samples in a way of its own"
    if changed := engine.alters():
        return f"the engine is changed by {', '.join(changed)}, which may depend on how a prompt is laid out"
    return next((why for each in models if each is not None and (why := keeps_nothing(each))), "")


class Remembering:
    """Keeps keys and values from turn to turn, and says once what stands in the way.

    Args:
        wanted: whether they are kept.
    """

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self._said: set[str] = set()

    @contextlib.contextmanager
    def along(self, engine: Engine, models: Sequence[Any]) -> Iterator[Memory | None]:
        """While it is open, what an agent has read and said is not read again; None where tokens are not even counted.

        Args:
            engine: speaks for both agents.
            models: that it samples from; their weights do not change meanwhile.
        """
        why = forgets(engine, models)
        if why and self.wanted:
            self.say(f"Keys and values are not kept from turn to turn: {why}. Each turn reads all before it anew.")
        if not isinstance(engine, InProcessEngine) or type(engine).sample is not InProcessEngine.sample:
            yield None
            return
        engine.memory = Memory(self.wanted and not why)
        try:
            yield engine.memory
        finally:
            engine.memory = None

    def look(self, talks: Sequence[Talk]) -> None:
        """Say where a turn is not read as what its agent had read goes on.

        Args:
            talks: that were played.
        """
        changed = next((each for each in talks if each.rewritten), None)
        if changed is not None and self.wanted:
            self.say(
                "What an agent reads at a turn does not begin with what it read before "
                f"({changed.record.source}): template or tokenizer write earlier turns in another way then. "
                "What follows the first difference is read anew (sampled/prefix_tokens_changed)."
            )

    def say(self, text: str) -> None:
        """Warn once.

        Args:
            text: what of.
        """
        if text.split("(")[0] not in self._said:
            self._said.add(text.split("(")[0])
            log.warning(text)


def token_facts(memory: Memory | None, talks: Sequence[Talk]) -> list[dict[str, float]]:
    """What was read for each task, where it was counted: equal shares of what was read for all.

    Args:
        memory: of the conversations.
        talks: one for each task.
    """
    if memory is None:
        return [{} for _ in talks]
    tally, count = memory.tally, max(1, len(talks))
    shared = {
        "tokens_read": tally.read / count,
        "prefix_tokens_saved": tally.saved / count,
        "prefix_share_saved": tally.saved / max(1, tally.read + tally.saved),
    }
    return [{**shared, "prefix_tokens_changed": float(each.changed)} for each in talks]
