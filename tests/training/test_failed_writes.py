"""What a failed write of any library becomes: one error that names the folder, the reason and the way on."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from penchant.errors import OutputError
from penchant.training.checkpoints import output_errors


@pytest.mark.parametrize(
    ("error", "reason", "fix"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device", "Free disk space"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "Input/output error", "when the disk can be written again"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "Read-only file system", "when the disk can be written again"),
        (RuntimeError("basic_ios::clear: iostream error"), "the disk is full or failing", "Free disk space"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 5312 vs 5204"),
            "the disk is full or failing",
            "Free disk space",
        ),
        (Exception("Input/output error (os error 5)"), "Input/output error", "when the disk can be written again"),
    ],
    ids=["full", "failing", "read-only", "stream of C++", "archive of torch", "tokenizers in Rust"],
)
def test_a_failed_write_is_said_in_our_words(error: Exception, reason: str, fix: str, tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=f"run could not be written .*{reason}") as caught,
        output_errors(tmp_path / "run"),
    ):
        raise error
    said = str(caught.value)
    assert fix in said and "--resume" in said
    assert "inline_container" not in said and "basic_ios" not in said


def test_another_error_of_torch_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"), output_errors(tmp_path):
        raise RuntimeError("shapes do not fit")
