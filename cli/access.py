"""Sessions and tokens of the dashboard, from the shell: list and end them. A running dashboard takes it at once."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli import ui
from cli.context import data_paths, loaded, own_folder
from cli.options import Json
from dashboard.auth import sessions as kept
from dashboard.auth import tokens
from dashboard.auth.roles import Role
from shared.audit_log import AuditLog
from shared.exits import Exit
from shared.figures import UNKNOWN
from shared.paths import DataPaths

LEAST_ID = 4


def _token_names(incomplete: str) -> list[str]:
    """Names of tokens, and the ids of those without one, for Tab."""
    found = tokens.listing(data_paths().dashboard)
    return [word for one in found if (word := one.name or one.id).startswith(incomplete)]


def _session_ids(incomplete: str) -> list[str]:
    """Ids of sessions that begin so, for Tab."""
    return [key[: kept.ID_CHARS] for key in kept.stored(data_paths().dashboard) if key.startswith(incomplete)]


def token(
    role: Annotated[Role | None, typer.Argument(help="Create one: viewer reads, operator commands too.")] = None,
    name: Annotated[str, typer.Option(help="What it is for, such as grafana.")] = "",
    expires: Annotated[
        str, typer.Option(metavar="SPAN", help="How long it is valid: 90d, 12h, 30m, 8w. Without it, until revoked.")
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="List the tokens.")] = False,
    revoke: Annotated[
        str, typer.Option(metavar="NAME|ID|--all", help="Revoke a token, or all of them.", autocompletion=_token_names)
    ] = "",
    json: Json = False,
) -> None:
    """Make, list or revoke: exactly one of them."""
    if sum((role is not None, listed, bool(revoke))) != 1:
        raise typer.BadParameter("give a role to create a token (viewer, operator), or --list, or --revoke.")
    if role is None and (name or expires):
        raise typer.BadParameter("--name and --expires belong to a new token: ./coin token viewer --name grafana")
    if role is not None:
        _make_token(role, name, expires)
    elif listed:
        _list_tokens(as_json=json)
    else:
        _revoke_token(revoke)


def sessions(
    revoke: Annotated[
        str, typer.Option(metavar="ID|--all", help="End one browser session, or all.", autocompletion=_session_ids)
    ] = "",
    json: Json = False,
) -> None:
    """List the sessions, or end some."""
    if revoke:
        _revoke_session(revoke)
    else:
        _list_sessions(as_json=json)


def _make_token(role: Role, name: str, expires: str) -> None:
    """Print a bearer token for machines. It is kept only as a hash, so it is shown this once."""
    paths = loaded().settings.paths
    own_folder(paths)
    try:
        lasts_s = tokens.span_s(expires) if expires else None
        secret = tokens.make(paths.dashboard, role, name, lasts_s)
    except ValueError as error:
        ui.give_up(f"No token was created: {error}", code=Exit.USAGE)
    _note(paths, "token_made", {"role": str(role), "name": name, "expires": expires or "never"})
    ui.plain(secret)


def _list_tokens(*, as_json: bool) -> None:
    found = tokens.listing(data_paths().dashboard)
    if as_json:
        ui.say_json([{**_token_json(one)} for one in found])
        return
    if not found:
        ui.line(ui.DOT, "No tokens. ./coin token viewer --name grafana creates one.")
        return
    rows = [
        (one.id, one.name or UNKNOWN, one.role.value, _at(one.made_s), _ends(one), _use(one.used_s), one.address)
        for one in found
    ]
    ui.table(("id", "name", "role", "made", "ends", "last use", "from"), "nntttth", rows)


def _revoke_token(wanted: str) -> None:
    paths = data_paths()
    ended = tokens.revoke(paths.dashboard, wanted)
    if not ended and wanted not in tokens.ALL:
        ui.give_up(f"There is no token {wanted}.", "./coin token --list lists them.")
    for one in ended:
        _note(paths, "token_revoked", {"id": one.id, "name": one.name})
        ui.line(ui.GOOD, f"Revoked: {one.name or one.id} ({one.role.value})")
    if not ended:
        ui.line(ui.DOT, "There are no tokens.")


def _list_sessions(*, as_json: bool) -> None:
    found = sorted(kept.stored(data_paths().dashboard).items(), key=lambda item: -item[1].used_s)
    if as_json:
        ui.say_json([_session_json(key, one) for key, one in found])
        return
    if not found:
        ui.line(ui.DOT, "No one is signed in. ./coin login prints a link.")
        return
    rows = [
        (key[: kept.ID_CHARS], one.role.value, one.how or UNKNOWN, one.agent or UNKNOWN, one.address or UNKNOWN,
         _at(one.began_s), _use(one.used_s))
        for key, one in found
    ]  # fmt: skip
    ui.table(("id", "role", "signed in by", "browser", "from", "since", "last use"), "nttttnt", rows)


def _revoke_session(wanted: str) -> None:
    paths = data_paths()
    everything = wanted in tokens.ALL
    if not everything and len(wanted) < LEAST_ID:
        ui.give_up(f"{wanted}: give {LEAST_ID} characters of the id or more.", code=Exit.USAGE)
    try:
        ended = kept.revoke(paths.dashboard, lambda key, _one: everything or key.startswith(wanted.lower()))
    except OSError as error:
        ui.give_up(f"Nothing was ended: {error}")
    if not ended and not everything:
        ui.give_up(f"There is no session {wanted}.", "./coin sessions lists them.")
    for key, one in ended.items():
        _note(paths, "session_ended", {"id": key[: kept.ID_CHARS]})
        ui.line(ui.GOOD, f"Ended: {key[: kept.ID_CHARS]} ({one.role.value}{', ' + one.agent if one.agent else ''})")
    if not ended:
        ui.line(ui.DOT, "No one was signed in.")


def _note(paths: DataPaths, what: str, facts: dict[str, Any]) -> None:
    AuditLog(paths.audit, "shell").note(what, by="shell", role="operator", address="shell", facts=facts)


def _token_json(one: tokens.Token) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name or None, "role": one.role.value, "made": _iso(one.made_s),
        "expires": _iso(one.expires_s), "expired": one.expired, "last_use": _iso(one.used_s),
        "address": one.address or None,
    }  # fmt: skip


def _session_json(key: str, one: kept.LoginSession) -> dict[str, Any]:
    return {
        "id": key[: kept.ID_CHARS], "role": one.role.value, "user": one.user, "how": one.how or None,
        "agent": one.agent or None, "address": one.address or None, "began": _iso(one.began_s),
        "last_use": _iso(one.used_s),
    }  # fmt: skip


def _iso(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")


def _at(at_s: float | None) -> str:
    return UNKNOWN if at_s is None else datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _use(at_s: float | None) -> str:
    return "not yet" if at_s is None else f"{ui.ago(max(0.0, time.time() - at_s))} ago"


def _ends(one: tokens.Token) -> str:
    if one.expires_s is None:
        return "when revoked"
    return "expired" if one.expired else f"in {ui.ago(one.expires_s - time.time())}"
