"""`PairModel`, a judge that reads both responses together: by the letter it would write, or by a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Text
from penchant.forest.layout import TokenSequence
from penchant.likelihood.classifier_forest import ClassOutputs
from penchant.likelihood.context import length_limit
from penchant.likelihood.forest_scorer import ForestScorer, scorer_of
from penchant.likelihood.loading import load_model, load_reward_model
from penchant.likelihood.logps import token_logps
from penchant.likelihood.reward_folder import other_than
from penchant.model_files import read_config
from penchant.model_folders import base_of
from penchant.objectives.functional.joint_pairs import win_table_scores
from penchant.rendering.renderer import Renderer
from penchant.rewards.answer_words import word_ids
from penchant.rewards.joint_text import LETTERS, all_games, joint_text
from penchant.rewards.judge import Judge
from penchant.rewards.named_models import name_model, tokenizer_of

__all__ = ["PairModel"]


class PairModel(Judge):
    """Compares two responses in one text, in both orders; it need not be transitive.

    P_ij = (p_ij + 1 − p_ji) / 2,   p_ij the probability that the response shown first is better
    score_i = mean_j (C_ij − C_ji),   C_ij the logit of p_ij;   or the number of wins

    A causal language model answers with a letter: p = p(A) / (p(A) + p(B)). A sequence-classification model has one
    output, the logit of p, or two, s_1 and s_2, whose difference it is. `penchant data build pair-judge` writes the
    data to train the former with ``--objective nll``.

    Args:
        model: a folder, a hub id, or a model in memory.
        tokenizer: required if the model is given in memory.
        settings: ``by`` and ``batch_size``.

    Raises:
        ModelError: the model cannot be loaded, or has more than two outputs.

    Reference:
        Jiang et al. (2023), LLM-Blender, arXiv:2306.02561; Dong et al. (2024), RLHF Workflow, arXiv:2405.07863.
    """

    id = "pair_model"
    formula = "mean over the others of the logit in both orders, C_ij − C_ji; or the number of wins"
    span = "any; 0 to K − 1 wins: higher is better"
    advice = "Preferences need not be transitive: compare pairs, and take scores for an order among K alone."
    scores_alone = False

    model: Annotated[str, "folder or hub id: a causal language model, or a sequence classifier of one or two outputs"]
    by: Annotated[Literal["max_logits", "max_wins"], "score by the mean logit against the others, or by wins"] = (
        "max_logits"
    )
    batch_size: Annotated[int, Gt(0), "texts per forward pass"] = 16

    def __init__(self, model: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        named = name_model(model, settings)
        super().__init__(**settings)
        tokenizer = tokenizer_of(self.model if named else None, tokenizer, "pair model")
        config = read_config(base_of(self.model)) if named else model.config
        architecture = (getattr(config, "architectures", None) or [type(model).__name__])[0]
        self.generative = "SequenceClassification" not in architecture
        load = load_model if self.generative else load_reward_model
        self.network = (load(self.model) if named else model).eval()
        if not self.generative and self.network.config.num_labels not in (1, 2):
            raise ModelError(
                f"The model has {self.network.config.num_labels} outputs, expected 1 (the pair's logit) or 2 (a score "
                "for each response).",
                where=self.model,
            )
        self.renderer = Renderer(tokenizer)
        if not self.generative:
            # The classifier reads the last token that is not padding; that must be the end token.
            self.pad = other_than(self.renderer.end_token_id, tokenizer.pad_token_id)
            self.network.config.get_text_config().pad_token_id = self.network.config.pad_token_id = self.pad
            self.classes = ClassOutputs(self.network, self.pad)
        self.limit = length_limit(self.model if named else "", self.network, tokenizer)

    def to(self, device: Any) -> None:
        """Move the model to a device."""
        self.network.to(device)
        if not self.generative:
            self.classes = ClassOutputs(self.network, self.pad)  # the attention depends on the device

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The mean logit against the other responses, or the number of wins; 0 for a single response."""
        scores = win_table_scores(self._tables([prompt], [responses])[0], by_wins=self.by == "max_wins")
        return [float(each) for each in scores]

    def compare(self, prompt: Text, responses: Sequence[str]) -> Tensor:
        """See `Judge.compare`: the mean of both orders."""
        return self.compare_all([prompt], [responses])[0]

    def compare_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """The preference probabilities [K, K] of the responses to each of several prompts.

        Raises:
            ConfigurationError: a text does not fit into the model's context.
            ModelError: an output is not finite.
        """
        found = [torch.sigmoid(table) for table in self._tables(prompts, responses)]
        return [(each + 1 - each.T) / 2 for each in found]

    def first_wins(self, prompts: Sequence[Text], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The probability that the response shown first is better, in this order alone."""
        texts = [joint_text(prompt, *pair) for prompt, pair in zip(prompts, pairs, strict=True)]
        return torch.sigmoid(self._logits(texts, range(len(texts)))).tolist()  # type: ignore[no-any-return]

    def _tables(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[Tensor]:
        """For each prompt the logits [K, K] that i is better, shown before j; 0 on the diagonal."""
        games = all_games(responses)
        texts = [joint_text(prompts[at], responses[at][i], responses[at][j]) for at, i, j in games]
        logits = self._logits(texts, [at for at, _i, _j in games])
        tables = [torch.zeros((len(each), len(each)), dtype=torch.float64) for each in responses]
        for (place, i, j), logit in zip(games, logits.tolist(), strict=True):
            tables[place][i, j] = logit
        return tables

    @torch.no_grad()
    def _logits(self, texts: Sequence[str], owners: Sequence[int]) -> Tensor:
        """The logits of texts, of which those of one owner begin alike: what they share is read once a forward pass."""
        if not texts:
            return torch.zeros(0, dtype=torch.float64)
        rows = [self._ids(text) for text in texts]
        parts = [slice(first, first + self.batch_size) for first in range(0, len(rows), self.batch_size)]
        if self.generative:
            with scorer_of(self.network) as scorer:
                found = [self._by_letter(scorer, texts[part], rows[part], owners[part]) for part in parts]
        else:
            found = [self._by_head(rows[part], owners[part]) for part in parts]
        logits = torch.cat(found).double().cpu()
        if not bool(logits.isfinite().all()):
            place = int((~logits.isfinite()).nonzero()[0])
            raise ModelError(
                f"The pair model {self.model} gives {float(logits[place])} for the text {texts[place][:80]!r}.",
                why="A logit must be a finite number.",
                fix="Check its weights for values that are not finite.",
            )
        return logits

    def _ids(self, text: str) -> list[int]:
        ids = self.renderer.prompt_ids(text)
        if self.limit is not None and len(ids) + 1 > self.limit:
            raise ConfigurationError(
                f"A prompt with two responses has {len(ids):,} tokens, more than the {self.limit:,} positions of the "
                "pair model.",
                where="judge",
                why="A model that reads only a part of the responses would compare other texts.",
                fix="Shorten the responses, or use a model with a longer context.",
            )
        return ids

    def _by_letter(
        self, scorer: ForestScorer, texts: Sequence[str], rows: Sequence[list[int]], owners: Sequence[int]
    ) -> Tensor:
        letters = [ids for text in texts for ids in word_ids(self.renderer, text, LETTERS)]
        prompts = [row for row in rows for _letter in LETTERS]
        sequences = [TokenSequence(prompt, letter) for prompt, letter in zip(prompts, letters, strict=True)]
        logps = token_logps(scorer, sequences, [owner for owner in owners for _letter in LETTERS])
        totals = logps.double().sum(-1)
        return totals[::2] - totals[1::2]

    def _by_head(self, rows: Sequence[list[int]], owners: Sequence[int]) -> Tensor:
        out = self.classes([[*row, self.renderer.end_token_id] for row in rows], owners)
        return out[:, 0] if out.shape[1] == 1 else out[:, 0] - out[:, 1]
