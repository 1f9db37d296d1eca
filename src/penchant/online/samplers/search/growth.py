"""`Growth`: the tree that a search grows for one prompt, and what it counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from penchant.feedback.records import Record
from penchant.generation.branches import Branch
from penchant.generation.responses import Response
from penchant.generation.runs import Tally
from penchant.generation.steps import Step
from penchant.objectives.functional.games.tree_values import TreeNode
from penchant.online.trees import ROOT, Node, Tree

__all__ = ["Growth", "Leaf"]


@dataclass(eq=False, kw_only=True)
class Leaf(TreeNode):
    """A node of a tree in growth.

    Args:
        branch: prompt and steps up to its end.
        text: of its step.
        depth: number of steps.
        ended: whether the response ends here, by itself or at a limit.
        finished: whether it ended by itself.
        outcome: the judge's score of the response that ends here; NaN without.
        prior: how likely the policy finds the step; 1 at the root.
        on_path: whether it is on the path that the search has chosen.
        number: its place in the tree; `ROOT` for the root.
    """

    branch: Branch
    text: str = ""
    depth: int = 0
    ended: bool = False
    finished: bool = False
    outcome: float = math.nan
    prior: float = 1.0
    on_path: bool = False
    number: int = ROOT

    @property
    def written(self) -> str:
        """All steps from the prompt on."""
        return "".join(each.text for each in self.path if isinstance(each, Leaf))

    @property
    def below(self) -> list[Leaf]:
        """The children."""
        return [each for each in self.children if isinstance(each, Leaf)]

    def response(self, prompt_tokens: int) -> Response:
        """Prompt to here as a response."""
        return Response(self.written, self.branch.ids[prompt_tokens:], self.finished)


@dataclass
class Growth:
    """The tree of one prompt.

    Args:
        record: the prompt.
        root: its tokens.
        seed: of all draws of this tree.
        tally: of tokens.

    Attributes:
        nodes: all but the root, in the order in which they were drawn.
        cut: steps that ended at their limit of tokens.
        alike: steps that were left out because another says the same.
        expanded: nodes that were continued.
    """

    record: Record
    root: Leaf
    seed: tuple[int, ...]
    tally: Tally
    nodes: list[Leaf] = field(default_factory=list)
    cut: int = 0
    alike: int = 0
    expanded: int = 0

    @classmethod
    def of(cls, record: Record, prompt_ids: Sequence[int], seed: tuple[int, ...]) -> Growth:
        """A tree without steps."""
        tally = Tally()
        return cls(record, Leaf(0.0, branch=Branch(tuple(prompt_ids), tally)), seed, tally)

    @property
    def prompt_tokens(self) -> int:
        """Number of tokens of the prompt."""
        return len(self.root.branch.ids)

    def add(
        self,
        parent: Leaf,
        steps: Sequence[Step],
        decode: Callable[[list[int]], str],
        alike: float,
        depth: int,
        room: int,
    ) -> list[Leaf]:
        """Add the steps after a node, those that say what another says left out.

        Args:
            parent: what they continue.
            steps: as they were drawn.
            decode: from token ids to text without special tokens.
            alike: similarity from which two steps are the same, see `same_step`.
            depth: steps after which a response ends.
            room: tokens of a response.

        Returns:
            The new nodes.
        """
        self.expanded += 1
        added: list[Leaf] = []
        for step in steps:
            text = _added(parent, step.branch.ids[self.prompt_tokens :], step.ids, decode)
            self.cut += step.cut
            if any(same_step(text, each.text, alike) and each.finished == step.finished for each in added):
                self.alike += 1
                continue
            full = len(step.branch.ids) - self.prompt_tokens >= room
            leaf = Leaf(
                parent.value,
                step.logps,
                parent,
                branch=step.branch,
                text=text,
                depth=parent.depth + 1,
                ended=step.finished or full or parent.depth + 1 >= depth,
                finished=step.finished,
                number=len(self.nodes),
            )
            self.nodes.append(leaf)
            added.append(leaf)
        return added

    @property
    def leaves(self) -> list[Leaf]:
        """The nodes at which a response ends, in order."""
        return [each for each in self.nodes if each.ended]

    def tree(self) -> Tree:
        """The tree as it is kept with the samples; a node's value is what it leads to (Q)."""
        return Tree(tuple(self._node(each) for each in self.nodes))

    def _node(self, leaf: Leaf) -> Node:
        parent = leaf.parent
        assert isinstance(parent, Leaf)
        facts = {"prior": leaf.prior, "evaluation": leaf.value, "gain": leaf.reward, "on_path": float(leaf.on_path)}
        return Node(
            parent.number,
            leaf.branch.ids[len(parent.branch.ids) :],
            leaf.text,
            finished=leaf.finished,
            score=leaf.outcome,
            visits=leaf.visits,
            value=leaf.q,
            facts=facts,
        )

    def facts(self) -> dict[str, float]:
        """Numbers for the metrics of a round."""
        known = [each.outcome for each in self.leaves if not math.isnan(each.outcome)]
        tokens = self.tally.read + self.tally.saved
        found = {
            "nodes": len(self.nodes),
            "expanded": self.expanded,
            "leaves": len(self.leaves),
            "steps": sum(each.depth for each in self.leaves) / max(1, len(self.leaves)),
            "steps_cut": self.cut,
            "steps_alike": self.alike,
            "tokens_drawn": self.tally.sampled,
            "tokens_read": self.tally.read,
            "prefix_tokens_saved": self.tally.saved,
            "prefix_share_saved": self.tally.saved / max(1, tokens),
        }
        best = {"best_outcome": max(known)} if known else {}
        return {name: float(value) for name, value in {**found, **best}.items()}


def same_step(first: str, second: str, alike: float) -> bool:
    """Whether two steps say the same, capital letters and white space aside.

    Args:
        first: a text.
        second: another.
        alike: the share of the characters that must agree; 1 for all.

    Example:
        >>> same_step("1 + 1 = 2\\n", "1 + 1  = 2", 1.0), same_step("1 + 1 = 2", "1 + 1 = 3", 1.0)
        (True, False)
        >>> same_step("We add 1 and 2.", "We add 1 and 2!", 0.9)
        True
    """
    one, other = (" ".join(each.lower().split()) for each in (first, second))
    return one == other or (alike < 1 and SequenceMatcher(None, one, other, autojunk=False).ratio() >= alike)


def _added(parent: Leaf, whole: Sequence[int], ids: Sequence[int], decode: Callable[[list[int]], str]) -> str:
    """What a step adds to the text before it; a character may be spelled by tokens of two steps."""
    before, after = parent.written, decode(list(whole))
    return after[len(before) :] if after.startswith(before) else decode(list(ids))
