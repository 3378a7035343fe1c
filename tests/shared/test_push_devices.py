"""The list of devices that asked for push: what may stand on it, and two writers that lose nothing."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from shared import push_devices
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.push_devices import MOST_DEVICES, PushDevice, problem

POINT, AUTH = "B" * 87, "A" * 22
ONE = PushDevice(
    id="a", name="Phone", endpoint="https://fcm.googleapis.com/fcm/send/x", p256dh=POINT, auth=AUTH, origin="https://c",
    by="operator", added_ms=1,
)  # fmt: skip
GOOD = [
    "https://fcm.googleapis.com/fcm/send/abc:def", "https://updates.push.services.mozilla.com/wpush/v2/x",
    "https://web.push.apple.com/QGx", "https://wns2-par02p.notify.windows.com/w/?token=x", "http://127.0.0.1:9/by-hand",
]  # fmt: skip
BAD = [
    "https://evil.example/fcm.googleapis.com", "https://fcm.googleapis.com.evil.example/x", "http://fcm.googleapis.com/x",
    "https://fcm.googleapis.com:8443/x", "https://u:p@fcm.googleapis.com/x", "https://xpush.apple.com.evil.example/",
    "https://evilnotify.windows.com/x", "https://169.254.169.254/latest", "https://localhost/x", "http://127.0.0.2/x",
    "file:///etc/passwd", "", "https://[::1", "https://web.push.apple.com/x\r\nHost: y",
    "https://web.push.apple.com/" + "x" * 2000,
]  # fmt: skip


@pytest.fixture
def paths(tmp_path: Path) -> DataPaths:
    found = DataPaths(tmp_path / "data")
    found.prepare()
    return found


@pytest.mark.parametrize("endpoint", GOOD)
def test_a_push_service_or_what_env_names(endpoint: str) -> None:
    assert problem(endpoint, POINT, AUTH, ("127.0.0.1",)) is None


@pytest.mark.parametrize("endpoint", BAD)
def test_any_other_address_is_refused(endpoint: str) -> None:
    wrong = problem(endpoint, POINT, AUTH, ("127.0.0.1",))
    assert wrong is not None and (not endpoint or endpoint not in wrong)


@pytest.mark.parametrize(
    ("point", "auth"), [("", AUTH), (POINT, ""), (POINT + "A", AUTH), ("B" * 86 + "\n", AUTH), (POINT, "+" * 22)]
)
def test_keys_that_are_none_are_refused(point: str, auth: str) -> None:
    assert problem(GOOD[0], point, auth) is not None


def test_a_device_is_kept_once_and_removed(paths: DataPaths) -> None:
    assert push_devices.read(paths) == []
    push_devices.add(paths, ONE)
    push_devices.add(paths, replace(ONE, id="b", name="the same, again"))
    assert [one.id for one in push_devices.read(paths)] == ["b"]
    assert push_devices.push_file(paths).stat().st_mode & 0o777 == 0o600
    assert push_devices.remove(paths, "a") is None
    gone = push_devices.remove(paths, "b")
    assert gone is not None and push_devices.read(paths) == []


def test_there_is_a_most(paths: DataPaths) -> None:
    for number in range(MOST_DEVICES):
        push_devices.add(paths, replace(ONE, id=str(number), endpoint=f"{ONE.endpoint}{number}"))
    with pytest.raises(ValueError, match="are the most"):
        push_devices.add(paths, replace(ONE, id="x", endpoint=f"{ONE.endpoint}x"))
    push_devices.add(paths, replace(ONE, id="again", endpoint=f"{ONE.endpoint}3"))
    assert len(push_devices.read(paths)) == MOST_DEVICES


def test_writers_at_once_lose_nothing(paths: DataPaths) -> None:
    def write(part: int) -> None:
        for number in range(6):
            push_devices.add(paths, replace(ONE, id=f"{part}-{number}", endpoint=f"{ONE.endpoint}{part}-{number}"))
            if number % 2:
                push_devices.remove(paths, f"{part}-{number}")

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.id for one in push_devices.read(paths)) == sorted(f"{p}-{n}" for p in range(4) for n in (0, 2, 4))


@pytest.mark.parametrize("text", ["{", "[]", '{"version":2,"devices":[]}', '{"version":1,"devices":[{"id":1}]}'])
def test_a_damaged_list_is_said_and_not_written_over(paths: DataPaths, text: str) -> None:
    push_devices.add(paths, ONE)
    push_devices.push_file(paths).write_text(text)
    with pytest.raises(Unreadable):
        push_devices.add(paths, ONE)
    assert push_devices.push_file(paths).read_text() == text
