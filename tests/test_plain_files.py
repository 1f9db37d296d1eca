"""What stands at a path: pipes, devices, circles of links and endless names are said, and never waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.files import sound_rows
from penchant.plain_files import readable_text, usable
from penchant.rendering.templates import choose_template
from penchant.training.recipe_keys import read_keys

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def test_pipes_devices_and_sockets_are_neither_recipe_nor_data_nor_template(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        for name in ("pipe", "zero", "socket"):
            for read in (read_keys, sound_rows, lambda path: choose_template(str(path), None)):
                with pytest.raises((ConfigurationError, DataError), match="pipe or a device"):
                    read(tmp_path / name)


def test_a_circle_of_links_a_long_name_and_nul(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(DataError, match=r"links|levels of symbolic links|no such file|cannot be read"):
        readable_text(tmp_path / "a", DataError, "recipe")
    with pytest.raises(DataError, match=r"a\.\.\. \(\d+ characters\): The path cannot be used \(File name too long\)"):
        usable(Path("a" * 300), DataError)
    with pytest.raises(DataError, match="NUL"):
        usable(Path("a\x00b"), DataError)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_recipe_in_another_encoding_is_said(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes("model: é".encode(encoding))
    with pytest.raises(ConfigurationError, match=r"r\.yaml: The recipe is not UTF-8 text: byte 0x"):
        read_keys(tmp_path / "r.yaml")
