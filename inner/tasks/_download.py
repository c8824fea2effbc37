"""The sources of image data sets: a folder or the cache, checked by content, and a command that downloads them.

    python -m inner.tasks._download mnist|fashion-mnist|emnist

Files are looked for in $METALEARN_DATA/<name>/ and then in the user's cache folder. The checksums are those of the
unzipped content, because mirrors zip the same bytes differently. Nothing is downloaded unless the command is given.
MNIST: LeCun et al. 1998. Fashion-MNIST: Xiao et al. 2017. EMNIST by-merge, test part: Cohen et al. 2017.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from inner.components import suggest


class DataMissing(ValueError):
    """A data set is not on this machine; the message is one line with the command that downloads it."""


@dataclass(frozen=True)
class Source:
    """The files of one data set."""

    mirrors: tuple[str, ...]  # addresses of the folder that holds the files, tried in this order
    files: Mapping[str, str]  # file -> sha256 of its unzipped content (of an npz: of its images, then its labels)


TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
EMNIST_FILE = "emnist-bymerge-test.npz"  # made here from EMNIST_ZIP, which is 20 times larger
EMNIST_ZIP = "gzip.zip"
EMNIST_PARTS = ("gzip/emnist-bymerge-test-images-idx3-ubyte.gz", "gzip/emnist-bymerge-test-labels-idx1-ubyte.gz")

SOURCES: Mapping[str, Source] = {
    "mnist": Source(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        {
            TRAIN[0]: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAIN[1]: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            TEST[0]: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            TEST[1]: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": Source(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        {
            TRAIN[0]: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            TRAIN[1]: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            TEST[0]: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            TEST[1]: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
    "emnist": Source(
        ("https://biometrics.nist.gov/cs_links/EMNIST/",),
        {EMNIST_FILE: "b4906242bfbbecebca9086125e83dc0ddca80d1ccafee3f3fed76adf23c17875"},
    ),
}


def folders(name: str) -> list[Path]:
    """The folders where the files of a data set may lie, first choice first."""
    import pooch

    own = os.environ.get("METALEARN_DATA")
    return [Path(root) / name for root in (own, pooch.os_cache("metalearn")) if root]


def idx(content: bytes) -> np.ndarray:
    """Parse an unzipped idx file of bytes: uint8 [M] or [M, H, W]. Raises ValueError when it is none."""
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"idx: expected a file of unsigned bytes that starts with 000008, got {content[:3].hex()}")
    axes = content[3]
    shape = tuple(np.frombuffer(content[4 : 4 + 4 * axes], dtype=">u4").tolist())
    values = np.frombuffer(content[4 + 4 * axes :], dtype=np.uint8)
    if len(shape) != axes or values.size != int(np.prod(shape)):
        raise ValueError(f"idx: expected {shape} values as the header says, got {values.size}")
    return values.reshape(shape)


def read(name: str, file: str) -> dict[str, np.ndarray]:
    """The arrays of one file: {"x": idx content} of a .gz, {"x", "y"} of an .npz.

    Raises DataMissing when no folder holds the file, ValueError when its content is not the published one.
    """
    for folder in folders(name):
        if (folder / file).is_file():
            return verified(name, folder / file)
    raise DataMissing(
        f"data: '{name}' is not on this machine ({file} is in none of {', '.join(map(str, folders(name)))}); "
        f"download it with `python -m inner.tasks._download {name}`, or set METALEARN_DATA to the folder above {name}/"
    )


def verified(name: str, path: Path, file: str | None = None) -> dict[str, np.ndarray]:
    """Read `path` as the file `file` (default: its own name) of a data set; ValueError on any other content."""
    file = file or path.name
    try:
        if file.endswith(".npz"):
            with np.load(path, allow_pickle=False) as stored:
                arrays = {key: np.ascontiguousarray(stored[key]) for key in ("x", "y")}
            found = sha256(arrays["x"].tobytes() + arrays["y"].tobytes()).hexdigest()
        else:
            content = gzip.decompress(path.read_bytes())
            found = sha256(content).hexdigest()
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"data: {path} is damaged ({error}); delete it and download '{name}' again") from error
    expected = SOURCES[name].files[file]
    if found != expected:
        raise ValueError(f"data: {path} is refused: expected sha256 {expected} (unzipped), got {found}")
    return arrays if file.endswith(".npz") else {"x": idx(content)}


def download(name: str) -> Path:
    """Download what is missing of a data set into the first of its folders and return that folder.

    Raises ValueError for an unknown name or a file in the folder that has other content than the published one, and
    DataMissing when no mirror delivers that content.
    """
    if name not in SOURCES:
        raise ValueError(f"data: unknown name '{name}'{suggest(name, SOURCES)}; known: {', '.join(SOURCES)}")
    folder = folders(name)[0]
    folder.mkdir(parents=True, exist_ok=True)
    for file in SOURCES[name].files:
        if (folder / file).is_file():
            verified(name, folder / file)
        else:
            _fetch(name, file, folder)
    return folder


def _fetch(name: str, file: str, folder: Path) -> None:
    """Try the mirrors in turn; a file gets its name only after its content was checked."""
    import pooch

    problems = []
    for mirror in SOURCES[name].mirrors:
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            remote = EMNIST_ZIP if file == EMNIST_FILE else file
            try:
                arrived = Path(pooch.retrieve(mirror + remote, known_hash=None, fname=remote, path=fresh))
                if file == EMNIST_FILE:
                    arrived = convert_emnist(arrived, Path(fresh) / file)
                verified(name, arrived, file)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                problems.append(f"{mirror}: {' '.join(str(error).split())}")
                continue
            os.replace(arrived, folder / file)
            return
    raise DataMissing(f"data: '{file}' of '{name}' could not be downloaded to {folder} ({'; '.join(problems)})")


def convert_emnist(archive: Path, target: Path) -> Path:
    """Write the by-merge test part of the official zip of idx files as an npz: x [M, 28, 28] upright, y [M], uint8."""
    with zipfile.ZipFile(archive) as parts:
        images, labels = (idx(gzip.decompress(parts.read(part))) for part in EMNIST_PARTS)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=images.transpose(0, 2, 1), y=labels)  # EMNIST stores its images on their side
    target.write_bytes(buffer.getvalue())
    return target


def main(arguments: list[str]) -> int:
    """The command: download the named data sets. Returns the exit code, 2 after a one-line message."""
    if not arguments:
        print(f"usage: python -m inner.tasks._download {'|'.join(SOURCES)}", file=sys.stderr)
        return 2
    try:
        for name in arguments:
            print(f"{name}: {download(name)}")
    except ValueError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
