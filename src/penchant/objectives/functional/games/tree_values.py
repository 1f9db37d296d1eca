"""Values of a search tree: what visits, steps and their likelihood say about each node."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["TreeNode", "back_propagate", "label_smoothing_of_visits", "prior_of", "puct", "ranked_children", "tree_of"]


@dataclass
class TreeNode:
    """A node of a search tree: a step of a response.

    Args:
        value: its evaluation, any unit; the reward of the step is this less the parent's.
        token_logps: log-probabilities of its tokens under the policy, nats; empty for the root.
        parent: None for the root.
        visits: N, how often a search has passed through it.
        v: V, the mean Q of its children, weighted by visits.
        q: Q, the reward of the step and γ V.
    """

    value: float
    token_logps: Sequence[float] = ()
    parent: TreeNode | None = None
    children: list[TreeNode] = field(default_factory=list)
    visits: int = 0
    v: float = 0.0
    q: float = 0.0

    def __post_init__(self) -> None:
        self.q = self.reward if self.parent is None else self.parent.v + self.reward
        if self.parent is not None:
            self.parent.children.append(self)

    @property
    def reward(self) -> float:
        """What the step has gained: its value less that of its parent."""
        return self.value - (self.parent.value if self.parent is not None else 0.0)

    @property
    def path(self) -> list[TreeNode]:
        """The nodes from the root to this one."""
        return [self] if self.parent is None else [*self.parent.path, self]


def tree_of(root_value: float, nodes: Sequence[Mapping[str, object]], root: object = 0) -> dict[object, TreeNode]:
    """A tree from rows with ``id``, ``parent``, ``value`` and ``token_logps``, parents before their children.

    Args:
        root_value: the evaluation of the root.
        nodes: the rows, without the root.
        root: the id of the root.

    Returns:
        The nodes by id, the root first.

    Example:
        >>> found = tree_of(0.0, [{"id": 1, "parent": 0, "value": 0.5, "token_logps": [-1.0]}])
        >>> found[1].q
        0.5
    """
    found = {root: TreeNode(root_value)}
    for row in nodes:
        value, logps = row["value"], row["token_logps"]
        assert isinstance(value, float | int) and isinstance(logps, Sequence)
        found[row["id"]] = TreeNode(value, logps, found[row["parent"]])
    return found


def back_propagate(
    leaf: TreeNode, gamma: float = 1.0, *, root_twice: bool = False, top: TreeNode | None = None
) -> None:
    """Count a visit of a leaf, and update the values of its ancestors.

    N += 1 on the path,   Q_leaf = r + γ V,   V = Σ_c max(1, N_c) Q_c / Σ_c max(1, N_c),   Q = r + γ V

    Args:
        leaf: where the search ended.
        gamma: discount of later steps.
        root_twice: count the root twice, as the published code of MCTS-DPO does where a search starts.
        top: where the search started, above which nothing changes; the root by default.

    Example:
        >>> root = TreeNode(0.0)
        >>> good, bad = TreeNode(1.0, (), root), TreeNode(-1.0, (), root)
        >>> back_propagate(good)
        >>> back_propagate(good)
        >>> root.visits, good.q, round(root.v, 4)
        (2, 1.0, 0.3333)

    Reference:
        Xie et al. (2024), Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning, section 3.1.
    """
    path = leaf.path
    if top is not None:
        path = path[next(place for place, node in enumerate(path) if node is top) :]
    path[0].visits += root_twice
    leaf.q = leaf.reward + gamma * leaf.v
    leaf.visits += 1
    for node in reversed(path[:-1]):
        counts = [max(1, child.visits) for child in node.children]
        node.v = sum(count * child.q for count, child in zip(counts, node.children, strict=True)) / sum(counts)
        node.visits += 1
        if node.parent is not None:
            node.q = node.reward + gamma * node.v


def prior_of(node: TreeNode, length_penalty: float = 1.25) -> float:
    """How likely the policy finds a step: exp(Σ_t log π_t / T^penalty).

    Args:
        node: with at least one token.
        length_penalty: exponent of the number of tokens; 1 gives the geometric mean.

    Example:
        >>> prior_of(TreeNode(0.0, [0.0, 0.0]))
        1.0

    Reference:
        Xie et al. (2024), Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning, section 3.1.
    """
    return math.exp(sum(node.token_logps) / len(node.token_logps) ** length_penalty)


def puct(node: TreeNode, exploration: float = 1.0, length_penalty: float = 1.25) -> float:
    """The score by which a search chooses among children: Q + w · prior · √N_parent / (1 + N).

    Args:
        node: any but the root.
        exploration: w.
        length_penalty: see `prior_of`.

    Example:
        >>> puct(TreeNode(1.0, [0.0], TreeNode(0.0)))
        1.0

    Reference:
        Xie et al. (2024), Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning, eq. 2.
    """
    assert node.parent is not None
    lead = exploration * prior_of(node, length_penalty) * math.sqrt(node.parent.visits)
    return node.q + lead / (1 + node.visits)


def ranked_children(node: TreeNode) -> list[TreeNode]:
    """The children from worst to best: by share of visits, then Q, then what the step gained, then value.

    Example:
        >>> root = TreeNode(0.0)
        >>> first, second = TreeNode(0.2, (), root), TreeNode(0.1, (), root)
        >>> ranked_children(root)[-1] is first
        True
    """
    return sorted(node.children, key=lambda each: (each.visits, each.q, each.reward, each.value))


def label_smoothing_of_visits(chosen: int, rejected: int) -> float:
    """The label smoothing of a pair of steps: ε = min(1 − 1 / (1 + N_rejected / max(1, N_chosen)), ½).

    Args:
        chosen: visits of the chosen step.
        rejected: visits of the rejected step.

    Returns:
        0 if the rejected step was never visited, ½ if it was visited as often as the chosen one.

    Example:
        >>> round(label_smoothing_of_visits(15, 10), 6), label_smoothing_of_visits(3, 0)
        (0.4, 0.0)

    Reference:
        Xie et al. (2024), Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning, eq. 6.
    """
    return min(1 - 1 / (1 + rejected / max(1, chosen)), 0.5)
