"""`TokenCache`, the tokens of large data in a folder that later runs read."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.views.view import find_view
from penchant.forest.encoding import Encoder
from penchant.forest.example import EncodedData
from penchant.forest.large import encode_large
from penchant.forest.record_encoder import RecordEncoder
from penchant.forest.stored import StoredExamples
from penchant.rendering.renderer import Renderer
from penchant.rendering.truncation import CutTable

__all__ = ["TokenCache", "encode_cached", "token_key"]

log = logging.getLogger("penchant")

#: The layout of an entry.
FORMAT = 1
#: Seconds after which nobody works on a draft any more.
STALE = 7 * 24 * 3600
#: What decides about tokens, as source files of the package.
CODE = ("feedback", "forest", "rendering")


class TokenCache:
    """Encoded data by their key, a folder each.

    An entry is written beside the others and renamed when it is whole, so that many runs share the folder; one that
    cannot be written is read. Each file of an entry is compared with its hash; a damaged entry is made again.

    Args:
        folder: where the entries are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> EncodedData | None:
        """The encoded data of a key; None if there are none, or a file of them is damaged.

        Args:
            key: of `token_key`.
        """
        entry = self.folder / key[:32]
        if not (entry / "entry.json").is_file():
            return None
        try:
            told = json.loads((entry / "entry.json").read_text(encoding="utf-8"))
            damaged = _damage(entry, told, key)
            if damaged is None:
                return _encoded(entry, told)
        except (OSError, ValueError, KeyError, TypeError) as error:
            damaged = f"entry.json ({error})"
        log.warning("The kept tokens in %s are damaged: %s. The data are encoded again.", entry, damaged)
        return None

    def draft(self) -> Path | None:
        """A folder for the files of a new entry; None if none can be made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(".draft-*"):  # by a run that was killed
                if time.time() - left.stat().st_mtime > STALE:
                    shutil.rmtree(left, ignore_errors=True)
            return Path(tempfile.mkdtemp(prefix=".draft-", dir=self.folder))
        except OSError as error:
            log.info("Tokens are not kept for later runs: %s cannot be written (%s).", self.folder, error.strerror)
            return None

    def keep(self, key: str, draft: Path, data: EncodedData, names: Sequence[str]) -> None:
        """Make an entry of the files in a draft; an entry that another run has made in the meantime is kept.

        Args:
            key: of `token_key`.
            draft: a folder of `draft`, which is renamed or deleted.
            data: what was encoded.
            names: the files of examples in the draft, in order.
        """
        entry = self.folder / key[:32]
        try:
            np.save(draft / "records.npy", np.asarray(data.records, np.uint32))
            files = {name: _hash(draft / name) for name in (*names, "records.npy")}
            told = {"format": FORMAT, "key": key, "examples": list(names), "files": files, "cut": _cut(data.cut)}
            (draft / "entry.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
            for path in draft.iterdir():
                _synced(path)
            if entry.exists() and self._is_whole(entry, key):
                return
            shutil.rmtree(entry, ignore_errors=True)
            os.replace(draft, entry)
        except OSError as error:
            log.info("The tokens are not kept for later runs: %s.", error.strerror or error)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _is_whole(self, entry: Path, key: str) -> bool:
        try:
            told = json.loads((entry / "entry.json").read_text(encoding="utf-8"))
            return _damage(entry, told, key) is None
        except (OSError, ValueError, KeyError, TypeError):
            return False


def _damage(entry: Path, told: dict[str, Any], key: str) -> str | None:
    """The file of an entry that is not what it was, or None."""
    if told["format"] != FORMAT or told["key"] != key:
        return "entry.json names other data"
    return next((name for name, digest in told["files"].items() if _hash(entry / name) != digest), None)


def _encoded(entry: Path, told: dict[str, Any]) -> EncodedData:
    counts = dict(told["cut"])
    counts["dropped_because"] = Counter(counts["dropped_because"])
    counts["refused"] = [DataError(**each) for each in counts["refused"]]
    records: list[int] = np.load(entry / "records.npy").tolist()
    return EncodedData(StoredExamples([entry / name for name in told["examples"]]), CutTable(**counts), records)


def _cut(cut: CutTable) -> dict[str, Any]:
    refused = [{name: getattr(each, name) for name in ("what", "where", "why", "fix")} for each in cut.refused]
    return {**vars(cut), "refused": refused}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def encode_cached(
    encoder: RecordEncoder, feedback: Feedback, folder: Path, progress: Callable[[int], None] | None = None
) -> EncodedData:
    """Encode records as `encode_large` does, or read what an earlier run encoded.

    Args:
        encoder: an encoder of text.
        feedback: the records.
        folder: of the cache; if it cannot be written, the tokens are kept until the process ends.
        progress: called with the number of encoded records.

    Raises:
        DataError: as for `RecordEncoder.encode`.
    """
    key, kept = token_key(encoder, feedback), TokenCache(folder)
    if key is not None and (found := kept.read(key)) is not None:
        log.info("The tokens of %s are those that an earlier run kept in %s.", feedback.name, folder)
        if progress is not None:
            progress(len(feedback))
        return found
    draft = None if key is None else kept.draft()
    if key is None or draft is None:
        return encode_large(encoder, feedback.records, progress)
    try:
        data = encode_large(encoder, feedback.records, progress, folder=draft)
        kept.keep(key, draft, data, sorted(path.name for path in draft.glob("tokens-*.arrow")))
        return data
    except OSError as error:
        log.info("The tokens are not kept for later runs: %s.", error.strerror or error)
        return encode_large(encoder, feedback.records, progress)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def token_key(encoder: RecordEncoder, feedback: Feedback) -> str | None:
    """SHA-256 of all that the tokens depend on: data, tokenizer, template, settings, and the code between them.

    Args:
        encoder: encodes the records.
        feedback: the records.

    Returns:
        None where that cannot be known: a tokenizer without a description of itself, or a view from outside of the
        package.
    """
    if not isinstance(encoder, Encoder):
        return None
    rendering = _rendering(encoder.renderer)
    if rendering is None or any(not _is_ours(name) for name in encoder.views):
        return None
    truncation = encoder.truncation
    told = {
        "format": FORMAT,
        "code": _code(),
        "data": feedback.fingerprint,
        "places": _places(feedback),
        "rendering": rendering,
        "views": encoder.views,
        "fields": encoder.fields,
        "optional": sorted(encoder.optional),
        "truncation": [truncation.max_length, truncation.policy],
        "on_bad": encoder.on_bad,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _rendering(renderer: Renderer) -> list[Any] | None:
    """What the renderer makes tokens with, or None if its tokenizer cannot say so."""
    import tokenizers
    import transformers

    tokenizer = renderer.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or not type(tokenizer).__module__.startswith("transformers."):
        return None
    described = [backend.to_str(), type(tokenizer).__name__, str(tokenizer.special_tokens_map)]
    ends = [renderer.end_id(""), renderer.end_id([])]
    chat = [renderer.chat_template, repr(renderer.chat.arguments), renderer.as_chat]
    if "strftime_now" in (renderer.chat_template or ""):
        chat.append(str(date.today()))  # the template writes it
    return [*described, *ends, *chat, tokenizers.__version__, transformers.__version__]


def _is_ours(name: str) -> bool:
    """Whether a view is made by the package, whose code is part of the key."""
    return str(find_view(name).texts.__module__).startswith("penchant.")


def _places(feedback: Feedback) -> str:
    """A hash of file and line of every record, which examples repeat in errors."""
    digest = hashlib.sha256()
    for part in _joined(feedback):
        digest.update(part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _joined(feedback: Feedback, count: int = 1000) -> Iterator[str]:
    """File and line of every record, many at once."""
    waiting: list[str] = []
    for record in feedback:
        waiting.append(f"{record.source.file}:{record.source.line}\n")
        if len(waiting) >= count:
            yield "".join(waiting)
            waiting.clear()
    yield "".join(waiting)


@cache
def _code() -> str:
    """A hash of the source files that make tokens of records."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for name in CODE for path in (root / name).rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()
