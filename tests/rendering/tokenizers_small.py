"""Small tokenizers of every kind, built in memory."""

from __future__ import annotations

import json

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

LINES = [
    "Once upon a time there was a little girl who loved to play outside in the park.",
    "User: What do you think? Assistant: I think the answer is 42, or 43.",
    "hello world, how are you today?\n\nI am fine; thank you very much!\n",
]
WRITES_BOS_TWICE_IF_ASKED = (
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content.split('</think>')[-1] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
)


def wrap(
    backend: Tokenizer,
    *,
    bos: str | None = "<s>",
    eos: str | None = "</s>",
    adds_bos: bool = False,
    adds_eos: bool = False,
    template: str | None = None,
    specials: tuple[str, ...] = (),
) -> PreTrainedTokenizerFast:
    """A backend wrapped as a ``transformers`` tokenizer."""
    backend.add_special_tokens([AddedToken(token, special=True) for token in (bos, eos, *specials) if token])
    if adds_bos or adds_eos:
        single = (f"{bos} " if adds_bos else "") + "$A" + (f" {eos}" if adds_eos else "")
        tokens = [(token, backend.token_to_id(token)) for token in (bos, eos) if token]
        backend.post_processor = processors.TemplateProcessing(single=single, special_tokens=tokens)
    named = {name: token for name, token in (("bos_token", bos), ("eos_token", eos)) if token}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **named)
    tokenizer.chat_template = template
    return tokenizer


def byte_level(**kwargs: object) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as GPT-2 and Llama 3 have it."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        LINES, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    return wrap(backend, **kwargs)  # type: ignore[arg-type]


def metaspace(scheme: str = "always", **kwargs: object) -> PreTrainedTokenizerFast:
    """BPE with spaces as a letter, a space before every text, and byte fallback (Llama 2)."""
    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=250, show_progress=False))
    parts = json.loads(backend.to_str())
    # A trainer can only add the bytes as special tokens, and those would not be shown.
    for token in ("<unk>", *(f"<0x{byte:02X}>" for byte in range(256))):
        parts["model"]["vocab"][token] = len(parts["model"]["vocab"])
    return wrap(Tokenizer.from_str(json.dumps(parts)), **kwargs)  # type: ignore[arg-type]


def words(**kwargs: object) -> PreTrainedTokenizerFast:
    """Whole words only."""
    known = sorted({word for line in LINES for word in line.replace("?", " ?").split()})
    backend = Tokenizer(
        models.WordLevel({"[UNK]": 0, **{word: at for at, word in enumerate(known, 1)}}, unk_token="[UNK]")
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return wrap(backend, **kwargs)  # type: ignore[arg-type]
