"""Fills in, when the documentation is built, what the program itself knows best: recipe keys, command help, layouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KEYS = "<!-- recipe keys: written here when the documentation is built -->"
ANSWERS = "<!-- keys of other libraries: written here when the documentation is built -->"
MEMORY = "<!-- memory by model size: written here when the documentation is built -->"
HELP = "<!-- command help: written here when the documentation is built -->"
LAYOUTS = "<!-- layouts: written here when the documentation is built -->"


def on_page_markdown(markdown: str, **_page: Any) -> str:
    """Replace the marks of a page."""
    if KEYS in markdown:
        markdown = markdown.replace(KEYS, "\n".join(_recipe_rows()))
    if ANSWERS in markdown:
        markdown = markdown.replace(ANSWERS, "\n".join(_answer_rows()))
    if MEMORY in markdown:
        markdown = markdown.replace(MEMORY, "\n".join(_memory_rows()))
    if HELP in markdown:
        markdown = markdown.replace(HELP, "\n\n".join(_command_sections()))
    if LAYOUTS in markdown:
        markdown = markdown.replace(LAYOUTS, "\n".join(_layout_rows()))
    return markdown


def _recipe_rows() -> Iterator[str]:
    from penchant.training.key_help import grouped_keys

    for title, keys in grouped_keys():
        yield from (f"### {title}", "", "| key | default | meaning |", "| --- | --- | --- |")
        for key in keys:
            default = f"`{key.default}`" if key.default and key.default != "required" else key.default
            yield f"| `{key.name}` | {default} | {_cell(key.meaning)} |"
        yield ""


def _answer_rows() -> Iterator[str]:
    from penchant.training.coming_from.answers import answers_of

    tables = {
        "TRL": ("trl",),
        "LLaMA-Factory": ("llama_factory",),
        "axolotl": ("axolotl",),
        "TrainingArguments of transformers, which TRL and LLaMA-Factory share": ("transformers",),
    }
    for title, names in tables.items():
        yield from (f"## {title}", "", "| key | here | remark |", "| --- | --- | --- |")
        for name in names:
            for key, answer in sorted(answers_of(name).items()):
                ours = ", ".join(f"`{each}`" for each in answer.ours) or "—"
                yield f"| `{key}` | {ours} | {_cell(answer.note)} |"
        yield ""


def _memory_rows() -> Iterator[str]:
    from penchant.modalities.memory import ModelSize, table
    from penchant.training import make_recipe

    sizes = {
        "0.5 B": ModelSize(494_032_768, 896, 24, 4864, 896, 128, 151936, _linears(896, 4864, 128, 24), 2),
        "1.5 B": ModelSize(1_543_714_304, 1536, 28, 8960, 1536, 256, 151936, _linears(1536, 8960, 256, 28), 2),
        "3 B": ModelSize(3_212_749_824, 3072, 28, 8192, 3072, 1024, 128256, _linears(3072, 8192, 1024, 28), 2),
        "8 B": ModelSize(8_030_261_248, 4096, 32, 14336, 4096, 1024, 128256, _linears(4096, 14336, 1024, 32), 2),
        "14 B": ModelSize(14_770_033_664, 5120, 48, 13824, 5120, 1024, 152064, _linears(5120, 13824, 1024, 48), 2),
        "32 B": ModelSize(32_763_876_352, 5120, 64, 27648, 5120, 1024, 152064, _linears(5120, 27648, 1024, 64), 2),
        "70 B": ModelSize(70_553_706_496, 8192, 80, 28672, 8192, 1024, 128256, _linears(8192, 28672, 1024, 80), 2),
    }
    shared = {"model": "m", "data": "d", "precision": "bfloat16", "gradient_checkpointing": True}
    full, cached = make_recipe(shared), make_recipe({**shared, "reference": "cached"})
    lora, qlora = make_recipe({**shared, "lora": True}), make_recipe({**shared, "lora": {"quantize": "4bit"}})
    columns = [
        ("all weights", full, True, 1),
        ("all weights, cached reference", cached, False, 1),
        ("all weights, 8 processes", full, True, 8),
        ("LoRA", lora, False, 1),
        ("QLoRA", qlora, False, 1),
    ]
    yield f"| model | {' | '.join(name for name, *_ in columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for row in table(sizes, columns, 4096):
        yield f"| {' | '.join(row)} |"


def _linears(hidden: int, inner: int, keys: int, layers: int) -> tuple[tuple[int, int], ...]:
    """The linear layers of a model of the Llama family."""
    layer = [(hidden, hidden), (hidden, keys), (hidden, keys), (hidden, hidden)]
    return (*layer, (hidden, inner), (hidden, inner), (inner, hidden)) * layers


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|")


def _layout_rows() -> Iterator[str]:
    from penchant.feedback.known.table import LAYOUTS

    yield "| layout | used by | columns | read as |"
    yield "| --- | --- | --- | --- |"
    for layout in LAYOUTS:
        says = "" if "{prompt}" in layout.says else layout.says  # the columns say which is the prompt
        kind = f"{layout.kind}; {says}" if says else layout.kind
        yield f"| {layout.name} | {layout.used_by} | {layout.columns} | {kind} |"


def _command_sections() -> Iterator[str]:
    import typer

    from penchant.cli.app import app

    root: Any = typer.main.get_command(app)
    yield from _sections(root, "penchant")


def _sections(command: Any, path: str) -> Iterator[str]:
    context = command.make_context(path, ["--help"], resilient_parsing=True)
    if path != "penchant":
        yield f"## {path}\n\n```text\n{command.get_help(context).strip()}\n```"
    if hasattr(command, "list_commands"):  # a group; that of the builders makes its commands when it is asked
        for name in sorted(command.list_commands(context)):
            yield from _sections(command.get_command(context, name), f"{path} {name}")
