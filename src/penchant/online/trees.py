"""`Tree` and its `Node`: what was written after a prompt, by whom, with shared beginnings once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from penchant.errors import DataError
from penchant.forest.layout import TokenSequence
from penchant.generation.responses import Response

__all__ = ["INVALID", "POLICY", "ROOT", "Node", "Tree"]

#: The parent of the nodes that follow the prompt.
ROOT = -1
#: The speaker of what the policy writes; whatever another speaker writes is context.
POLICY = "policy"
#: The fact of a node that is no valid action.
INVALID = "invalid"


@dataclass(frozen=True)
class Node:
    """A piece of text after a prompt: a step, a turn, a fragment or a whole response.

    Args:
        parent: index of the node that it continues, smaller than its own; `ROOT` after the prompt.
        ids: its tokens.
        text: its text.
        speaker: who wrote it: ``policy``, or another name, whose tokens are never trained on.
        context: the tokens that its writer read before it, where these are not the prompt and the nodes above (two
            agents that read different prompts); None where they are.
        finished: whether the response ends here.
        learned: for each token whether the policy wrote it; None if the speaker wrote all.
        score: of a judge; NaN without one.
        visits: how often a search went through it; 1 for a sample.
        value: what a search expects from here; NaN without a search.
        logps: log-probabilities of its learned tokens under the policy that wrote them, nats; None if not needed.
        facts: further numbers of a sampler by name, such as the reward of a step or a prior.

    Example:
        >>> Node(ROOT, (5, 6), "1+1=2").trained
        True
    """

    parent: int
    ids: tuple[int, ...]
    text: str
    speaker: str = POLICY
    context: tuple[int, ...] | None = None
    finished: bool = False
    learned: tuple[bool, ...] | None = None
    score: float = math.nan
    visits: int = 1
    value: float = math.nan
    logps: tuple[float, ...] | None = None
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def trained(self) -> bool:
        """Whether the policy wrote it."""
        return self.speaker == POLICY

    @property
    def mask(self) -> tuple[bool, ...]:
        """For each token, whether it is trained on."""
        if not self.trained:
            return (False,) * len(self.ids)
        return (True,) * len(self.ids) if self.learned is None else self.learned


@dataclass(frozen=True)
class Tree:
    """Nodes after one prompt, parents before children; a flat list of responses is a tree of depth one.

    Args:
        nodes: the nodes.

    Raises:
        DataError: a node names a parent that does not stand before it (so there is no cycle), or its mask does not fit.

    Example:
        >>> tree = Tree((Node(ROOT, (5,), "a"), Node(0, (6,), "b"), Node(0, (7,), "c", speaker="tool")))
        >>> tree.children(0), tree.leaves, tree.path(2)
        ([1, 2], [1, 2], [0, 2])
        >>> tree.sequence((1, 2), 2)
        TokenSequence(prompt=(1, 2), response=(5, 7), learned=(True, False))
    """

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        for place, node in enumerate(self.nodes):
            if not ROOT <= node.parent < place:
                raise DataError(
                    f"Node {place} of a tree continues node {node.parent}, which does not stand before it.",
                    why="A tree without cycles lists every node after the one that it continues.",
                    fix="Order the nodes from the root on.",
                )
            if len(node.mask) != len(node.ids):
                raise DataError(
                    f"Node {place} of a tree has {len(node.ids)} tokens and a mask of {len(node.mask)}.",
                    fix="Give one mark for each token.",
                )

    @classmethod
    def flat(cls, responses: Sequence[Response], scores: Sequence[float] = (), speakers: Sequence[str] = ()) -> Tree:
        """The tree of depth one of several responses.

        Args:
            responses: K responses.
            scores: K scores; empty for none.
            speakers: who wrote each; empty if the policy wrote all.
        """
        return cls(
            tuple(
                Node(
                    ROOT,
                    each.ids,
                    each.text,
                    speakers[place] if speakers else POLICY,
                    finished=each.finished,
                    learned=each.learned,
                    score=scores[place] if scores else math.nan,
                )
                for place, each in enumerate(responses)
            )
        )

    def __len__(self) -> int:
        return len(self.nodes)

    def children(self, place: int) -> list[int]:
        """The nodes that continue a node, or the prompt (`ROOT`), in order."""
        return [each for each, node in enumerate(self.nodes) if node.parent == place]

    @property
    def leaves(self) -> list[int]:
        """The nodes that nothing continues, in order."""
        inner = {node.parent for node in self.nodes}
        return [place for place in range(len(self.nodes)) if place not in inner]

    @property
    def own_contexts(self) -> bool:
        """Whether a writer has read something else than the prompt and what stands above."""
        return any(node.context is not None for node in self.nodes)

    def path(self, place: int) -> list[int]:
        """The nodes from the prompt to a node, both ends included; empty for `ROOT`."""
        found = []
        while place != ROOT:
            found.append(place)
            place = self.nodes[place].parent
        return found[::-1]

    def branching(self) -> Iterator[tuple[int, list[int]]]:
        """Every place with at least two children, and these; the prompt first."""
        for place in range(ROOT, len(self.nodes)):
            if len(children := self.children(place)) > 1:
                yield place, children

    def text(self, place: int) -> str:
        """What stands between the prompt and the end of a node."""
        return "".join(self.nodes[each].text for each in self.path(place))

    def before(self, prompt_ids: Sequence[int], place: int) -> tuple[int, ...]:
        """The tokens that the writer of a node read.

        Args:
            prompt_ids: tokens of the prompt.
            place: the node.
        """
        node = self.nodes[place]
        if node.context is not None:
            return node.context
        above = self.path(node.parent)
        return (*prompt_ids, *(each for one in above for each in self.nodes[one].ids))

    def step(self, prompt_ids: Sequence[int], place: int) -> TokenSequence:
        """One node as prompt and response: what its writer read, and what it wrote.

        Args:
            prompt_ids: tokens of the prompt.
            place: the node.
        """
        node = self.nodes[place]
        return TokenSequence(self.before(prompt_ids, place), node.ids, None if all(node.mask) else node.mask)

    def sequence(self, prompt_ids: Sequence[int], place: int) -> TokenSequence:
        """All from the prompt to a node as one response, in which what others wrote is context.

        Args:
            prompt_ids: tokens of the prompt.
            place: the node.
        """
        above = [self.nodes[each] for each in self.path(place)]
        mask = tuple(each for node in above for each in node.mask)
        ids = tuple(each for node in above for each in node.ids)
        return TokenSequence(tuple(prompt_ids), ids, None if all(mask) else mask)

    def response(self, place: int) -> Response:
        """The same as a response."""
        found = self.sequence((), place)
        return Response(self.text(place), tuple(found.response), self.nodes[place].finished, found.learned)

    def to_json(self) -> list[dict[str, Any]]:
        """The nodes as plain lists and numbers; a missing number is null."""
        plain = [asdict(node) for node in self.nodes]
        for each in plain:
            for name in ("score", "value"):
                each[name] = None if math.isnan(each[name]) else each[name]
        return plain

    @classmethod
    def from_json(cls, plain: Sequence[dict[str, Any]]) -> Tree:
        """The exact inverse of `to_json`."""
        return cls(tuple(_node(each) for each in plain))


def _node(plain: dict[str, Any]) -> Node:
    named = ("ids", "context", "learned", "logps")
    lists = {name: None if plain.get(name) is None else tuple(plain[name]) for name in named}
    numbers = {name: math.nan if plain[name] is None else plain[name] for name in ("score", "value")}
    return Node(**{**plain, **lists, **numbers})
