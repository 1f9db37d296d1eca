"""`memory_of`: the memory that training a causal language model takes, by purpose, from its configuration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Memory", "ModelSize", "memory_of", "optimizer_bytes"]

MIB = 2**20

# Logits of the tokens that are scored are held whole up to this size, else in chunks (`penchant.likelihood.head`):
# logits, their log-softmax and the gradient.
WHOLE_LOGITS, CHUNK_LOGITS, LOGITS_COPIES = 256 * MIB, 64 * MIB, 3

# Tokens of a forward pass without gradient (`CausalScorer.measured_at_once`).
MEASURED_AT_ONCE = 8192

# On a CPU the C library keeps temporaries in the heap: a freed aligned block is too small for an aligned request of the
# same size. An adapter makes more temporaries (the base output, two products, a scaled sum) for the same saved tensors.
# What does not grow with the tokens comes on top.
CPU_HEAP, CPU_HEAP_ADAPTER = 1.2, 1.8
CPU_HEAP_ALWAYS = 30 * MIB
# With checkpointing one layer's activations are there at a time, and every layer leaves holes around its checkpoint: as
# shares of what a layer keeps. Fitted to the peaks of three models (`benchmarks.memory_plan`).
CPU_HEAP_LAYER, CPU_HEAP_HOLES = 1.1, 0.42

# NF4 with nested quantization: half a byte, and the constants of each block of 64.
FOUR_BIT = 0.5 + 0.127 / 8


@dataclass(frozen=True)
class ModelSize:
    """The sizes of a causal language model that decide its memory.

    Args:
        parameters: number of weights.
        hidden: size of the hidden states.
        layers: number of layers.
        inner: size of the MLP's inner layer that a token passes through (of all its experts).
        queries: total size of the queries.
        keys: total size of the keys, as of the values.
        vocabulary: number of tokens.
        linears: input and output size of every linear layer but the output head.
        stored: bytes of a weight in the model's files.
    """

    parameters: int
    hidden: int
    layers: int
    inner: int
    queries: int
    keys: int
    vocabulary: int
    linears: tuple[tuple[int, int], ...] = ()
    stored: int = 4

    @classmethod
    def of(cls, model: Any) -> ModelSize:
        """The sizes of a model, which may lie on the meta device.

        Args:
            model: a causal language model of transformers.
        """
        config = model.config.get_text_config()
        heads = int(getattr(config, "num_attention_heads", 1))
        width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
        inner = int(getattr(config, "moe_intermediate_size", None) or getattr(config, "intermediate_size", None) or 0)
        experts = int(getattr(config, "num_experts_per_tok", None) or 1)
        head = model.get_output_embeddings()
        linears = tuple(
            (int(module.in_features), int(module.out_features))
            for module in model.modules()
            if hasattr(module, "in_features") and hasattr(module, "out_features") and module is not head
        )
        dtype = getattr(model.config, "dtype", None)
        return cls(
            parameters=sum(each.numel() for each in model.parameters()),
            hidden=int(config.hidden_size),
            layers=int(config.num_hidden_layers),
            inner=(inner or 4 * int(config.hidden_size)) * experts,
            queries=heads * width,
            keys=int(getattr(config, "num_key_value_heads", None) or heads) * width,
            vocabulary=int(config.vocab_size),
            linears=linears,
            stored=2 if any(name in str(dtype) for name in ("bfloat16", "float16")) else 4,
        )


@dataclass(frozen=True)
class Memory:
    """Memory by purpose, bytes on one device.

    Args:
        weights: the policy's weights, with float32 masters where it has them.
        gradients: of the trained weights.
        optimizer: the optimizer's state.
        reference: the frozen copy, if the run has one.
        activations: what forward keeps for backward, for the largest micro-batch.
        logits: logits of the tokens that are scored at once.
        measuring: what a forward pass without gradient holds; not at the same time as the two before.
        copies: weights that are cast for the arithmetic, or gathered from other processes.
        at_logits: activations that are there while the logits are: all, or with checkpointing the checkpoints.
        beforehand: a cached reference that leaves the memory before the policy is loaded, with what measuring it holds.
    """

    weights: float
    gradients: float
    optimizer: float
    reference: float
    activations: float
    logits: float
    measuring: float
    copies: float
    at_logits: float
    beforehand: float = 0.0

    @property
    def total(self) -> float:
        """The peak, bytes: what always stays, and the larger of training and measuring."""
        kept = self.weights + self.gradients + self.optimizer + self.reference + self.copies
        return max(kept + max(self.activations, self.at_logits + self.logits, self.measuring), self.beforehand)

    @property
    def parts(self) -> dict[str, float]:
        """Bytes by purpose, without those that are 0."""
        return {name: value for name, value in vars(self).items() if value and name != "at_logits"}


def optimizer_bytes(name: str) -> float:
    """Bytes of state of a trained weight.

    Args:
        name: an optimizer as named in transformers.

    Example:
        >>> optimizer_bytes("adamw_torch_fused"), optimizer_bytes("adamw_bnb_8bit"), optimizer_bytes("sgd")
        (8.0, 2.0, 0.0)
    """
    numbers = 2.0
    if "ademamix" in name:
        numbers = 3.0
    elif any(word in name for word in ("lion", "rmsprop", "adagrad")):
        numbers = 1.0
    elif any(word in name for word in ("sgd", "adafactor", "lomo")):
        numbers = 0.0 if "schedule_free" not in name else 1.0
    width = 1.0 if "8bit" in name else 0.5 if "4bit" in name else 4.0
    return numbers * width


def memory_of(
    size: ModelSize,
    settings: Any,
    tokens: int,
    *,
    reference: bool,
    cpu: bool,
    scored: int | None = None,
    measured: int = 0,
    processes: int = 1,
    precision: str | None = None,
    rank: int | None = None,
    other: ModelSize | None = None,
) -> Memory:
    """The memory of a run on one device.

    Args:
        size: the model.
        settings: the run's recipe.
        tokens: tokens of the largest micro-batch of a process.
        reference: whether a frozen copy of the model is kept beside it.
        cpu: whether the run is on a CPU, whose C library keeps freed memory.
        scored: tokens of it whose logits are computed; all, if not given.
        measured: number of tokens that are measured without gradient, if any.
        processes: processes that weights, gradients and optimizer are sharded over (FSDP2, ZeRO-3); 1 for none.
        precision: number type of the forward pass under autocast; the recipe's if not given.
        rank: rank of the adapter that is trained; that of the recipe's ``lora`` if not given.
        other: a reference that is another model, kept or (``cached``) released before the policy is loaded.

    Example:
        >>> from types import SimpleNamespace
        >>> recipe = SimpleNamespace(precision=None, lora=None, optimizer="adamw_torch", gradient_checkpointing=True)
        >>> llama = ModelSize(8_030_261_248, 4096, 32, 14336, 4096, 1024, 128256)
        >>> found = memory_of(llama, recipe, 4096, reference=True, cpu=False)
        >>> round(found.weights / 2**30), round(found.optimizer / 2**30), round(found.total / 2**30)
        (30, 60, 153)
    """
    half = (precision or settings.precision) in ("bfloat16", "float16")
    rank = settings.lora.rank if rank is None and settings.lora is not None else rank
    adapter = rank is not None
    weight = _weight_bytes(size, settings, adapter)
    trained = size.parameters if rank is None else _adapter_parameters(size, rank)
    at_once, width = min(measured, MEASURED_AT_ONCE), 2 if half else 4
    beside, beforehand = _other_bytes(other, settings, at_once, width)
    heap = (CPU_HEAP_ADAPTER if adapter else CPU_HEAP) if cpu else 0.0
    activations, at_logits = _activations(size, settings, tokens, half, heap)
    rows = (tokens if scored is None else scored) * size.vocabulary * 4
    return Memory(
        weights=(weight * size.parameters + (4 * trained if adapter else 0)) / processes,
        gradients=trained * (4.0 if adapter else weight) / processes,
        optimizer=trained * optimizer_bytes(settings.optimizer) * (1.0 if adapter else weight / 4) / processes,
        reference=((size.stored * size.parameters if reference else 0.0) + beside) / processes,
        activations=activations + CPU_HEAP_ALWAYS * cpu,
        at_logits=at_logits + CPU_HEAP_ALWAYS * cpu,
        logits=float(LOGITS_COPIES * (rows if rows <= WHOLE_LOGITS else CHUNK_LOGITS)),
        measuring=_measuring(size, at_once, width),
        copies=(2.0 * size.parameters / processes if half and weight == 4 else 0.0)
        + (2 * size.parameters / max(1, size.layers) * weight if processes > 1 else 0.0),
        beforehand=beforehand,
    )


def _other_bytes(other: ModelSize | None, settings: Any, tokens: int, width: int) -> tuple[float, float]:
    """Bytes of a reference that is another model: beside the policy, and before the policy is loaded."""
    if other is None:
        return 0.0, 0.0
    weights = float(other.stored * other.parameters)
    if not settings.reference.cached:
        return weights, 0.0
    return 0.0, weights + _measuring(other, tokens, width)


def _weight_bytes(size: ModelSize, settings: Any, adapter: bool) -> float:
    """Bytes of a weight of the policy in memory."""
    if adapter:
        return FOUR_BIT if settings.lora is not None and settings.lora.quantize else size.stored
    # Trained weights that are stored in 16 bits are kept as float32 masters, unless the recipe keeps them as stored.
    return 4 if getattr(settings, "weights", "stored") != "stored" else size.stored


def _adapter_parameters(size: ModelSize, rank: int) -> int:
    """Number of weights of an adapter on every linear layer; a list of targets is at most that."""
    return rank * sum(first + second for first, second in size.linears)


def _activations(size: ModelSize, settings: Any, tokens: int, half: bool, heap: float) -> tuple[float, float]:
    """What forward keeps for backward, bytes: at most, and while the logits are there.

    ``heap`` is the share of the C library's heap on a CPU, 0 elsewhere.

    A layer keeps, for each token: the residual stream and its normalised form, twice, with what the projections read
    (7 hidden states); queries before and after rotation, and the attention's output (3); keys and values, which every
    branch of the forest holds with those of its prompt (2 each); gate, its activation, up and product (4 inner).
    """
    wide = 4 * size.hidden  # residual stream and norms stay in float32
    narrow = 3 * size.hidden + 3 * size.queries + 4 * size.keys + 4 * size.inner
    width = 2 if half or (size.stored == 2 and getattr(settings, "weights", "stored") == "stored") else 4
    layer = tokens * (wide * 4 + narrow * width)
    if not settings.gradient_checkpointing:
        whole = float(size.layers * layer) * (heap or 1.0)
        return whole, whole
    checkpoints = float(size.layers * tokens * size.hidden * 4)
    if heap:
        return (CPU_HEAP_LAYER + CPU_HEAP_HOLES * size.layers) * layer, checkpoints
    return checkpoints + layer, checkpoints


def _measuring(size: ModelSize, tokens: int, width: int) -> float:
    """What a forward pass without gradient holds at most: one layer's MLP, and the residual stream."""
    return float(tokens * (3 * size.hidden + 3 * size.inner) * width)


def table(sizes: dict[str, ModelSize], settings: Iterable[tuple[str, Any, bool, int]], tokens: int) -> list[list[str]]:
    """Rows of GiB by model and setting, for the documentation.

    Args:
        sizes: models by name.
        settings: for each column its name, the recipe, whether a frozen reference is kept, and the sharding processes.
        tokens: tokens of a micro-batch of one process.
    """
    chosen = list(settings)
    return [
        [
            name,
            *(
                f"{memory_of(size, recipe, tokens, reference=kept, cpu=False, processes=processes).total / 2**30:.0f}"
                for _, recipe, kept, processes in chosen
            ),
        ]
        for name, size in sizes.items()
    ]
