"""`CachedJudge`: judgements on disk by content, so that a command that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from penchant.feedback.records import Record, Text
from penchant.likelihood.cache import default_folder
from penchant.likelihood.store import Store
from penchant.rewards.judge import Judge
from penchant.rewards.said import said_of

__all__ = ["CachedJudge", "JudgementStore", "cached"]

Asked = list[tuple[int, list[int]]]


class JudgementStore(Store):
    """The judgements of one judge: scores by prompt and response, tables by prompt and responses, float64 each.

    A damaged file is set aside and a damaged value is dropped; both are judged again.

    Args:
        identity: of the judge; see `penchant.rewards.judge.Judge.identity`.
        folder: of the files; ``judgements`` in the cache folder by default.
    """

    subject = "judgements"
    table = "judgements"

    def __init__(self, identity: str, folder: Path | None = None) -> None:
        name = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        super().__init__((default_folder() / "judgements" if folder is None else folder) / f"{name}.sqlite")

    @staticmethod
    def key(*parts: str) -> bytes:
        """The key of a judgement: a hash of what was asked, with the length of each part."""
        digest = hashlib.sha256()
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        return digest.digest()

    def numbers(self, key: bytes, count: int) -> list[float] | None:
        """The numbers that are stored under a key; None if there are none, or of another number."""
        found = self.read(key)
        return np.frombuffer(found, "<f8").tolist() if found is not None and len(found) == 8 * count else None


class CachedJudge(Judge):
    """A judge whose judgements are looked up before it is asked, and stored as soon as they are made.

    Only numbers are stored: a response that could not be scored (NaN) is asked for again.

    Args:
        judge: one with an `identity`.
        store: where its judgements are.
    """

    def __init__(self, judge: Judge, store: JudgementStore) -> None:
        super().__init__()
        self.judge, self.store = judge, store
        self.verifies, self.gives_scores = judge.verifies, judge.gives_scores
        self.scores_alone, self.reads_messages = judge.scores_alone, judge.reads_messages
        #: Number of judgements that were found, and that were made.
        self.found = self.made = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["judge"], name)

    def read(self, records: Iterable[Record]) -> None:
        """See `Judge.read`."""
        self.judge.read(records)

    def to(self, device: Any) -> None:
        """See `Judge.to`."""
        self.judge.to(device)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`."""
        return self.score_all([prompt], [responses])[0]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`."""
        return self.compare_all([prompt], [responses])[0]

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `Judge.score_all`; only responses without a judgement are asked for, each once."""
        keys = [
            [self.store.key("score", *said, said_of(each)) for each in own]
            for said, own in zip(self._said(prompts), responses, strict=True)
        ]
        known: dict[bytes, float] = {}
        asked: Asked = []
        for place, own in enumerate(keys):
            missing = []
            for at, key in enumerate(own):
                stored = None if key in known else self.store.numbers(key, 1)
                if stored is not None:
                    known[key] = stored[0]
                    self.found += 1
                elif key not in known:
                    known[key] = math.nan
                    missing.append(at)
            if missing:
                asked.append((place, missing))
        given = self._ask(self.judge.score_all, prompts, responses, asked)
        if given is None:  # the shape is for whoever checks it
            return self.judge.score_all(prompts, responses)
        fresh = {keys[place][at]: value for (place, own), values in zip(asked, given, strict=True)
                 for at, value in zip(own, values, strict=True)}  # fmt: skip
        self.made += len(fresh)
        numbers = {key: float(value) for key, value in fresh.items() if value is not None}
        self.store.write((key, np.float64(each).tobytes()) for key, each in numbers.items() if math.isfinite(each))
        known |= fresh
        return [[known[key] for key in own] for own in keys]

    def compare_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """See `Judge.compare_all`; only prompts without all comparisons are asked for."""
        parts = zip(self._said(prompts), responses, strict=True)
        keys = [self.store.key("compare", *said, *map(said_of, own)) for said, own in parts]
        tables: list[Any] = [None] * len(keys)
        for place, key in enumerate(keys):
            size = len(responses[place])
            stored = self.store.numbers(key, size * size)
            if stored is not None:
                tables[place] = torch.tensor(stored, dtype=torch.float64).reshape(size, size)
                self.found += 1
        asked = [place for place, table in enumerate(tables) if table is None]
        if asked:
            given = self.judge.compare_all([prompts[place] for place in asked], [responses[place] for place in asked])
            self.made += len(asked)
            whole = [(keys[place], table) for place, table in zip(asked, given, strict=True) if table.isfinite().all()]
            self.store.write((key, table.double().cpu().contiguous().numpy().tobytes()) for key, table in whole)
            for place, table in zip(asked, given, strict=True):
                tables[place] = table
        return tables

    def _said(self, prompts: Sequence[Text]) -> list[tuple[str, str]]:
        return [(said_of(prompt), self.judge.context(prompt)) for prompt in prompts]

    def _ask(
        self,
        ask: Callable[[Any, Any], Sequence[Any]],
        prompts: Sequence[Text],
        responses: Sequence[Sequence[str]],
        asked: Asked,
    ) -> Sequence[Any] | None:
        """What the judge gives for the responses without a judgement; None if it is of another shape."""
        if not asked:
            return []
        shown = [[responses[place][at] for at in own] for place, own in asked]
        given = ask([prompts[place] for place, _own in asked], shown)
        fits = len(given) == len(asked) and all(len(one) == len(own) for one, own in zip(given, shown, strict=True))
        return given if fits else None


def cached(judge: Judge, folder: Path | None = None) -> Judge:
    """A judge with its judgements on disk, or the judge itself if it names no identity.

    Args:
        judge: any judge; the members of a combined one are cached.
        folder: of the files; ``judgements`` in the cache folder by default.

    Raises:
        OutputError: the file cannot be written or read.
    """
    members = getattr(judge, "members", None)
    if members is not None:
        judge.members = [cached(each, folder) for each in members]  # type: ignore[attr-defined]
        return judge
    identity = judge.identity()
    return judge if identity is None else CachedJudge(judge, JudgementStore(identity, folder))
