"""`TwoWords`, a judge that asks a language model whether a solution is correct, and reads one word against another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Text
from penchant.feedback.verdict import QUESTION, WORDS, verdict_prompt
from penchant.generation.cached_forward import CachedForward
from penchant.likelihood.loading import load_model
from penchant.model_folders import trained_model
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.judge import Judge

__all__ = ["TwoWords"]


class TwoWords(Judge):
    """Scores a solution with S = p("correct") / (p("correct") + p("incorrect")), in (0, 1).

    p is the probability of a word's first token after the problem, the solution and the question whether it is correct.
    Train the model with the objective ``verdict-cross-entropy`` or ``verdict-margin``; a capable one may do as it is.

    Args:
        model: a folder, a run's folder, a hub id, or a causal language model in memory.
        tokenizer: required if the model is given in memory.
        settings: the keys below.

    Raises:
        ModelError: the model cannot be loaded, or both words begin with the same token.

    Reference:
        Liu, Avi Singh, Freeman, Co-Reyes, Liu (2023), Improving Large Language Model Fine-tuning for Solving Math
        Problems, arXiv:2310.10047.
    """

    id = "two-words"
    formula = 'p("correct") / (p("correct") + p("incorrect"))'
    span = "0 to 1, higher is better"
    advice = "Compare it with majority voting on your data: a weak evaluator is worse than none."

    model: Annotated[str, "folder, run folder or hub id of a causal language model"]
    question: Annotated[str, "asked after problem and solution"] = QUESTION
    words: Annotated[
        list[str] | None, "the answers for a right and for a wrong solution; correct and incorrect by default"
    ] = None
    batch_size: Annotated[int, Gt(0), "solutions per forward pass"] = 16
    chat_template: Annotated[str | None, "template: plain, chatml, or a Jinja file; default: the tokenizer's"] = None

    def __init__(self, model: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        named = model is None or isinstance(model, str)
        if model is not None:
            settings["model"] = model if named else str(model.config.name_or_path)
        super().__init__(**settings)
        self.both = tuple(self.words or WORDS)
        if len(self.both) != 2:
            raise ConfigurationError(
                f"There are {len(self.both)} words, expected 2: for a right and for a wrong solution.",
                where="judge.words",
            )
        if not named and tokenizer is None:
            raise ModelError("The evaluator is given in memory, without a tokenizer.")
        source = trained_model(self.model)
        self.network = (load_model(source) if named else model).eval()
        given = load_tokenizer(source) if tokenizer is None else tokenizer
        self.renderer = Renderer(given, chat_template=self.chat_template)

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """S of each solution.

        Raises:
            ModelError: both words begin with the same token, or an output is not finite.
        """
        return [1 / (1 + math.exp(-max(-700.0, each))) for each in self._log_odds(prompt, responses)]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`; the log-odds of the verdicts are the scores of Bradley and Terry."""
        return bradley_terry(torch.tensor(self._log_odds(prompt, responses), dtype=torch.float64))

    @torch.no_grad()
    def _log_odds(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        found: list[float] = []
        for start in range(0, len(responses), self.batch_size):
            asked = [verdict_prompt(prompt, each, self.question) for each in responses[start : start + self.batch_size]]
            correct, incorrect = self._tokens(asked[0])
            # Masked padding on the left: the last token of every row is the one before the verdict.
            logits = CachedForward(
                self.network, [self.renderer.prompt_ids(each) for each in asked], cached=False
            ).logits
            found += (logits[:, correct].double() - logits[:, incorrect].double()).tolist()
        bad = next((place for place, each in enumerate(found) if not math.isfinite(each)), None)
        if bad is not None:
            raise ModelError(
                f"The evaluator {self.model} gives {found[bad]} for the solution {str(responses[bad])[:80]!r}.",
                fix="Check its weights for values that are not finite.",
            )
        return found

    def _tokens(self, asked: Text) -> tuple[int, int]:
        """The first tokens of both words as answers."""
        first, second = (self.renderer.response_ids(asked, word)[0] for word in self.both)
        if first == second:
            raise ModelError(
                f"The words {self.both[0]!r} and {self.both[1]!r} begin with the same token, "
                f"{self.renderer.decode([first])!r}.",
                where=f"judge {self.id}",
                why="The next token then does not decide between them.",
                fix="Choose two words with different first tokens: judge.words=[yes, no].",
            )
        return first, second
