"""The key file: only a regular 0600 (or 0400) file of ours; a wrong key is told without a word of it."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.venues.coinbase.keys import load_key
from bot.venues.port import BadKey, NoKeyYet
from shared.settings import Secret, Settings

NAME = "organizations/0/apiKeys/1"


def pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"name": NAME, "privateKey": pem()}))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_taken(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    key = load_key(Settings(), key_file, may_wait=False)
    assert key.name == NAME and "EC PRIVATE KEY" in key.secret.reveal()
    assert "PRIVATE" not in repr(key) + str(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o620, 0o601, 0o610, 0o700 | 0o004, 0o777])
def test_a_file_that_others_may_touch_is_refused_with_the_way_out(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(BadKey, match="chmod 600"):
        load_key(Settings(), key_file, may_wait=False)


def test_links_folders_pipes_and_other_owners_are_refused(key_file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(key_file)
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    cases = [link, folder, pipe]
    if os.geteuid() == 0:
        other = tmp_path / "other.json"
        other.write_bytes(key_file.read_bytes())
        other.chmod(0o600)
        os.chown(other, 12345, 12345)
        cases.append(other)
    for path in cases:
        with pytest.raises(BadKey, match=path.name):
            load_key(Settings(), path, may_wait=False)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"7", b"null", b'{"name":"x"}', b'{"privateKey":"x"}', b'{"name":"x","privateKey":"not a key"}',
     b'{"name":"x","privateKey":null}', b"\xff\xfe",
     b'{"name":"x","privateKey":"-----BEGIN EC PRIVATE KEY-----\\nAAAA"}'],
)  # fmt: skip
def test_a_wrong_key_is_told_without_a_word_of_it(key_file: Path, content: bytes) -> None:
    key_file.write_bytes(content)
    with pytest.raises(BadKey) as error:
        load_key(Settings(), key_file, may_wait=False)
    assert "key.json" in str(error.value)
    assert "not a key" not in str(error.value) and "AAAA" not in str(error.value)
    assert error.value.__cause__ is None, "the cause would carry the key into a traceback"


def test_a_missing_file_is_waited_for_only_where_the_simulator_makes_it(tmp_path: Path) -> None:
    with pytest.raises(NoKeyYet):
        load_key(Settings(), tmp_path / "none.json", may_wait=True)
    with pytest.raises(BadKey, match="does not exist"):
        load_key(Settings(), tmp_path / "none.json", may_wait=False)


def test_newlines_written_out_are_newlines() -> None:
    text = pem().replace("\n", "\\n")
    settings = Settings(coinbase_api_key_name=NAME, coinbase_api_private_key=Secret(text.replace("\\n", "\n")))
    assert load_key(settings, None, may_wait=False).name == NAME


def test_no_key_at_all_names_the_settings() -> None:
    with pytest.raises(BadKey, match="COINBASE_KEY_FILE"):
        load_key(Settings(), None, may_wait=False)
