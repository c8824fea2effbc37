"""Image files: parsing, refusal of wrong content, the message when they are absent, and the download itself."""

from __future__ import annotations

import gzip
import threading
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from inner.tasks import _download
from inner.tasks._download import DataMissing, Source
from inner.tasks._images import area_pool


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def idx_bytes(values: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([values.ndim]) + np.array(values.shape, dtype=">u4").tobytes() + values.tobytes()


IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
CONTENT = idx_bytes(IMAGES)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, an empty cache, and one data set 'tiny' with a single file."""
    monkeypatch.setenv("METALEARN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    use(monkeypatch)
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> None:
    source = Source(mirrors, {"tiny-idx3-ubyte.gz": sha256(CONTENT).hexdigest()})
    monkeypatch.setattr(_download, "SOURCES", {"tiny": source})


def put(folder: Path, content: bytes, zipped: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A mirror on this machine: its address and the folder that it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", folder
        running.shutdown()
        thread.join()


def test_idx_files_are_parsed() -> None:
    assert np.array_equal(_download.idx(CONTENT), IMAGES)
    assert np.array_equal(_download.idx(idx_bytes(np.array([7, 250], dtype=np.uint8))), [7, 250])


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x0d\x01\0\0\0\x01\x05", CONTENT[:-1], CONTENT + b"x"])
def test_what_is_no_idx_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="^idx: expected"):
        _download.idx(content)


def test_a_file_is_read_from_the_own_folder_first_whatever_its_gzip_header(home: Path) -> None:
    put(home / "cache" / "metalearn" / "tiny", b"other content")
    path = put(home / "data" / "tiny", CONTENT)
    path.write_bytes(gzip.compress(CONTENT, compresslevel=1, mtime=12345))
    assert np.array_equal(_download.read("tiny", path.name)["x"], IMAGES)


def test_the_cache_is_read_when_the_own_folder_lacks_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / "cache" / "metalearn" / "tiny", CONTENT)
    assert np.array_equal(_download.read("tiny", "tiny-idx3-ubyte.gz")["x"], IMAGES)
    monkeypatch.delenv("METALEARN_DATA")
    assert np.array_equal(_download.read("tiny", "tiny-idx3-ubyte.gz")["x"], IMAGES)


def test_an_absent_data_set_names_the_command_in_one_line(home: Path) -> None:
    with pytest.raises(DataMissing, match="^[^\n]*`python -m inner.tasks._download tiny`[^\n]*METALEARN_DATA[^\n]*$"):
        _download.read("tiny", "tiny-idx3-ubyte.gz")


def test_other_content_is_refused(home: Path) -> None:
    put(home / "data" / "tiny", idx_bytes(IMAGES + 1))
    with pytest.raises(ValueError, match="is refused: expected sha256") as refused:
        _download.read("tiny", "tiny-idx3-ubyte.gz")
    assert not isinstance(refused.value, DataMissing)  # a test must not skip over a forged file


@pytest.mark.parametrize(
    "content", [b"no gzip at all", gzip.compress(CONTENT)[:-9], b""], ids=["no gzip", "cut off", "empty"]
)
def test_a_damaged_file_is_refused(home: Path, content: bytes) -> None:
    put(home / "data" / "tiny", content, zipped=False)
    with pytest.raises(ValueError, match="^data: [^\n]*(is damaged|is refused)[^\n]*$"):
        _download.read("tiny", "tiny-idx3-ubyte.gz")


def test_download_and_read(home: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    put(server[1], CONTENT)
    use(monkeypatch, server[0])
    assert _download.main(["tiny"]) == 0
    assert [path.name for path in (home / "data" / "tiny").iterdir()] == ["tiny-idx3-ubyte.gz"]  # nothing left behind
    assert np.array_equal(_download.read("tiny", "tiny-idx3-ubyte.gz")["x"], IMAGES)
    (server[1] / "tiny-idx3-ubyte.gz").unlink()
    assert _download.main(["tiny"]) == 0  # what is there is not fetched again


def test_the_next_mirror_is_tried(home: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    put(server[1] / "good", CONTENT)
    put(server[1] / "forged", idx_bytes(IMAGES + 1))
    use(monkeypatch, server[0] + "absent/", server[0] + "forged/", server[0] + "good/")
    assert _download.download("tiny") == home / "data" / "tiny"
    assert np.array_equal(_download.read("tiny", "tiny-idx3-ubyte.gz")["x"], IMAGES)


def test_forged_downloads_are_not_kept(
    home: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(server[1], idx_bytes(IMAGES + 1))
    use(monkeypatch, server[0])
    assert _download.main(["tiny"]) == 2
    message = capsys.readouterr().err.strip()
    assert "\n" not in message and "refused" in message and server[0] in message
    assert list((home / "data" / "tiny").iterdir()) == []


def test_unreachable_mirrors_are_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:9/")
    with pytest.raises(DataMissing, match="^[^\n]*could not be downloaded[^\n]*$"):
        _download.download("tiny")


def test_unknown_names_are_refused_with_the_nearest(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _download.main(["tyni"]) == 2
    assert "did you mean 'tiny'?" in capsys.readouterr().err
    assert _download.main([]) == 2


def test_emnist_is_made_from_the_official_archive(
    home: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    upright, y = np.arange(32, dtype=np.uint8).reshape(2, 4, 4), np.array([3, 46], dtype=np.uint8)
    with zipfile.ZipFile(server[1] / _download.EMNIST_ZIP, "w") as archive:
        for part, values in zip(_download.EMNIST_PARTS, (upright.transpose(0, 2, 1), y), strict=True):
            archive.writestr(part, gzip.compress(idx_bytes(np.ascontiguousarray(values))))
    digest = sha256(upright.tobytes() + y.tobytes()).hexdigest()
    monkeypatch.setattr(_download, "SOURCES", {"emnist": Source((server[0],), {_download.EMNIST_FILE: digest})})
    folder = _download.download("emnist")
    assert [path.name for path in folder.iterdir()] == [_download.EMNIST_FILE]
    arrays = _download.read("emnist", _download.EMNIST_FILE)
    assert np.array_equal(arrays["x"], upright) and np.array_equal(arrays["y"], y)
    (folder / _download.EMNIST_FILE).write_bytes(b"PK no archive")
    with pytest.raises(ValueError, match="is damaged"):
        _download.read("emnist", _download.EMNIST_FILE)


@pytest.mark.parametrize("size", [28, 14, 8, 5])
def test_pooling_is_the_exact_area_average(size: int) -> None:
    images = np.random.Generator(np.random.Philox(3)).integers(256, size=(2, 28, 28)).astype(np.uint8)
    pooled = area_pool(images, size)
    cell = Fraction(28, size)

    def share(pixel: int, out: int) -> Fraction:
        return max(Fraction(0), min(Fraction(pixel + 1), (out + 1) * cell) - max(Fraction(pixel), out * cell)) / cell

    weights = [[share(pixel, out) for pixel in range(28)] for out in range(size)]
    unit = 1 if size == 28 else 784
    for row, column in ((0, 0), (size - 1, 1), (size // 2, size - 1)):
        slow = sum(
            weights[row][i] * weights[column][j] * int(images[1, i, j])
            for i in range(28)
            for j in range(28)
            if weights[row][i] and weights[column][j]
        )
        assert Fraction(float(pooled[1, row * size + column])) == slow * unit
