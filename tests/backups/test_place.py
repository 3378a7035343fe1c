"""Where BACKUP_URL leads, and what is refused before anything is sent there."""

import json
import os
from pathlib import Path

import pytest

from backups.place import ReplicaError, place_of
from backups.replica import configured, environ_for, plain
from shared.settings import Secret, Settings

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
S3 = {"backup_s3_access_key_id": Secret("AKIACANARY"), "backup_s3_secret_access_key": Secret("canary/secret+key")}


def settings(folder: Path, url: str, **more: object) -> Settings:
    return Settings(data_dir=folder / "data", backup_url=url, **more)  # type: ignore[arg-type]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "id_backup"
    path.write_text("a key")
    path.chmod(0o600)
    return path


def test_a_folder_by_its_path_or_as_a_file_url(tmp_path: Path) -> None:
    for url, folder in (("/mnt/x", "/mnt/x"), ("file:///mnt/a%20b", "/mnt/a b")):
        place = place_of(settings(tmp_path, url))
        assert place.folder == Path(folder) / "cointrader-main" and place.environ == {}
    named = settings(tmp_path, "/mnt/x", bot_name="Scalper", coin_mode="paper")
    assert place_of(named).folder == Path("/mnt/x/cointrader-scalper-paper")


def test_a_bucket_with_its_keys_in_the_environment_alone(tmp_path: Path) -> None:
    place = place_of(settings(tmp_path, "s3://coin-backup/a/b?endpoint=https://s3.example.com&region=fra1", **S3))
    assert place.told == {
        "type": "s3", "bucket": "coin-backup", "path": "a/b/cointrader-main", "endpoint": "https://s3.example.com",
        "force-path-style": True, "region": "fra1",
    }  # fmt: skip
    assert place_of(settings(tmp_path, "s3://coin-backup", **S3)).told["path"] == "cointrader-main"
    assert "force-path-style" not in place_of(settings(tmp_path, "s3://coin-backup", **S3)).told
    given = environ_for(place)
    assert given["LITESTREAM_SECRET_ACCESS_KEY"] == "canary/secret+key"
    assert given.keys() <= {"PATH", "HOME", "TMPDIR", "TZ", "LANG", "LITESTREAM_ACCESS_KEY_ID",
                            "LITESTREAM_SECRET_ACCESS_KEY"}  # fmt: skip
    told = configured(tmp_path / "ledger.db", place, tmp_path).read_text()
    for text in (told, repr(place), place.shown):
        assert "canary" not in text.lower()


def test_what_litestream_is_told_survives_any_path(tmp_path: Path) -> None:
    """No sign of a path is YAML's or a variable's."""
    odd = f"/mnt/a: b #$HOME 'x' \"{os.sep}y"
    told = json.loads(configured(tmp_path / "l.db", place_of(settings(tmp_path, odd)), tmp_path).read_text())
    assert told["dbs"][0]["replica"]["path"] == str(Path(odd) / "cointrader-main")


def test_another_machine_with_a_key_whose_host_is_known(tmp_path: Path, key_file: Path) -> None:
    for line in (KEY, f"backup.example.com {KEY}", f"{KEY} root@backup"):
        given = {"backup_sftp_key_file": str(key_file), "backup_sftp_host_key": line}
        place = place_of(settings(tmp_path, "sftp://coin@backup.example.com:2222/srv/coin/", **given))
        assert place.told == {
            "type": "sftp", "host": "backup.example.com:2222", "user": "coin", "key-path": str(key_file),
            "host-key": KEY, "path": "/srv/coin/cointrader-main",
        }  # fmt: skip
    other = place_of(settings(tmp_path, "sftp://coin@[::1]/srv", **given))
    assert other.told["host"] == "[::1]:22"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("backup", "BACKUP_URL is a folder"),
        ("file://host/x", "BACKUP_URL is a folder"),
        ("/a\nb", "BACKUP_URL is a folder"),
        ("ftp://host/x", "BACKUP_URL is a folder"),
        ("sftp://u@h:nan/x", "BACKUP_URL is a folder"),
        ("s3://coin/x?endpoint=http://10.0.0.7:9000", "http:// is taken to this machine only"),
        ("s3://coin/x?endpoint=https://s3.example.com/bucket", "the endpoint in BACKUP_URL"),
        ("s3://coin/x?endpoint=https://k:s@s3.example.com", "may hold no password"),
        ("s3://AKIA:canary@coin/x", "may hold no password"),
        ("s3://coin/x?secret=canary", "BACKUP_URL for S3 is"),
        ("s3://C/x", "BACKUP_URL for S3 is"),
        ("sftp://u:canary@h/x", "may hold no password"),
        ("sftp://h/x", "BACKUP_URL for SFTP is"),
        ("sftp://u@h", "BACKUP_URL for SFTP is"),
    ],
)
def test_what_cannot_be_used_is_refused_without_repeating_a_secret(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(ReplicaError, match=why) as refused:
        place_of(settings(tmp_path, url, **S3))
    assert "canary" not in str(refused.value)


def test_keys_that_are_missing_or_open_to_others_are_named(tmp_path: Path, key_file: Path) -> None:
    def why(url: str, **more: object) -> str:
        with pytest.raises(ReplicaError) as refused:
            place_of(settings(tmp_path, url, **more))
        return str(refused.value)

    assert "BACKUP_S3_ACCESS_KEY_ID" in why("s3://coin-backup/x")
    assert "ssh-keyscan" in why("sftp://u@h/x", backup_sftp_key_file=str(key_file))
    assert "ssh-keyscan" in why("sftp://u@h/x", backup_sftp_host_key="SHA256:abc")
    assert "BACKUP_SFTP_KEY_FILE" in why("sftp://u@h/x", backup_sftp_host_key=KEY)
    assert "No such file" in why("sftp://u@h/x", backup_sftp_host_key=KEY, backup_sftp_key_file="/none/here")
    key_file.chmod(0o640)
    assert "chmod 600" in why("sftp://u@h/x", backup_sftp_host_key=KEY, backup_sftp_key_file=str(key_file))


def test_litestreams_last_line_as_a_person_reads_it() -> None:
    line = b'noise\ntime=2026 level=ERROR msg="monitor error" system=store error="mkdir /x: no such file" backoff=1s\n'
    assert plain(line) == "monitor error: mkdir /x: no such file"
    assert plain(b"Error: ssh: host key mismatch\n") == "ssh: host key mismatch" and plain(b"") == ""
    assert len(plain(b"Error: " + b"x" * 900)) < 202
