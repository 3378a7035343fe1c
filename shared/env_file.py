"""Changes of `.env` by a program: one writer at a time, the whole file or nothing, everything else as it stands.

Comments, order, blank lines and keys that are not meant stay byte for byte. What was to be changed is read back from
the new text before the file is replaced, and a text with which the next start would fail is never written.
"""

import contextlib
import fcntl
import io
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from shared.files import sync_folder
from shared.settings import Loaded, SettingsError, load

LOCK_S = 3.0
MAX_BYTES = 256 * 1024
_BARE = re.compile(r"[A-Za-z0-9_./:@?&=%+,~*-]+( [A-Za-z0-9_./:@?&=%+,~*-]+)*")
_BINDING = re.compile(
    r"(?P<before>\s*(?:export[^\S\r\n]+)?[^=#\s]+[^\S\r\n]*=[^\S\r\n]*)"
    r"(?P<value>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|[^\r\n]*?)"
    r"(?P<after>(?:[^\S\r\n]+#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|$))",
    re.DOTALL,
)


class EnvFileRefused(Exception):
    """The file was not changed; the text says why, without any value."""


def change(path: Path, values: Mapping[str, str], allowed: frozenset[str], environ: Mapping[str, str]) -> None:
    """Set each key of `values`; an empty value takes it out. Raises EnvFileRefused, OSError.

    `allowed`: the keys that the caller may ever change; another one is a mistake in the program. `environ`: the
    variables that the next start sees as well.
    """
    assert values.keys() <= allowed, f"not for this caller: {sorted(values.keys() - allowed)}"
    wanted = {key: written(key, value) for key, value in values.items()}
    with _locked(path) as handle:
        before = _text(handle, path)
        after = changed(before, wanted)
        if after == before:
            return
        expected = {key: text for key, text in _read(before).items() if key not in values}
        if _read(after) != expected | {key: value for key, value in values.items() if value}:
            raise EnvFileRefused(f"{path.name} has a line that is no setting: change it by hand")
        _replace(path, after, environ)


def preview(path: Path, values: Mapping[str, str], environ: Mapping[str, str]) -> Loaded:
    """What the next start would load if `change` were called with these values; `path` stays as it is.

    Raises EnvFileRefused, SettingsError, OSError.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    handle, name = tempfile.mkstemp(prefix=path.name + ".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(changed(text, {key: written(key, value) for key, value in values.items()}).encode())
        return replace(load(Path(name), environ), env_file=path)
    finally:
        os.unlink(name)


def values_of(path: Path) -> dict[str, str]:
    """What the file says, key by key; a key without a value is empty. Raises OSError, UnicodeDecodeError."""
    return _read(path.read_text(encoding="utf-8")) if path.exists() else {}


def written(key: str, value: str) -> str:
    """The value as it stands in the file; empty = taken out. Raises EnvFileRefused."""
    if not value:
        return ""
    if not value.isprintable() or "'" in value or "\\" in value or value != value.strip():
        raise EnvFileRefused(f"{key} holds a character that .env does not take")
    return value if _BARE.fullmatch(value) else f"'{value}'"


def changed(text: str, wanted: Mapping[str, str]) -> str:
    """`text` with the last line of each wanted key in its new form; earlier ones of the same key go, as they mean
    nothing."""
    bindings = list(parse_stream(io.StringIO(text)))
    last = {binding.key: number for number, binding in enumerate(bindings) if binding.key in wanted}
    parts = []
    for number, binding in enumerate(bindings):
        original = binding.original.string
        if binding.key not in wanted:
            parts.append(original)
            continue
        assert binding.key is not None
        lead = original[: len(original) - len(original.lstrip())]
        found = _BINDING.fullmatch(original)
        if not wanted[binding.key] or number != last[binding.key]:
            parts.append(lead)
        elif found is None:
            parts.append(f"{lead}{binding.key}={wanted[binding.key]}\n")
        else:
            parts.append(found["before"] + wanted[binding.key] + found["after"])
    made = "".join(parts)
    for key, value in wanted.items():
        if value and key not in last:
            made += ("" if not made or made.endswith("\n") else "\n") + f"{key}={value}\n"
    return made


def _read(text: str) -> dict[str, str]:
    return {key: value or "" for key, value in dotenv_values(stream=io.StringIO(text), interpolate=False).items()}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The open file, with its lock, and still the one of that name. Raises EnvFileRefused, OSError."""
    until_s = time.monotonic() + LOCK_S
    while (handle := _acquired(path)) is None:
        if time.monotonic() >= until_s:
            raise EnvFileRefused(f"another program is changing {path.name}")
        time.sleep(0.02)
    try:
        yield handle
    finally:
        os.close(handle)


def _acquired(path: Path) -> int | None:
    """None = another holds the lock, or the file was replaced meanwhile."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise EnvFileRefused(f"{path.name} is a link: change it by hand") from error
        raise
    try:
        _check(handle, path)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists() and os.fstat(handle).st_ino == path.stat().st_ino:
            return handle
    except BlockingIOError:
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _check(handle: int, path: Path) -> None:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_uid != os.geteuid():
        raise EnvFileRefused(f"{path.name} is not a file of this user alone: change it by hand")
    if found.st_size > MAX_BYTES:
        raise EnvFileRefused(f"{path.name} is larger than any file of settings")


def _text(handle: int, path: Path) -> str:
    try:
        return os.pread(handle, MAX_BYTES, 0).decode("utf-8")
    except UnicodeDecodeError as error:
        raise EnvFileRefused(f"{path.name} is not UTF-8: change it by hand") from error


def _replace(path: Path, text: str, environ: Mapping[str, str]) -> None:
    """Check the new text as the next start will, then put it in the file's place, 0600, on the disk."""
    handle, name = tempfile.mkstemp(prefix=path.name + ".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        try:
            load(Path(name), environ)
        except SettingsError as error:
            problem = error.problems[0].replace(Path(name).name, path.name)
            raise EnvFileRefused(f"with it, nothing would start: {problem}") from error
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    sync_folder(path.parent)
