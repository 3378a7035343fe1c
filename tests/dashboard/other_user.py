"""A second unix user for tests that run as root: a number is enough, no account is made."""

import encodings.idna  # noqa: F401 (loaded before the user changes, who may not read this interpreter's files)
import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Any

STRANGER = 54_321
OTHER = 54_322


def become(uid: int) -> None:
    """This process becomes `uid` for good. Only as root."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def run_as(uid: int, work: Callable[..., Any], *args: Any, timeout_s: float = 30.0) -> Any:
    """What `work(*args)` returns in a process of user `uid`."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()

    def child() -> None:
        try:
            become(uid)
            theirs.send((True, work(*args)))
        except BaseException as error:
            theirs.send((False, repr(error)))

    process = fork.Process(target=child)
    process.start()
    try:
        assert ours.poll(timeout_s), "the other user's process does not answer"
        done, value = ours.recv()
    finally:
        process.join(2)
        if process.is_alive():
            process.kill()
            process.join()
    assert done, value
    return value


def sockets_of(uid: int, address: tuple[str, int], n: int = 1) -> list[socket.socket]:
    """Connections to `address` that belong to `uid`: made by a process of that user and handed over. Their owner in
    the kernel's table stays who made them."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = os.fork()
    if pid == 0:
        try:
            become(uid)
            for _ in range(n):
                made = socket.create_connection(address)
                socket.send_fds(far, [b"x"], [made.fileno()])
                made.close()
        finally:
            os._exit(0)
    far.close()
    found = []
    with near:
        for _ in range(n):
            data, fds, _, _ = socket.recv_fds(near, 1, 1)
            if not data:
                break
            found.append(socket.socket(fileno=fds[0]))
    os.waitpid(pid, 0)
    assert len(found) == n
    return found
