"""Web Push: a device decrypts what it is sent, its push service sees who sends and no word of it, and who left is told
no more."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dashboard import push_keys
from shared import push_devices
from shared.documents.alerts import AlertKind, AlertSeverity
from shared.paths import DataPaths
from shared.push_devices import PushDevice
from shared.settings import Settings
from tests.watch.receiver import Received, Receiver
from tests.watch.test_outbox import message
from tests.watch.test_sinks_from_browser import Followed
from watch.settings_follower import SettingsFollower
from watch.sinks.push import HOUR_S, WebPush, discreet, made, push_text
from watch.sinks.push_message import MOST_TEXT, encrypted, packed, point, unpacked
from watch.sinks.registry import sinks_of
from watch.sinks.sink import NotDelivered

W, C = AlertSeverity.WARNING, AlertSeverity.CRITICAL
ONE = replace(message(7), title="main is blind", text="8 lots, 7,247.18 USD, are unwatched.", severity=C)


class Phone:
    """A browser's side of a subscription, at a push service on loopback."""

    def __init__(self, paths: DataPaths, service: Receiver, name: str = "Phone") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"0123456789abcdef"
        self.service = service
        self.device = PushDevice(
            id="00c0ffee", name=name, endpoint=f"{service.url}/send/secret-of-{name}",
            p256dh=packed(point(self.key.public_key())),
            auth=packed(self.secret), origin="https://coin.example", by="operator", added_ms=1,
        )  # fmt: skip
        self.paths = paths
        self.vapid = push_keys.public_key(paths)

    def sink(self, *hosts: str) -> WebPush:
        return made(self.device, self.paths, hosts or ("127.0.0.1",))

    def opened(self, got: Received) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(opened(got.body, self.key, self.secret))
        return found


def opened(body: bytes, key: ec.EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """RFC 8188 and 8291 from the receiver's side, written apart from what is tested."""
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender, sealed = body[21 : 21 + length], body[21 + length :]
    assert len(body) <= 4096 and len(sealed) <= size
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    shared = key.exchange(ec.ECDH(), theirs)

    def derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
        return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)

    secret = derived(secret, shared, b"WebPush: info\x00" + point(key.public_key()) + sender, 32)
    plain = AESGCM(derived(salt, secret, b"Content-Encoding: aes128gcm\x00", 16)).decrypt(
        derived(salt, secret, b"Content-Encoding: nonce\x00", 12), sealed, None
    )
    text, mark, rest = plain.rstrip(b"\x00").rpartition(b"\x02")
    assert mark and not rest, "the last record ends with 2 and zeros"
    return text


@pytest.fixture
def service() -> Iterator[Receiver]:
    found = Receiver(answer=lambda _: (201, b"", {}))
    yield found
    found.close()


@pytest.fixture
def phone(tmp_path: Path, service: Receiver) -> Phone:
    paths = DataPaths(tmp_path / "data")
    paths.prepare()
    found = Phone(paths, service)
    push_devices.add(paths, found.device)
    return found


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(unpacked(text), "big"), ec.SECP256R1())


def test_the_example_of_rfc_8291_to_the_byte() -> None:
    ours = private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    theirs = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    made_of = encrypted(
        b"When I grow up, I want to be a watermelon", theirs, "BTBZMqHH6r4Tts7J_aSIgg",
        salt=unpacked("DGv6ra1nlYgDCS1FRnbzlw"), own=ours, step=1,
    )  # fmt: skip
    assert packed(made_of) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3j"
        "l7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    receiver = private("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
    assert opened(made_of, receiver, unpacked("BTBZMqHH6r4Tts7J_aSIgg")).startswith(b"When I grow up")


def test_no_two_messages_are_alike_and_their_length_tells_little(phone: Phone) -> None:
    bodies = {encrypted(b"x" * n, phone.device.p256dh, phone.device.auth) for n in (1, 1, 200)}
    assert len(bodies) == 3 and {len(body) for body in bodies} == {86 + 256 + 16}
    largest = encrypted(b"x" * MOST_TEXT, phone.device.p256dh, phone.device.auth)
    assert len(largest) == 4096 and opened(largest, phone.key, phone.secret) == b"x" * MOST_TEXT
    with pytest.raises(ValueError, match="too long"):
        encrypted(b"x" * (MOST_TEXT + 1), phone.device.p256dh, phone.device.auth)
    with pytest.raises(ValueError, match="no point"):
        encrypted(b"x", packed(b"\x04" + bytes(64)), phone.device.auth)


def test_a_device_reads_it_and_its_service_sees_who_sends_and_no_word(phone: Phone) -> None:
    answer = phone.sink().send([ONE], None)
    (got,) = phone.service.got
    assert answer.text == "201" and b"blind" not in got.body
    shown = phone.opened(got)
    assert shown == {
        "title": "CRITICAL: main is blind", "body": "8 lots, … USD, are unwatched.", "tag": f"alert-{ONE.alert}",
        "url": f"/alert?number={ONE.alert}", "critical": True,
    }  # fmt: skip
    headers = {name.lower(): text for name, text in got.headers.items()}
    assert headers["content-encoding"] == "aes128gcm" and headers["urgency"] == "high"
    assert headers["ttl"] == str(24 * HOUR_S) and headers["topic"] == f"alert-{ONE.alert}"
    kind, _, rest = headers["authorization"].partition(" ")
    given = dict(part.split("=", 1) for part in rest.split(", "))
    assert kind == "vapid" and given["k"] == phone.vapid
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpacked(given["k"]))
    claims = jwt.decode(given["t"], public, algorithms=["ES256"], audience=phone.service.url)
    assert claims["sub"] == "https://coin.example" and 0 < claims["exp"] - time.time() <= 24 * HOUR_S


def test_urgency_and_keeping_follow_the_severity(phone: Phone) -> None:
    warning, over = replace(ONE, severity=W), replace(ONE, kind=AlertKind.RESOLVED)
    for one in ([warning], [over], [warning, over]):
        phone.sink().send(one, None)
    seen = [(got.headers["Urgency"], got.headers["TTL"], phone.opened(got)["critical"]) for got in phone.service.got]
    assert seen == [("normal", str(12 * HOUR_S), False)] * 3
    assert phone.opened(phone.service.got[1])["title"].startswith("RESOLVED")
    assert phone.opened(phone.service.got[2])["title"].startswith("2 messages waited")


def test_who_left_is_taken_off_the_list_and_others_stay(phone: Phone) -> None:
    other = replace(phone.device, id="11111111", endpoint=phone.service.url + "/other")
    push_devices.add(phone.paths, other)
    phone.service.answer = lambda _: (410, b"gone", {})
    with pytest.raises(NotDelivered, match="subscribed no more"):
        phone.sink().send([ONE], None)
    assert [one.id for one in push_devices.read(phone.paths)] == ["11111111"]


@pytest.mark.parametrize(
    ("status", "headers", "wait"), [(429, {"Retry-After": "30"}, 30.0), (503, {}, None), (413, {}, None)]
)
def test_what_may_work_later_is_tried_again_and_nobody_is_removed(
    phone: Phone, status: int, headers: dict[str, str], wait: float | None
) -> None:
    phone.service.answer = lambda got: (status, f"no: {got.path} {phone.device.auth}".encode(), headers)
    with pytest.raises(NotDelivered) as refused:
        phone.sink().send([ONE], None)
    assert refused.value.retry_after_s == wait and len(push_devices.read(phone.paths)) == 1
    assert "secret-of" not in str(refused.value) and phone.device.auth not in str(refused.value)
    assert "secret-of" not in phone.sink().to + phone.sink().name


def test_an_address_that_env_does_not_name_is_judged_again_when_it_is_sent(phone: Phone) -> None:
    with pytest.raises(NotDelivered, match="only https"):
        phone.sink("push.example").send([ONE], None)
    inside = replace(phone.device, endpoint="https://localhost/x")
    with pytest.raises(NotDelivered, match="private network"):
        made(inside, phone.paths, ()).send([ONE], None)
    assert phone.service.got == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Day loss 120.50 USD, limit 100 USD", "Day loss … USD, limit … USD"),
        ("-1,234.5 EUR and $99.95 and 0.00042 BTC", "… EUR and … and … BTC"),
        (
            "No price for 51 s since 15:19 UTC, 86 % full, 429 3 times",
            "No price for 51 s since 15:19 UTC, 86 % full, 429 3 times",
        ),
        ("7\u202f247,18 USDC", "… USDC"),
        ("USD +12.30 is not explained, BTC −0.5; 14:05 UTC 3 lots", "USD … is not explained, BTC …; 14:05 UTC 3 lots"),
    ],
)
def test_a_locked_phone_shows_no_amounts(text: str, shown: str) -> None:
    assert discreet(text) == shown


def test_what_is_shown_fits(phone: Phone) -> None:
    long = replace(ONE, title="x" * 500, text="y" * 5000)
    shown = push_text([long])
    assert len(str(shown["title"])) == 80 and len(str(shown["body"])) == 170
    phone.sink().send([long], None)
    assert push_text([replace(ONE, alert=0)])["url"] == "/alerts"


def test_from_the_list_to_the_device_and_off_it_while_the_watch_runs(tmp_path: Path, service: Receiver) -> None:
    followed = Followed(tmp_path / "data")
    followed.follower = SettingsFollower(followed.env, {}, followed.paths)
    followed.looks.new_settings = followed.follower.take
    phone = Phone(followed.paths, service)
    push_devices.add(followed.paths, phone.device)
    followed.change("ALERT_PUSH_HOSTS=127.0.0.1\nALERT_MIN_SEVERITY=warning,push:critical\n")
    (sink,) = followed.document().sinks
    assert (sink.name, sink.to, sink.least) == ("push-00c0ffee", "Phone, operator", C)
    assert "secret-of" not in followed.paths.alerts.read_text()
    followed.paths.kill.touch()
    followed.turn_until(lambda: service.got, "the device is told")
    assert "killed" in phone.opened(service.got[0])["title"].lower()
    service.answer = lambda _: (404, b"", {})
    followed.paths.kill.unlink()
    followed.turn_until(lambda: not push_devices.read(followed.paths), "it has left")
    followed.follower.look()
    followed.turn()
    assert followed.document().sinks == []
    followed.receiver.close()


def test_a_key_that_is_none_is_said_and_other_sinks_go_on(tmp_path: Path, phone: Phone) -> None:
    push_devices.vapid_file(phone.paths).write_text("not a key")
    plan = sinks_of(Settings(), phone.paths)
    assert plan.sinks == () and "key of this installation" in plan.problems[0]
    push_devices.push_file(phone.paths).write_text("{")
    assert "list of devices" in sinks_of(Settings(), phone.paths).problems[0]


def test_the_key_is_made_once_and_only_this_user_reads_it(phone: Phone) -> None:
    file = push_devices.vapid_file(phone.paths)
    assert push_keys.public_key(phone.paths) == phone.vapid and file.stat().st_mode & 0o777 == 0o600
    found = serialization.load_pem_private_key(file.read_bytes(), None)
    assert isinstance(found, ec.EllipticCurvePrivateKey) and packed(point(found.public_key())) == phone.vapid
    push_keys.make(file)
    assert push_keys.public_key(phone.paths) == phone.vapid, "a second one that comes at the same time gives way"
    assert sorted(one.name for one in file.parent.iterdir()) == ["push.json", "push.lock", "vapid.pem"]
