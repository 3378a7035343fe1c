"""A command's way: refused with a reason, or written, seen and told."""

import asyncio
import dataclasses
import re
from typing import Any

import orjson
import pytest

from dashboard import dispatch
from dashboard.cache import Cache
from dashboard.views.snapshot import Liveness, Pm2Look, Snapshot
from shared.audit_log import AuditLog
from shared.command_table import Cmd
from shared.control import TradingState, decode_control
from shared.documents.status import Status
from shared.files import write_whole
from shared.liveness import LockState
from shared.paths import DataPaths
from shared.pm2 import Effective, Pm2Process
from shared.presence import Presence
from tests.dashboard.conftest import Dash


def control(paths: DataPaths) -> TradingState:
    return decode_control(paths.control.read_bytes()).level


async def test_sent_seen_done(dash: Dash) -> None:
    async with dash.machine() as client:
        answer = await client.post("/api/commands", json={"cmd": "pause"})
        assert answer.status_code == 202
        sent = answer.json()
        assert answer.headers["location"] == sent["receipt"] == f"/api/commands/{sent['id']}"
        assert (await client.get(sent["receipt"])).json()["state"] == "sent"
        assert control(dash.paths) is TradingState.PAUSE
        dash.writer.obey()
        dash.beat()
        receipt = (await client.get(sent["receipt"])).json()
        assert receipt["state"] == "done"
        assert receipt["seen_ms"] >= receipt["sent_ms"]
        assert receipt["by"] == "operator (token)"
        assert (await client.get("/api/state")).json()["health"]["status"] == "paused"
        assert [c["id"] for c in (await client.get("/api/commands")).json()["commands"]] == [sent["id"]]


async def test_a_form_sends_the_same_and_goes_back_to_its_page(dash: Dash) -> None:
    async with await dash.browser() as client:
        token = client.headers.pop("x-csrf-token")
        form = {"cmd": "pause", "csrf": token, "back": "/risk"}
        answer = await client.post("/commands", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/risk")
        for back in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tx"):
            answer = await client.post("/commands", data={**form, "back": back})
            assert answer.headers["location"] == "/"
    assert [row["by"] for row in dash.hub.audit.tail() if row["what"] == "command"] == ["operator"] * 6


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"cmd": "sell_everything"}, 400),
        ({"cmd": ""}, 400),
        ({"cmd": "pause", "args": {"lot_id": "x"}}, 400),
        ({"cmd": "close_lot"}, 409),
        ({"cmd": "cancel", "args": {}}, 409),
        ({"cmd": "reset_kill", "args": {"latch_id": "abcd"}}, 409),
        ({"cmd": "adopt", "args": {"differences": "USD +1"}}, 409),
        ({"cmd": 7}, 422),
        ({"args": {}}, 422),
        ({"cmd": "pause", "args": []}, 422),
        ([], 422),
    ],
)
async def test_what_is_not_possible_says_so_and_writes_nothing(dash: Dash, body: object, status: int) -> None:
    async with dash.machine() as client:
        answer = await client.post("/api/commands", json=body)
        assert answer.status_code == status
        assert len(answer.json()["error"]) > 10
    assert not dash.paths.control.exists()


async def test_kill_is_never_refused(dash: Dash) -> None:
    dash.writer.paths.state.write_bytes(b'{"version":99}')
    dash.hub.reader.look()
    async with dash.machine() as client:
        assert (await client.post("/api/commands", json={"cmd": "pause"})).status_code == 409
        assert (await client.post("/api/commands", json={"cmd": "kill"})).status_code == 202
        assert (await client.post("/api/commands", json={"cmd": "kill"})).status_code == 202
    assert dash.paths.kill.exists()
    assert control(dash.paths) is TradingState.KILL


async def test_a_kill_that_is_latched_shuts_the_other_buttons_until_its_own_id_is_typed(dash: Dash) -> None:
    async with dash.machine() as client:
        await client.post("/api/commands", json={"cmd": "kill"})
        dash.writer.obey()
        dash.beat()
        for cmd in ("start", "pause", "stop"):
            answer = await client.post("/api/commands", json={"cmd": cmd})
            assert answer.json()["error"] == "Killed. Reset kill first."
        assert dash.writer.kill is not None
        latch = dash.writer.kill.latch_id
        for wrong in ("", "abc", latch[-3:], "0" * 8, latch + "0"):
            answer = await client.post("/api/commands", json={"cmd": "reset_kill", "args": {"latch_id": wrong}})
            assert answer.status_code == 409, wrong
        answer = await client.post(
            "/api/commands", json={"cmd": "reset_kill", "args": {"latch_id": latch[-6:].upper()}}
        )
        assert answer.status_code == 202
        dash.writer.obey()
        dash.beat()
        assert (await client.get("/api/state")).json()["health"]["word"] == "stopped"
    assert not dash.paths.kill.exists()


async def test_lifting_a_latch_over_real_money_wants_a_fresh_sign_in(
    dash: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    dash.writer.mode = "live"
    async with await dash.browser() as client:
        await client.post("/api/commands", json={"cmd": "kill"})
        dash.writer.obey()
        dash.beat()
        assert dash.writer.kill is not None
        body = {"cmd": "reset_kill", "args": {"latch_id": dash.writer.kill.latch_id}}
        with monkeypatch.context() as later:
            later.setattr(dispatch, "REAUTH_S", -1.0)
            answer = await client.post("/api/commands", json=body)
            assert answer.status_code == 409
            assert "sign-in" in answer.json()["error"]
        assert (await client.post("/api/commands", json=body)).status_code == 202


async def test_a_browser_types_flatten(dash: Dash) -> None:
    async with await dash.browser() as client:
        for confirm in ("", "yes", "FLAT"):
            answer = await client.post("/api/commands", json={"cmd": "flatten", "confirm": confirm})
            assert answer.status_code == 409
        assert (await client.post("/api/commands", json={"cmd": "flatten", "confirm": "flatten"})).status_code == 202


async def test_adopt_sends_the_text_that_was_shown_and_a_stale_one_is_answered_by_the_bot(make_dash: Any) -> None:
    dash: Dash = make_dash(scenario="differs")
    dash.beat()
    shown = dash.writer.differences
    assert shown == "BTC -0.01, USD +250.5"
    async with await dash.browser() as client:
        dialog = (await client.get("/ask", params={"ask": "adopt"})).text
        assert f'name="differences" value="{shown}"' in dialog
        form = {"cmd": "adopt", "differences": shown, "csrf": client.headers["x-csrf-token"]}
        for confirm in ("", "yes", "ADOP"):
            answer = await client.post("/commands", data={**form, "confirm": confirm})
            assert (answer.status_code, "Type ADOPT" in answer.text) == (409, True), confirm
        assert not dash.paths.control.exists()
        dash.writer.differences = "BTC -0.01, USD +300.5"  # more came while the dialog was open
        assert (await client.post("/commands", data={**form, "confirm": "adopt"})).status_code == 303
        sent = decode_control(dash.paths.control.read_bytes()).commands[-1]
        assert sent.args == {"differences": shown}
        dash.writer.obey()
        dash.beat()
        stale = (await client.get(f"/api/commands/{sent.id}")).json()
        assert (stale["state"], stale["reason"]) == (
            "rejected", "what differs is BTC -0.01, USD +300.5, not BTC -0.01, USD +250.5",
        )  # fmt: skip
        assert "300.5\xa0USD more" in (await client.get("/")).text
        form["differences"] = dash.writer.differences
        assert (await client.post("/commands", data={**form, "confirm": "ADOPT"})).status_code == 303
        dash.writer.obey()
        dash.beat()
        last = (await client.get("/api/commands")).json()["commands"][0]
        assert (last["state"], last["result"]["adopted"]) == ("done", "BTC -0.01, USD +300.5")
        again = await client.post("/api/commands", json={"cmd": "adopt", "args": {"differences": shown}})
        assert (again.status_code, again.json()["error"][:15]) == (409, "No difference: ")
        assert "The account differs" not in (await client.get("/")).text


async def test_a_long_list_of_differences_arrives_whole_and_a_viewer_adopts_nothing(dash: Dash) -> None:
    long = ", ".join(f"COIN{n} -0.00000001" for n in range(40))
    dash.writer.differences = long
    dash.beat()
    body = {"cmd": "adopt", "args": {"differences": long}, "confirm": "ADOPT"}
    async with await dash.browser("viewer") as client:
        page = (await client.get("/health")).text
        assert "0.00000001 less" in page
        buttons = re.findall(r'<button[^>]*value="adopt"[^>]*>', page)
        assert len(buttons) == 2  # in the note and on the card
        assert all('aria-disabled="true"' in button and "read-only" in button for button in buttons)
        assert (await client.post("/api/commands", json=body)).status_code == 403
    assert not dash.paths.control.exists()
    async with dash.machine() as client:
        too_long = {"cmd": "adopt", "args": {"differences": long * 3}}
        assert (await client.post("/api/commands", json=too_long)).status_code == 400
        assert (await client.post("/api/commands", json=body)).status_code == 202
    assert decode_control(dash.paths.control.read_bytes()).commands[-1].args == {"differences": long}


@pytest.mark.parametrize("cmd", ["flatten", "drill", "close_lot", "close_product", "cancel", "adopt"])
async def test_once_commands_want_a_bot_that_answers(dash: Dash, cmd: str) -> None:
    dash.paths.state.unlink()
    dash.hub.reader.look()
    args = {"close_lot": {"lot_id": "x"}, "close_product": {"product_id": "x"}, "cancel": {"client_order_id": "x"},
            "adopt": {"differences": "USD +1"}}  # fmt: skip
    async with dash.machine() as client:
        answer = await client.post("/api/commands", json={"cmd": cmd, "args": args.get(cmd, {})})
        assert (answer.status_code, answer.json()["error"]) == (409, "The bot is not responding.")
        assert (await client.post("/api/commands", json={"cmd": "stop"})).status_code == 202  # a level holds on disk


async def test_a_full_ring_is_503_and_kill_still_goes(dash: Dash) -> None:
    async with dash.machine() as client:
        got = [(await client.post("/api/commands", json={"cmd": "drill"})).status_code for _ in range(34)]
        assert got == [202] * 32 + [503] * 2
        assert (await client.post("/api/commands", json={"cmd": "kill"})).status_code == 202


async def test_where_the_disk_is_full_only_what_brakes_goes_on(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_a: object, **_k: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dash.hub.audit, "write", full)
    async with dash.machine() as client:
        answer = await client.post("/api/commands", json={"cmd": "drill"})
        assert answer.status_code == 507
        assert "No space left" in answer.json()["error"]
        assert (await client.post("/api/commands", json={"cmd": "stop"})).status_code == 202
        monkeypatch.setattr("shared.files.write_whole", full)
        assert (await client.post("/api/commands", json={"cmd": "pause"})).status_code == 507
        answer = await client.post("/api/commands", json={"cmd": "kill"})
        sent = answer.json()
        assert answer.status_code == 202
        assert sent["text"] == "killed by the file KILL; control.json could not be written (No space left on device)"
        assert (sent["ways"], sent["seq"]) == (["the file KILL"], None)
        receipt = (await client.get(sent["receipt"])).json()
        assert (receipt["state"], receipt["reason"]) == ("sent", sent["text"])
        # The bot was heard to latch: that is the receipt of a kill which no ring could name.
        monkeypatch.undo()
        dash.writer.obey()
        dash.beat()
        receipt = (await client.get(sent["receipt"])).json()
        assert receipt["state"] in ("seen", "done") and "by the file KILL" in receipt["reason"]
    assert dash.paths.kill.exists()  # the KILL file needs no room


async def test_a_page_says_by_which_way_it_killed(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_a: object, **_k: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shared.files.write_whole", full)
    async with await dash.browser() as client:
        token = client.headers["x-csrf-token"]
        piece = await client.post("/commands", data={"cmd": "kill", "csrf": token}, headers={"HX-Request": "true"})
        whole = await client.post("/commands", data={"cmd": "kill", "csrf": token})
        for answer in (piece, whole):
            assert answer.status_code == 202
            assert "<h2>Killed</h2>" in answer.text or ">Killed</h1>" in answer.text
            assert (
                "Killed by the file KILL; control.json could not be written (No space left on device)." in answer.text
            )
            assert "Not sent" not in answer.text
        assert "Killed by the file KILL" in (await client.get("/")).text, "the strip with the receipt says so, too"


async def test_a_kill_that_no_way_took_is_not_sent_and_says_what_to_do(
    dash: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_a: object, **_k: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("shared.control._make_kill_file", lambda _path: "the file KILL could not be made (Read-only)")
    monkeypatch.setattr("shared.files.write_whole", full)
    async with dash.machine() as client:
        answer = await client.post("/api/commands", json={"cmd": "kill"})
        assert answer.status_code == 507
        assert answer.json()["error"].startswith("Not sent: the file KILL could not be made (Read-only); control.json")
        assert "./coin halt" in answer.json()["error"]


async def test_run_is_another_word_for_start(dash: Dash) -> None:
    async with dash.machine() as client:
        await client.post("/api/commands", json={"cmd": "pause"})
        answer = await client.post("/api/commands", json={"cmd": "run"})
        assert (answer.status_code, answer.json()["cmd"]) == (202, "start")
        assert control(dash.paths) is TradingState.RUN


async def test_every_command_has_one_audit_line_before_it_is_sent(dash: Dash) -> None:
    async with dash.machine() as client, await dash.browser() as person:
        await client.post("/api/commands", json={"cmd": "pause"})
        await client.post("/api/commands", json={"cmd": "close_lot", "args": {"lot_id": "x\n{}\u202e"}})
        await client.post("/api/commands", json={"cmd": "flatten", "args": {"x": "y"}})
        await person.post("/commands", data={"cmd": "kill", "how": "held", "csrf": person.headers["x-csrf-token"]})
    lines = dash.paths.audit.read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    told = [(r["what"], r.get("cmd"), r["by"]) for r in rows if "cmd" in r]
    assert told == [
        ("command", "pause", "operator (token)"),
        ("command", "close_lot", "operator (token)"),
        ("refused", "flatten", "operator (token)"),
        ("command", "kill", "operator"),
    ]
    assert rows[-1]["how"] == "held"
    assert all(r["at"].endswith("Z") and r["from"] for r in rows)
    assert all(b"\x1b" not in line and b"\n" not in line for line in lines)


class Pm2:
    """A PM2 that knows the bot; only `start` is asked of it here."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, name: str) -> None:
        self.started.append(name)


async def test_start_asks_pm2_when_there_is_no_process(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Pm2Process(
        "COIN-BOT", 1, 0, "stopped", Effective.STOPPED, "stopped (78)", 3, None, 0, 0.0, "", 78, 0, 8000, "", ""
    )
    whole = dash.hub.reader.snapshot
    fake = Pm2()
    dash.hub.reader.pm2_client = fake  # type: ignore[assignment]
    dash.paths.state.unlink()
    dash.writer.lock.close()
    dash.hub.reader.look()
    dash.hub.reader.look_at_process()
    monkeypatch.setattr(
        dash.hub.reader,
        "snapshot",
        lambda: dataclasses.replace(
            whole(),
            pm2=dataclasses.replace(whole().pm2, trouble=None, processes=(process,)),
            liveness=dataclasses.replace(whole().liveness, pid_alive=False),
        ),
    )
    async with dash.machine() as client:
        assert (await client.post("/api/commands", json={"cmd": "start"})).status_code == 202
    assert fake.started == ["COIN-BOT"]
    assert any(row["what"] == "pm2_start" for row in dash.hub.audit.tail())


async def test_two_tabs_at_once_lose_nothing(dash: Dash) -> None:
    async with dash.machine() as client:
        answers = await asyncio.gather(
            *(client.post("/api/commands", json={"cmd": c}) for c in ("pause", "start", "stop", "drill") * 5)
        )
    assert [a.status_code for a in answers] == [202] * 20
    ring = decode_control(dash.paths.control.read_bytes()).commands
    assert sorted(c.seq for c in ring) == list(range(1, 21))
    assert {c.id for c in ring} == {a.json()["id"] for a in answers}


async def test_a_damaged_control_file_is_mended_by_a_command(dash: Dash) -> None:
    for damage in (b"", b"{", b"[]", b'{"command":"fly"}'):
        write_whole(dash.paths.control, damage, durable=False)
        dash.hub.reader.look()
        assert dash.hub.reader.snapshot().control_error
        async with dash.machine() as client:
            assert (await client.post("/api/commands", json={"cmd": "pause"})).status_code == 202
        assert control(dash.paths) is TradingState.PAUSE


@pytest.mark.parametrize("status", list(Status))
async def test_the_api_refuses_what_the_button_refuses(dash: Dash, status: Status) -> None:
    whole = dash.hub.reader.snapshot()
    assert whole.state is not None
    s = dataclasses.replace(whole, state=dataclasses.replace(whole.state, status=status))
    dash.hub.reader.snapshot = lambda: s  # type: ignore[method-assign]
    async with dash.machine() as client:
        for cmd in (Cmd.START, Cmd.PAUSE, Cmd.STOP, Cmd.FLATTEN, Cmd.DRILL):
            why = dispatch.why_not(s, cmd)
            answer = await client.post("/api/commands", json={"cmd": cmd.value})
            assert (answer.status_code == 409) == bool(why), (cmd, why)
            if why:
                assert answer.json()["error"] == why


async def test_a_dialog_says_what_happens_before_it_does(dash: Dash) -> None:
    async with await dash.browser() as client:
        kill = (await client.get("/ask", params={"ask": "kill"})).text
        assert "exits are not managed" in kill
        assert "6 lots worth" in kill
        flatten = (await client.get("/ask", params={"ask": "flatten"})).text
        assert "Sell 6 lots" in flatten
        assert "taker 0.90" in flatten
        state = dash.writer.state()
        assert state.positions is not None
        lot = state.positions[0].lots[0]
        close = (await client.get("/ask", params={"ask": f"close_lot:{lot.lot_id}"})).text
        assert f'value="{lot.lot_id}"' in close
        for nothing in ("start", "close_lot:none", "cancel:web-4711", "fly", ""):
            assert (await client.get("/ask", params={"ask": nothing})).status_code == 404


async def test_starting_the_process_keeps_the_wish_on_disk(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note's button on a bot that died while it was paused: the pause is a person's, and stays."""
    async with dash.machine() as client:
        assert (await client.post("/api/commands", json={"cmd": "pause"})).status_code == 202
    process = Pm2Process(
        "COIN-BOT", 1, 0, "stopped", Effective.STOPPED, "stopped", 3, None, 0, 0.0, "", 0, 0, 8000, "", ""
    )
    whole = dash.hub.reader.snapshot
    fake = Pm2()
    dash.hub.reader.pm2_client = fake  # type: ignore[assignment]
    dash.writer.lock.close()
    dash.hub.reader.look()
    dash.hub.reader.look_at_process()

    def dead() -> Snapshot:
        s = whole()
        return dataclasses.replace(
            s, presence=Presence.OFFLINE, age_s=90.0, pm2=Pm2Look(None, "7", (process,)),
            liveness=Liveness(s.liveness.pid, False, LockState.FREE),
        )  # fmt: skip

    monkeypatch.setattr(dash.hub.reader, "snapshot", dead)
    before = dash.paths.control.read_bytes()
    client = await dash.browser()
    async with client:
        page = (await client.get("/")).text
        assert 'value="start_process"' in page and "It starts paused" in page
        sent = await client.post("/commands", data={"cmd": "start_process"}, headers={"hx-request": "true"})
        assert sent.status_code == 200, sent.text
        refused = await client.post("/commands", data={"cmd": "restart_process"}, headers={"hx-request": "true"})
        assert refused.status_code == 409
    assert fake.started == ["COIN-BOT"]
    assert dash.paths.control.read_bytes() == before, "the pause is not lifted"
    assert any(row["what"] == "pm2_start" for row in dash.hub.audit.tail())
    viewer = await dash.browser("viewer")
    async with viewer:
        assert (await viewer.post("/commands", data={"cmd": "start_process"})).status_code in (403, 409)
    assert fake.started == ["COIN-BOT"]


async def test_the_events_page_shows_the_shells_lines_too_and_whether_the_chain_is_whole(dash: Dash) -> None:
    AuditLog(dash.paths.audit, "shell").write("command", by="ann", role="operator", address="", facts={"cmd": "backup"})
    async with await dash.browser() as person:
        shown = (await person.get("/events")).text
        assert "ann, shell" in shown and "entries intact" in shown
        changed = dash.paths.audit.read_bytes().replace(b'"ann"', b'"bob"')
        dash.paths.audit.write_bytes(changed)
        dash.hub.cache = Cache()
        assert "NOT INTACT" in (await person.get("/events")).text
