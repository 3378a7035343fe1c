"""Malformed response bodies that a client must not take for success."""


def corrupt(body: bytes, kind: int) -> bytes:
    """A broken version of an answer."""
    match kind:
        case 0:
            return b"<html><body>Please sign in to the network</body></html>"
        case 1:
            return body[: len(body) // 2]
        case 2:
            return b""
        case 3:
            return b"null"
        case 4:
            return b"[]"
        case 5:
            return b"{}"
        case 6:
            return b'{"success":false,"failure_reason":"UNKNOWN_FAILURE_REASON","order_id":""}'
        case 7:
            return b'{"success":false,"error_response":{"error":"SOMETHING_NEW","message":"try later"}}'
        case 8:
            return b'{"success":true}'
        case _:
            return b'{"success":"true","order_id":17,"orders":null,"fills":null,"accounts":null,"candles":null}'
