"""The file of a backup: a tar with two members for each stream, its definition and state as JSON, and its content.

The last member names all streams: a tar that was cut off between two members looks like a whole one.
"""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from mesh.errors import FatalError
from mesh.snapshots import Snapshot
from schemas.wire import encode_json


_ABOUT, _CONTENT, _LAST = ".json", ".snapshot", "streams"


def write(path: Path, snapshots: Iterable[Snapshot]) -> None:
    """Make the file *path*, which only its owner may read: it holds hashes of passwords, and sealed keys.

    Raises:
        FatalError: there is such a file already, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise FatalError(f"{path} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file, snapshots)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink()  # it would be in the way of the next one, and be taken for a backup
        raise FatalError(f"{path} cannot be written: {error.strerror}") from error


def _write(file: BinaryIO, snapshots: Iterable[Snapshot]) -> None:
    with tarfile.open(fileobj=file, mode="w") as archive:
        names = []
        for snapshot in snapshots:
            name = snapshot.config["name"]
            about = {"config": snapshot.config, "state": snapshot.state}
            _add(archive, f"{name}{_ABOUT}", encode_json(about))
            _add(archive, f"{name}{_CONTENT}", snapshot.content)
            names.append(name)
        _add(archive, _LAST, encode_json(names))


def read(path: Path) -> Iterator[Snapshot]:
    """The snapshots in *path*, one after the other.

    Raises:
        FatalError: it cannot be read, or is no backup.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:
            for name in msgspec.json.decode(_member(archive, _LAST), type=list[str]):
                about = msgspec.json.decode(_member(archive, name + _ABOUT))
                content = _member(archive, name + _CONTENT)
                yield Snapshot(about["config"], about["state"], content)
    except OSError as error:
        raise FatalError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tarfile.TarError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise FatalError(f"{path} is no file of `mesh backup`, or a broken one: {error}") from error


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()
