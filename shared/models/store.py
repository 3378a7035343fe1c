"""A folder for each model under DATA_DIR/models: written whole or not at all, refused where a byte is another one."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.files import Unreadable, read_bytes, sync_folder
from shared.models.manifest import NAME, ModelManifest, decode, digest, encode

MANIFEST = "manifest.json"
SUFFIX = ".npy"


class ModelRefused(Exception):
    """A model that must not be used; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model as it was read: `arrays` are the bytes of its .npy files by their name without the suffix."""

    manifest: ModelManifest
    digest: str
    arrays: Mapping[str, bytes]


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def save(models: Path, manifest: ModelManifest, arrays: Mapping[str, bytes]) -> str:
    """Write the model's folder; answers its digest. `manifest.files` must name each array's SHA-256.

    Raises ModelRefused where the name is taken or the digests differ, OSError where nothing could be written.
    """
    target = models / manifest.name
    if target.exists():
        raise ModelRefused(f"there is a model {manifest.name} already: choose another name")
    if dict(manifest.files) != {name + SUFFIX: sha256(data) for name, data in arrays.items()}:
        raise ModelRefused("the manifest does not name these arrays")
    models.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = models / f".{manifest.name}.{os.getpid()}.tmp"
    shutil.rmtree(made, ignore_errors=True)
    text = encode(manifest)
    try:
        made.mkdir(mode=0o700)
        for name, data in {MANIFEST: text, **{name + SUFFIX: data for name, data in arrays.items()}}.items():
            with (made / name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(made)
        made.rename(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    sync_folder(models)
    return digest(text)


def load(models: Path, name: str, wanted: str | None = None) -> StoredModel:
    """The model of that name. `wanted`: the digest that it must have. Raises ModelRefused."""
    if not NAME.fullmatch(name):
        raise ModelRefused(f"{name!r} is no name of a model")
    folder = models / name
    try:
        text = read_bytes(folder / MANIFEST, trusted=True)
        manifest = decode(text)
        found = digest(text)
        if wanted is not None and found != wanted:
            raise ModelRefused(f"{name}: its manifest is not the one that was trained (SHA-256 {found[:12]}…)")
        if manifest.name != name:
            raise ModelRefused(f"{name}: the folder holds the model {manifest.name}")
        arrays = {}
        for file, sum_ in manifest.files.items():
            if not file.endswith(SUFFIX) or Path(file).name != file:
                raise ModelRefused(f"{name}: {file} is no array file")
            data = read_bytes(folder / file, trusted=True)
            if sha256(data) != sum_:
                raise ModelRefused(f"{name}: {file} was changed after training (its SHA-256 differs)")
            arrays[file.removesuffix(SUFFIX)] = data
    except FileNotFoundError as error:
        raise ModelRefused(f"{name}: {Path(error.filename).name} is missing") from error
    except (OSError, Unreadable) as error:
        raise ModelRefused(f"{name}: {error}") from error
    return StoredModel(manifest, found, arrays)


def names(models: Path) -> list[str]:
    """Every folder that has a manifest, readable or not."""
    return sorted(path.parent.name for path in models.glob(f"*/{MANIFEST}") if NAME.fullmatch(path.parent.name))
