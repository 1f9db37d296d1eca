"""Which files data may name as images: those of their folder, of pixels alone, and not too large."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image as Pillow

from penchant.cli.app import main
from penchant.errors import DataError
from penchant.feedback import image_files, outside_files, read

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


def png(size: tuple[int, int] = (2, 2)) -> bytes:
    file = io.BytesIO()
    Pillow.new("L", size).save(file, "PNG")
    return file.getvalue()


def claimed(width: int, height: int) -> bytes:
    """A PNG file of few bytes that says it is large."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 99)))
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def data(folder: Path, *images: object) -> Path:
    """A file of demonstrations whose answers are images."""
    folder.mkdir(exist_ok=True)
    file = folder / "a.jsonl"
    file.write_text("".join(json.dumps({"prompt": "0", "image": each}) + "\n" for each in images))
    return file


@pytest.fixture
def ways_out(tmp_path: Path) -> dict[str, str]:
    """Paths from a folder of data to one image outside of it."""
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    secret = tmp_path / "secret" / "a.png"
    secret.write_bytes(png())
    (folder / "linked.png").symlink_to(secret)
    (folder / "relative.png").symlink_to("../secret/a.png")
    (folder / "folder").symlink_to(tmp_path / "secret")
    return {
        "parent": "../secret/a.png",
        "later": "deep/../../secret/a.png",
        "absolute": str(secret),
        "link": "linked.png",
        "relative link": "relative.png",
        "linked folder": "folder/a.png",
    }


def test_no_way_leads_out_of_the_folder_unless_the_caller_allows_it(tmp_path: Path, ways_out: dict[str, str]) -> None:
    for path in ways_out.values():
        for written in (path, {"path": path, "bytes": None}):
            file = data(tmp_path / "data", written)
            with pytest.raises(DataError, match=r"a.jsonl:1: The path in 'image' leaves the folder.*--allow-outside"):
                read(file)
            with outside_files():
                assert len(read(file)) == 1


def test_the_command_line_allows_it_and_a_recipe_does_not(
    tmp_path: Path, ways_out: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(data(tmp_path / "data", ways_out["link"]))
    assert main(["data", "check", file]) == 1
    assert "leaves the folder" in capsys.readouterr().err
    assert main(["data", "check", file, "--allow-outside"]) == 0
    assert main(["data", "check", file]) == 1  # for one command only
    (tmp_path / "r.yaml").write_text(f"model: m\ndata: {file}\nallow_outside: true\n")
    assert main(["train", str(tmp_path / "r.yaml"), "--dry-run"]) == 1
    assert "allow_outside" in capsys.readouterr().err.split("penchant: error:")[-1]


def test_links_inside_the_folder_and_a_linked_folder_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    file = data(folder, "link.png", str(folder / "a.png"))
    (folder / "a.png").write_bytes(png())
    (folder / "link.png").symlink_to("a.png")
    assert len(read(file)) == 2
    (tmp_path / "other").symlink_to(folder)
    assert len(read(tmp_path / "other" / "a.jsonl")) == 2


def test_paths_that_lead_nowhere_are_errors(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "pipe.png")
    for path in ("loop.png", "a\0b.png", "n" * 5000, "pipe.png", "absent.png", ".", ""):
        with pytest.raises(DataError, match=r"a.jsonl:1: The (path|file) in 'image' cannot be"):
            read(data(folder, path))
    for address in ("http://127.0.0.1:9/a.png", "https://127.0.0.1:9/a.png"):
        with pytest.raises(DataError, match="An address is not fetched"):
            read(data(folder, address))


def test_an_address_that_holds_the_image_is_read() -> None:
    written = base64.b64encode(png()).decode()
    (record,) = read([{"prompt": "0", "image": f"data:image/png;base64,{written}"}])
    assert record.completion.size == (2, 2)  # type: ignore[attr-defined]
    for bad in ("data:image/png,abc", "data:image/png;base64,***", "data:"):
        with pytest.raises(DataError, match=r"memory:1: 'image' is str, expected an image \(a data: address"):
            read([{"prompt": "0", "image": bad}])


@pytest.mark.parametrize("size", [(60_000, 60_000), (8192, 8193), (2**31 - 1, 2**31 - 1)])
def test_the_number_of_pixels_is_checked_before_they_are_asked_for(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(claimed(*size))
    with pytest.raises(DataError, match=r"a.jsonl:1: 'image' cannot be read .*pixels; the limit is 67,108,864"):
        read(data(tmp_path, "a.png"))


def test_the_number_of_bytes_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(image_files.BYTES + 1)  # a hole: nothing is written
    with pytest.raises(DataError, match=r"cannot be read .it has more than 64 MiB, the limit"):
        read(data(tmp_path, "a.png"))
    monkeypatch.setattr(image_files, "BYTES", 10)
    monkeypatch.setattr("penchant.feedback.images.BYTES", 10)
    long = "data:image/png;base64," + base64.b64encode(png()).decode()
    for value in (png(), long, {"bytes": png(), "path": None}):
        with pytest.raises(DataError, match=r"expected an image .more than 0 MiB, the limit"):
            read([{"prompt": "0", "image": value}])


def saved(folder: Path, image: object) -> Path:
    """A folder as a program that embeds no file could have written it: ``save_to_disk`` would read the paths."""
    import datasets

    kinds = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    features = datasets.Features({"prompt": datasets.Value("string"), "image": kinds})
    datasets.Dataset.from_list([{"prompt": "0", "image": image}], features=features).save_to_disk(folder / "saved")
    info = folder / "saved" / "dataset_info.json"
    written = json.loads(info.read_text())
    written["features"]["image"] = {"_type": "Image"}
    info.write_text(json.dumps(written))
    return folder / "saved"


def test_a_saved_data_set_is_not_decoded_by_its_own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.check_call", lambda *_given, **_more: pytest.fail("a program was started"))
    monkeypatch.setattr("subprocess.Popen", lambda *_given, **_more: pytest.fail("a program was started"))
    (tmp_path / "secret.png").write_bytes(png())
    assert len(read(saved(tmp_path / "1", {"bytes": png(), "path": "a.png"}))) == 1
    with pytest.raises(DataError, match="cannot be read as an image"):
        read(saved(tmp_path / "2", {"bytes": EPS, "path": "a.png"}))
    with pytest.raises(DataError, match="leaves the folder"):
        read(saved(tmp_path / "3", {"bytes": None, "path": str(tmp_path / "secret.png")}))


def test_no_format_starts_a_program() -> None:
    assert not {"EPS", "WMF", "PDF", "FITS", "IPTC", "MPEG", "GRIB", "HDF5", "BUFR"} & set(image_files.FORMATS)
    Pillow.init()
    for name in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        assert name in image_files.FORMATS and name in Pillow.OPEN
