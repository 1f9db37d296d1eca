"""Engines that follow a judge while they decode: token by token (ARGS), and block by block (blockwise best-of-K)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from annotated_types import Ge, Gt
from torch import Tensor, tensor

from penchant.errors import ModelError
from penchant.feedback.records import Record, Text
from penchant.generation.engine import Guide, generate
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Response, Sampling
from penchant.generation.stopping import cut_at
from penchant.inference.cached_rewards import CachedRewards
from penchant.inference.judging import finite_scores, needed_judge
from penchant.inference.processors import Reward, RewardProcessor
from penchant.rendering.renderer import Renderer
from penchant.rewards.judge import Judge

__all__ = ["ARGSEngine", "BlockwiseEngine"]


class _Judged(InProcessEngine):
    """Base class: an engine with a judge of its own, which scores what has been written so far."""

    judge: Annotated[dict[str, Any], "the judge that scores partial responses: name and settings"]

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        if isinstance(settings.get("judge"), str):
            settings["judge"] = {"name": settings["judge"]}
        super().__init__(renderer, longest_prompt, **settings)
        self._judge: Judge | None = None
        self._records: list[Record] = []

    def read(self, records: Iterable[Record]) -> None:
        """See `Engine.read`: the judge reads them when it is built."""
        self._records = list(records)

    def judging(self) -> Judge:
        """The judge, built at the first call on the policy's device.

        Raises:
            ModelError: no model was set with `use`.
            ConfigurationError: there is no such judge, or it never scores.
        """
        if self.model is None:
            raise ModelError("The engine has no model to sample from.", fix="Call engine.use(model) first.")
        if self._judge is None:
            device = next(self.model.parameters()).device
            self._judge = needed_judge(self.judge, f"The engine {self.id}", self._records, device)
        return self._judge

    def _text(self, ids: list[int]) -> str:
        return self.renderer.decode(ids, skip_special_tokens=True)


class ARGSEngine(_Judged):
    """Adds a judge's score of each of the k most likely continuations to its log-probability, at every token (ARGS).

    score(v) = log π(v | x, y_<t) + w r(x, y_<t v). Greedy with temperature 0; otherwise drawn from the softmax of the
    scores. k = 1 is greedy decoding, w = 0 plain decoding among the k. A reward model with the policy's tokens keeps
    its keys and values, so that a candidate costs two tokens; other judges score whole texts.

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: the keys below.

    Reference:
        Khanov, Burapacheep, Li (2024), ARGS: Alignment as Reward-Guided Search, arXiv:2402.01694.
    """

    id = "args"

    weight: Annotated[float, Ge(0), "weight w of the score; the paper uses 1 to 1.5"] = 1.0
    candidates: Annotated[int, Gt(0), "number k of likely tokens that are scored"] = 10

    def guide(self, prompts: Sequence[Text], sampling: Sampling) -> Guide:
        """A processor for each batch, which asks the judge about its prompts."""
        judge = self.judging()

        def processors(places: Sequence[int]) -> list[RewardProcessor]:
            asked = [prompts[place] for place in places]
            room = sampling.max_new_tokens + 1
            fast = CachedRewards.fits(judge, self.renderer.tokenizer, asked, room)
            reward: Reward = CachedRewards(judge, asked) if fast else _Rewards(self, judge, asked)  # type: ignore[arg-type]
            return [RewardProcessor(reward, weight=self.weight, candidates=self.candidates)]

        return processors


class _Rewards:
    """Rewards of continuations by a judge; rows of one prompt are asked about together."""

    def __init__(self, engine: _Judged, judge: Judge, prompts: Sequence[Text]) -> None:
        self.engine, self.judge, self.prompts = engine, judge, prompts
        self.start: int | None = None

    def __call__(self, ids: Tensor, tokens: Tensor) -> Tensor:
        """[R, k] for the rows ``ids`` [R, L] extended by ``tokens`` [R, k]; padding after an end changes nothing."""
        if self.start is None:
            self.start = ids.shape[1]
        written = [
            [[*row, token] for token in each]
            for row, each in zip(ids[:, self.start :].tolist(), tokens.tolist(), strict=True)
        ]
        copies, found = len(written) // len(self.prompts), []
        for place, prompt in enumerate(self.prompts):
            rows = written[place * copies : (place + 1) * copies]
            texts = [self.engine._text(each) for row in rows for each in row]
            scores = finite_scores(self.judge, prompt, texts)
            found += [scores[at : at + tokens.shape[1]] for at in range(0, len(scores), tokens.shape[1])]
        return tensor(found)


@dataclass
class _Row:
    """A response in the making."""

    place: int
    ids: list[int] = field(default_factory=list)
    done: bool = False


class BlockwiseEngine(_Judged):
    """Samples K continuations of M tokens, keeps the one with the best score and goes on from it (best-of-K by blocks).

    K = 1 is plain sampling; M of the whole length is best-of-n. Between blocks the prompt and what was kept are read
    again, once for all K.

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: the keys below.

    Reference:
        Mudgal et al. (2024), Controlled Decoding from Language Models, arXiv:2310.17022.
    """

    id = "blockwise"

    candidates: Annotated[int, Gt(0), "number K of continuations of a block"] = 8
    block: Annotated[int, Gt(0), "tokens M of a block"] = 16

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """See `penchant.generation.Engine`.

        Raises:
            ModelError: no model was set with `use`.
        """
        judge, stops = self.judging(), set(self.renderer.stop_token_ids)
        asked = [self.prompt_ids(prompt) for prompt in prompts]
        rows = [_Row(place) for place in range(len(prompts)) for _ in range(sampling.samples)]
        for start in range(0, sampling.max_new_tokens, self.block):
            going = [row for row in rows if not row.done]
            if not going:
                break
            part = replace(sampling, max_new_tokens=min(self.block, sampling.max_new_tokens - start))
            blocks = self._blocks([asked[row.place] + row.ids for row in going], part, seed + start)
            for row, several in zip(going, blocks, strict=True):
                texts = [self._text(row.ids + each) for each in several]
                scores = finite_scores(judge, prompts[row.place], texts)
                row.ids = row.ids + several[scores.index(max(scores))]
                text = texts[scores.index(max(scores))]
                row.done = row.ids[-1] in stops or cut_at(text, self.stop_strings) != text
        responses = [self._response(row.ids, stops) for row in rows]
        return [responses[at : at + sampling.samples] for at in range(0, len(responses), sampling.samples)]

    def _blocks(self, prompts: list[list[int]], sampling: Sampling, seed: int) -> list[list[list[int]]]:
        return generate(
            self.model,
            self.renderer.tokenizer,
            prompts,
            samples=self.candidates,
            max_new_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_token_ids=self.renderer.stop_token_ids,
            seed=seed,
            batch_size=self.batch_size,
            stop_strings=self.stop_strings,
            options=self.options,
        )
