"""Addresses that a URL from a browser must not lead to, in every spelling that a name may resolve to."""

import pytest

from shared.public_hosts import NotPublic, is_public, public_addresses, resolved

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1",
    "2001:db8::1", "::127.0.0.1", "nonsense", "", "127.1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(NotPublic, match="private network"):
        public_addresses("x.example", 443, lambda *_: ["8.8.8.8", "127.0.0.1"])
    assert public_addresses("x.example", 443, lambda *_: PUBLIC) == PUBLIC
    with pytest.raises(NotPublic, match="resolved"):
        public_addresses("x.example", 443, lambda *_: [])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "127.1", "[::1]", "::1"])
def test_this_machine_by_any_spelling(host: str) -> None:
    with pytest.raises(NotPublic):
        public_addresses(host, 443)
    if host in ("2130706433", "127.1"):
        assert resolved(host, 443) == ["127.0.0.1"], "the system's resolver takes it"
