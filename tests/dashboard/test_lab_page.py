"""The Lab page: who may ask, what a form becomes, how a file comes in, and that nothing of it is computed here."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from dashboard import lab_form, lab_reader
from dashboard.lab_form import LabFormRefused
from dashboard.pages.compare.page import difference, sentence
from dashboard.pages.job.view import heat_map, swept_sentence
from dashboard.pages.lab import view
from dashboard.views import plot
from shared.bots import LAB
from shared.documents.kept_run import KeptRunDoc, decode_kept_run
from shared.documents.lab import (
    LabCurve,
    LabKind,
    LabPoint,
    LabRequest,
    LabSets,
    LabState,
    LabStatus,
    LabSwept,
    encode,
)
from shared.files import write_whole
from shared.lab_files import LabFolder, LabJob, new_job_id
from shared.pm2 import Pm2Client
from tests.dashboard.conftest import Dash
from tests.dashboard.test_alerts import text_of

FORM = {"job": "run", "data": "SOL-USD_1m", "strategy": "sma_cross", "s.TAKE_PROFIT_PCT": "2.5"}
RUN = "20261201-120000-sma_cross"


def run_document(run_id: str = RUN, **verdict: Any) -> dict[str, Any]:
    return {
        "run_id": run_id, "at": "2026-12-01T12:00:00Z",
        "request": {"data": ["SOL-USD_1m"], "overrides": {"STRATEGY": "sma_cross", "TAKE_PROFIT_PCT": "2.5"},
                    "model": {"fill": "next_open", "maker_pct": 0.5, "taker_pct": 0.9, "spread_bps": 0.0,
                              "slippage_bps": 0.0, "cash": 10_000.0}, "style": "lots", "engine": "fast"},
        "settings": {"STRATEGY": "sma_cross", "TAKE_PROFIT_PCT": "2.5"},
        "data": [{"name": "SOL-USD_1m", "product_id": "SOL-USD", "digest": "0f", "bars": 525_600}], "code": "abc",
        "verdict": {"sentence": "Lost 1.5 % while holding gained 14.0 %", "proof": "Against holding −13.6 %",
                    "luck": "not distinguishable from luck", "total_return": -0.015, "buy_and_hold": 0.14,
                    "open_lots": 10, "open_result": -814.79, "closed_lots": 184, "closed_result": 663.48} | verdict,
        "figures": {"total_return": -0.015, "buy_and_hold": 0.14, "final_equity": 9848.69, "realised": 663.48,
                    "open_result": -814.79, "max_drawdown": -0.2054, "lots": 184, "open_lots": 10, "win_rate": None},
        "kinds": {"total_return": ["Return", "percent"], "win_rate": ["Win rate", "percent"]}, "notes": ["One note"],
        "curve": {"times_s": [1_730_419_200, 1_740_000_000, 1_750_000_000], "equity": [10_000.0, 9_500.5, 9_848.69],
                  "holding": [10_000.0, 12_000.0, 11_404.97], "cash": 10_000.0},
    }  # fmt: skip


def keep_run(dash: Dash, **more: Any) -> KeptRunDoc:
    made = run_document(**more)
    folder = lab_reader.runs_folder(dash.paths) / made["run_id"]
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(orjson.dumps(made))
    (folder / "report.html").write_text("<!doctype html><script>1</script>")
    (folder / "trades.csv").write_text(
        "product_id,kind,opened,closed,base_size,entry_price,exit_price,exit_reason,pnl,marked_pnl\n"
        "SOL-USD,runner,2024-11-01T01:52:00Z,2024-11-01T04:51:00Z,1.9,149.15,145.41,stop,-12.7,-12.7\n"
        "SOL-USD,scalp,2024-11-02T01:52:00Z,,2.1,140.15,,open,,-3.25\n"
    )
    return decode_kept_run(orjson.dumps(made))


class Starts(Pm2Client):
    """A PM2 that starts what it is told, and keeps what that was."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, name: str) -> None:
        self.told.append(name)


@pytest.fixture
def pm2(dash: Dash) -> Starts:
    made = Starts()
    dash.hub.reader.pm2_client = made
    return made


def jobs(dash: Dash) -> list[LabJob]:
    return list(LabFolder(dash.paths).listed())


async def test_a_run_is_asked_for_with_what_differs_and_pm2_starts_the_lab(dash: Dash, pm2: Starts) -> None:
    default = str(dash.loaded.settings.stop_loss_pct)
    async with await dash.browser() as client:
        answer = await client.post("/lab/ask", data=FORM | {"s.STOP_LOSS_PCT": default, "s.SIZING": ""})
    (job,) = jobs(dash)
    assert answer.status_code == 303 and answer.headers["location"] == f"/lab?job={job.request.id}"
    assert job.request.kind is LabKind.RUN and job.state is LabState.WAITING and pm2.told == [LAB]
    assert job.request.question is not None and job.request.question.data == ["SOL-USD_1m"]
    assert job.request.question.settings == {"STRATEGY": "sma_cross", "TAKE_PROFIT_PCT": "2.5"}
    assert '"lab_job"' in dash.paths.audit.read_text()


async def test_a_viewer_looks_and_asks_for_nothing(dash: Dash, pm2: Starts) -> None:
    keep_run(dash)
    async with await dash.browser("viewer") as client:
        page = (await client.get("/lab")).text
        assert "Lost 1.5 % while holding gained 14.0 %" in text_of(page) and "disabled" in page
        assert "Choose a file" not in text_of(page)
        for path in ("/lab/ask", "/lab/act", "/lab/download", "/lab/wake", "/lab/try", "/lab/upload?size=10"):
            assert (await client.post(path, data=FORM)).status_code == 403
    assert jobs(dash) == [] and pm2.told == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data": "../../etc/passwd"}, "Choose the data first"),
        ({"strategy": "os.system"}, "lower-case letters"),
        ({"s.TAKE_PROFIT_PCT": "lots"}, "a number from 0.01 to 1000"),
        ({"s.TAKE_PROFIT_PCT": "nan"}, "a number from 0.01 to 1000"),
        ({"s.COINBASE_API_KEY_NAME": "x"}, "no setting of a backtest"),
        ({"s.SIZING": "all of it"}, "one of percent"),
        ({"since": "yesterday"}, "a day, such as"),
        ({"taker_pct": "-1"}, "from 0 to 10"),
        ({"job": "sweep"}, "at least one axis"),
        ({"job": "sweep", "axis1": "DATA_DIR", "values1": "1,2"}, "no setting of a backtest"),
        ({"job": "sweep", "axis1": "TAKE_PROFIT_PCT", "values1": "$(id)"}, "single values with commas"),
        ({"job": "walk", "axis1": "MA_FAST", "values1": "5,10", "train": "a year"}, "a length such as 60d"),
    ],
)
async def test_what_does_not_hold_is_said_and_not_asked(
    dash: Dash, pm2: Starts, given: Mapping[str, str], said: str
) -> None:
    async with await dash.browser() as client:
        answer = await client.post("/lab/ask", data=FORM | given)
    assert answer.status_code == 422 and said in text_of(answer.text) and jobs(dash) == [] and pm2.told == []


async def test_without_pm2_the_job_waits_and_the_page_says_so(dash: Dash) -> None:
    async with await dash.browser() as client:
        answer = await client.post("/lab/ask", data=FORM)
    assert answer.status_code == 202 and "COIN-LAB does not run" in text_of(answer.text)
    assert [job.state for job in jobs(dash)] == [LabState.WAITING]


async def test_lab_false_leaves_it_out(make_dash: Any) -> None:
    dash = make_dash(env={"LAB": "false"})
    dash.beat()
    async with await dash.browser() as client:
        page = await client.get("/lab")
        assert "LAB=false" in text_of(page.text) and "disabled" in page.text
        assert (await client.post("/lab/wake")).status_code == 503


async def test_stop_leaves_a_mark_that_the_lab_sees(dash: Dash, pm2: Starts) -> None:
    async with await dash.browser() as client:
        await client.post("/lab/ask", data=FORM)
        (job,) = jobs(dash)
        answer = await client.post("/lab/act", data={"stop": job.request.id})
        assert answer.status_code == 303 and (job.folder / "stop").exists()
        assert (await client.post("/lab/act", data={"stop": "../../x"})).status_code == 404


async def test_a_file_comes_in_pieces_each_where_the_one_before_ended(dash: Dash, pm2: Starts) -> None:
    async with await dash.browser() as client:
        upload = (await client.post("/lab/upload?size=10")).json()["id"]
        octets = {"content-type": "application/octet-stream"}
        assert (await client.post(f"/lab/upload/{upload}?at=0", content=b"01234", headers=octets)).json() == {"at": 5}
        again = await client.post(f"/lab/upload/{upload}?at=0", content=b"01234", headers=octets)
        assert again.json() == {"at": 5}, "a piece that came twice is not added"
        assert (await client.post(f"/lab/upload/{upload}?at=5", content=b"56789", headers=octets)).json() == {"at": 10}
        path = LabFolder(dash.paths).upload(upload)
        assert path.read_bytes() == b"0123456789" and path.stat().st_mode & 0o777 == 0o600
        large = await client.post(f"/lab/upload/{upload}?at=10", content=b"x" * (1024 * 1024 + 1), headers=octets)
        assert large.status_code == 413
        assert (await client.post("/lab/upload?size=999999999999")).status_code == 413
        assert (await client.post("/lab/upload/..%2F..%2Fx?at=0", content=b"x", headers=octets)).status_code == 404
        answer = await client.post("/lab/look", data={"upload": upload, "name": "C:\\tmp\\..\\SOL-USD\u202e_1m.csv"})
        assert answer.status_code == 303
        (job,) = jobs(dash)
        assert job.request.file is not None and job.request.file.shown_name == "SOL-USD_1m.csv"
        LabFolder(dash.paths).say(job.request.id, LabStatus(state=LabState.FAILED, at_ms=1, error="no rows"))
        dash.hub.cache = type(dash.hub.cache)()
        assert "No rows." in text_of((await client.get("/lab")).text)
        await client.post("/lab/act", data={"refuse": job.request.id})
    assert not path.exists() and jobs(dash) == []


async def test_a_try_that_nobody_answers_says_why(dash: Dash) -> None:
    body = {"page": "a" * 24, "seq": 1, "form": FORM}
    async with await dash.browser() as client:
        answer = await client.post("/lab/try", json=body)
        assert answer.status_code == 202 and "COIN-LAB does not run" in answer.json()["wait"]
        wrong = await client.post("/lab/try", json=body | {"form": FORM | {"s.MA_FAST": "0"}})
        assert wrong.status_code == 422 and "MA_FAST" in wrong.json()["error"]
        assert (await client.post("/lab/try", json=body | {"page": "../x"})).status_code == 422


async def test_a_kept_run_is_shown_with_open_lots_in_the_headline_and_its_report_in_a_sandbox(dash: Dash) -> None:
    keep_run(dash)
    async with await dash.browser("viewer") as client:
        page = await client.get(f"/lab/run?id={RUN}")
        text = text_of(page.text)
        assert "Lost 1.5 % while holding gained 14.0 %" in text and "−814.79" in text and "184 closed, 10 open" in text
        assert "still open" in text and "−3.25" in text and "style=" not in page.text.partition("<main")[2]
        report = await client.get(f"/lab/report?id={RUN}")
        assert report.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
        assert "unsafe-inline" not in page.headers["content-security-policy"]
        for path in ("/lab/run?id=../x", "/lab/report?id=..", "/lab/job?id=1", f"/lab/compare?a={RUN}&b=x"):
            assert (await client.get(path)).status_code == 404


async def test_two_ticked_runs_are_shown_over_each_other(dash: Dash) -> None:
    first = keep_run(dash)
    other = keep_run(dash, run_id="20261201-130000-sma_cross", total_return=0.02)
    async with await dash.browser("viewer") as client:
        ticked = await client.get("/lab/compare", params=[("run", first.run_id), ("run", other.run_id)])
        assert ticked.status_code == 303
        page = text_of((await client.get(ticked.headers["location"])).text)
    assert "The first ends 3.50 points lower" in page and "Every setting is the same." in page
    assert sentence(first, replace(first, data=[replace(first.data[0], digest="1e")]), same=False).startswith(
        "They ran"
    )
    assert first.curve is not None
    later = LabCurve(times_s=[1, 2], equity=[1.0, 2.0], holding=[1.0, 1.0], cash=1.0)
    assert difference(first.curve, later) is None, "no moment in common"


def test_a_heat_map_shows_what_is_to_come_and_a_point_that_could_not_run() -> None:
    points = [LabPoint(values=["1.5", "0.2"], figures={"total_return": -0.05, "lots": 10, "open_lots": 2}),
              LabPoint(values=["1.5", "0.4"], figures={"total_return": 0.02}),
              LabPoint(values=["2.0", "0.2"], error="contradiction")]  # fmt: skip
    swept = LabSwept(axes=["TAKE_PROFIT_PCT", "TRAIL_DISTANCE_PCT"], points=points, of=4, metric="total_return",
                     buy_and_hold=0.01)  # fmt: skip
    found = heat_map(swept, ["TAKE_PROFIT_PCT=1.5:2.0:0.5", "TRAIL_DISTANCE_PCT=0.2,0.4"])
    assert found is not None and found.heads == ["1.5", "2.0"] and [row.head for row in found.rows] == ["0.4", "0.2"]
    cells = {(head, row.head): cell for row in found.rows for head, cell in zip(found.heads, row.cells, strict=True)}
    assert cells["2.0", "0.4"].number is None and "contradiction" in cells["2.0", "0.2"].say
    assert (
        cells["1.5", "0.4"].css.endswith("best")
        and cells["1.5", "0.2"].css == "qn5"
        and "2 open" in cells["1.5", "0.2"].say
    )
    assert swept_sentence(swept) == ("The best of 2 points made +2.00\u00a0%, while holding made +1.00\u00a0%.",
                                     "1 of 2 ended above holding.")  # fmt: skip


def test_days_become_strokes_and_a_missing_one_has_none() -> None:
    assert [(s.x, s.width, s.css) for s in view.strokes([100, 100, 0, 50])] == [(0.0, 50.0, "g1"), (75.0, 25.0, "gw")]
    assert view.strokes([]) == []


@pytest.mark.parametrize(("low", "high"), [(3_000.0, 18_000.0), (9_990.0, 10_010.0), (0.0, 0.0), (-500.0, 200.0)])
def test_an_axis_has_round_values_within_it(low: float, high: float) -> None:
    bottom, top, ticks = plot.scale(low, high)
    assert bottom < low and high < top and 2 <= len(ticks) <= 12 and all(bottom <= tick <= top for tick in ticks)


def test_months_under_a_plot_stand_where_they_begin() -> None:
    labels = plot.times(1_730_419_200, 1_730_419_200 + 365 * 86_400)
    assert [label.text for label in labels][:3] == ["Dec", "2025", "Feb"] and labels[0].at == pytest.approx(
        8.22, abs=0.01
    )
    assert len(plot.times(1_730_419_200, 1_730_419_200 + 2 * 86_400)) >= 4


def test_the_form_says_what_a_run_changed() -> None:
    question = lab_form.of_kept(decode_kept_run(orjson.dumps(run_document())))
    assert lab_form.differs(question) == "take profit 2.5\u00a0%"
    with pytest.raises(LabFormRefused):
        lab_form.axis({"axis1": "TAKE_PROFIT_PCT", "values1": "a"}, 1)
    assert lab_form.axis_values("K=1.0:2.0:0.5") == ["1.0", "1.5", "2.0"] and lab_form.axis_values("K=1,b") == [
        "1",
        "b",
    ]


async def test_hostile_names_and_errors_are_text(dash: Dash, pm2: Starts) -> None:
    folder, evil = LabFolder(dash.paths), "<img src=x onerror=alert(1)>"
    folder.prepare()
    write_whole(folder.sets, encode(LabSets(at_ms=1, sets=[], refused={evil: evil})), durable=False)
    request = LabRequest(id=new_job_id(1_730_419_200_000), kind=LabKind.SWEEP, user="a", by="b", at_ms=1, title=evil)
    folder.put(request)
    folder.say(request.id, LabStatus(state=LabState.FAILED, at_ms=1, error=evil))
    async with await dash.browser() as client:
        for path in ("/lab", f"/lab/job?id={request.id}", f"/lab?job={request.id}"):
            page = (await client.get(path)).text
            assert "<img" not in page and "&lt;img" in page
