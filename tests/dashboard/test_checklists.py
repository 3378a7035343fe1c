"""Checklists in the browser: each line as it stands, who has looked; a tick vouches for no more than it saw."""

from pathlib import Path

import pytest

from backups.record import BackupRecord, write_record
from reports.checklist import ChecklistLine, LineState
from reports.checklist_ticks import ChecklistTick, TicksUnusable, newest_of, period_of, read_ticks, tick
from shared.documents.alerts import encode_alerts
from tests.dashboard.alert_documents import document
from tests.dashboard.conftest import Dash
from tests.dashboard.test_alerts import text_of


def made(state: LineState = LineState.PERSON, line: str = "packages", period: str = "2026-W48") -> ChecklistTick:
    return ChecklistTick(period=period, line=line, state=state, figure="f", by="operator", at_ms=1)


def a_line(state: LineState, name: str = "packages") -> ChecklistLine:
    return ChecklistLine(name=name, title="t", state=state, figure="f")


def test_a_tick_counts_for_its_line_and_not_for_what_is_worse_than_it_saw() -> None:
    assert made().counts_for(a_line(LineState.PERSON)) and made().counts_for(a_line(LineState.UNKNOWN))
    assert not made().counts_for(a_line(LineState.FAILED))
    assert made(LineState.FAILED).counts_for(a_line(LineState.PERSON))
    assert not made().counts_for(a_line(LineState.PERSON, "backup"))


def test_a_week_and_a_month_end_in_utc() -> None:
    assert period_of("weekly", 1_796_083_199_000) == "2026-W49" and period_of("monthly", 1_796_083_199_000) == "2026-11"
    assert period_of("monthly", 1_796_083_200_000) == "2026-12"
    ticks = [made(), made(LineState.FAILED), made(period="2026-W47")]
    assert newest_of(ticks, "2026-W48") == {"packages": ticks[1]}


def test_ticks_are_kept_and_a_damaged_file_is_not_written_over(tmp_path: Path) -> None:
    assert read_ticks(tmp_path) == []
    tick(tmp_path / "reports", made())
    tick(tmp_path / "reports", made(line="backup"))
    file = tmp_path / "reports" / "ticks.json"
    assert [one.line for one in read_ticks(file.parent)] == ["packages", "backup"]
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("[")
    with pytest.raises(TicksUnusable, match="cannot be read"):
        tick(file.parent, made())
    assert file.read_text() == "["


@pytest.fixture
def watched(dash: Dash) -> Dash:
    dash.paths.alerts.write_bytes(encode_alerts(document()))
    dash.paths.alerts.chmod(0o600)
    dash.beat()
    return dash


async def test_an_operator_ticks_what_waits_and_the_trail_says_so(watched: Dash) -> None:
    async with await watched.browser() as client:
        page = await client.get("/alerts/checklists?list=monthly")
        assert page.status_code == 200
        text = text_of(page.text)
        assert "No package has a known hole it needs the network" in text and "for a person" in text
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]

        async def ask(**given: str) -> int:
            return (await client.post("/alerts/checklists/tick", data={"csrf": csrf, **given})).status_code

        assert await ask(list="monthly", line="packages", back="/alerts/checklists?list=monthly") == 303
        assert await ask(list="monthly", line="nothing") == 404 and await ask(list="daily", line="packages") == 400
        text = text_of((await client.get("/alerts/checklists?list=monthly")).text)
        assert "operator looked" in text
        assert "operator looked" not in text_of((await client.get("/alerts/checklists")).text)
        assert (await client.get("/alerts/checklists?list=daily")).status_code == 404
    (row,) = [row for row in watched.hub.audit.tail() if row["what"] == "checklist_tick"]
    assert (row["line"], row["state"], row["by"]) == ("packages", "person", "operator")


async def test_what_is_done_is_not_ticked_and_a_viewer_ticks_nothing(watched: Dash) -> None:
    now_ms = round(watched.hub.reader.snapshot().now.timestamp() * 1000)
    write_record(watched.paths.backups, BackupRecord(made_ms=now_ms, tried_ms=now_ms, archive="a.tar.gz", size=1))
    async with await watched.browser() as client:
        page = await client.get("/alerts/checklists")
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        done = await client.post("/alerts/checklists/tick", data={"csrf": csrf, "list": "weekly", "line": "backup"})
        assert done.status_code == 409
    async with await watched.browser("viewer") as client:
        page = await client.get("/alerts/checklists")
        assert page.status_code == 200 and ">Tick<" not in page.text
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        answer = await client.post("/alerts/checklists/tick", data={"csrf": csrf, "list": "weekly", "line": "drill"})
        assert answer.status_code == 403
    assert read_ticks(watched.paths.reports) == []
