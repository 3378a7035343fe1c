"""/metrics as a whole: read by two parsers, without a figure that contradicts itself."""

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from dashboard import metric_families
from dashboard.views.snapshot import Pm2Look
from shared.documents.feeds import LatencyDoc
from shared.documents.state import BotState, decode_state
from shared.documents.status import Phase
from shared.latency import BOUNDS_MS, Latencies
from shared.paths import ROOT
from shared.pm2 import Effective, Pm2Process
from shared.times import from_epoch_ms, iso_seconds
from tests.dashboard.conftest import Dash

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


async def scraped(dash: Dash, accept: str = "") -> str:
    async with dash.machine("viewer") as client:
        answer = await client.get("/metrics", headers={"accept": accept} if accept else {})
    assert answer.status_code == 200
    assert ("openmetrics" in answer.headers["content-type"]) == ("openmetrics" in accept)
    return answer.text


def values(families: list[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


async def test_both_formats_have_the_same_series_and_each_family_once(dash: Dash) -> None:
    plain, strict = await scraped(dash), await scraped(dash, OPENMETRICS)
    helps = Counter(line.split()[2] for line in plain.splitlines() if line.startswith("# HELP"))
    assert max(helps.values()) == 1, helps.most_common(3)
    assert values(list(read_text(plain))).keys() == values(list(read_openmetrics(strict))).keys()


async def test_a_latency_is_a_histogram_of_everything_since_the_start(dash: Dash) -> None:
    found = values(list(read_openmetrics(await scraped(dash, OPENMETRICS))))
    name = "bot_order_ack_seconds"
    assert found[f"{name}_bucket", (("le", "0.1"),)] == 4
    assert found[f"{name}_bucket", (("le", "+Inf"),)] == found[f"{name}_count", ()] == 6
    assert found[f"{name}_sum", ()] == pytest.approx(0.91)


@given(st.lists(st.floats(0, 60_000)))
def test_every_sample_is_in_one_bucket_that_reaches_to_it(samples_ms: list[float]) -> None:
    counted = Latencies()
    for sample in samples_ms:
        counted.add(sample)
    doc = counted.document()
    assert sum(doc.counts) == len(samples_ms) and doc.sum_ms == pytest.approx(math.fsum(samples_ms), abs=0.01)
    for i, bound in enumerate(BOUNDS_MS):
        assert sum(doc.counts[: i + 1]) == sum(sample <= bound for sample in samples_ms)


@pytest.mark.parametrize(
    "doc",
    [
        LatencyDoc(le_ms=[1.0, 2.0], counts=[1, 1], sum_ms=2.0),
        LatencyDoc(le_ms=[2.0, 1.0], counts=[1, 1, 1], sum_ms=2.0),
        LatencyDoc(le_ms=[1.0], counts=[3, -1], sum_ms=2.0),
    ],
)
def test_a_histogram_that_contradicts_itself_is_left_out(dash: Dash, doc: LatencyDoc) -> None:
    state = dash.hub.reader.snapshot().state
    assert state is not None and state.metrics is not None
    assert list(metric_families.latencies(replace(state.metrics, latencies={"order_ack": doc}))) == []


def changed(dash: Dash, **fields: object) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The strategy's families of the dashboard's document with other fields."""
    s = dash.hub.reader.snapshot()
    assert s.state is not None
    state: BotState = replace(s.state, **fields)  # type: ignore[arg-type]
    return values(list(metric_families.of_the_strategy(replace(s, state=state))))


def test_a_decision_is_as_old_as_the_end_of_the_newest_bar_of_any_product(dash: Dash) -> None:
    s = dash.hub.reader.snapshot()
    assert s.state is not None and s.state.gates is not None
    now_ms = round(s.now.timestamp()) * 1000
    starts = [iso_seconds(from_epoch_ms(now_ms - age_s * 1000)) for age_s in (400, 100, 2000)]
    products = [replace(s.state.gates.products[0], decided_at=start) for start in starts]
    of = lambda found: replace(s.state.gates, products=found)  # noqa: E731
    ages = changed(dash, gates=of(products), phase=Phase.TRADING)
    assert ages["bot_decision_age_seconds", ()] == pytest.approx(40, abs=2), "a product without a trade has no bar"
    never = [replace(one, decided_at=None) for one in products]
    assert ("bot_decision_age_seconds", ()) not in changed(dash, gates=of(never), phase=Phase.TRADING)
    assert ("bot_decision_age_seconds", ()) not in changed(dash, gates=of(products), phase=Phase.STOPPED)
    assert ("bot_decision_age_seconds", ()) not in changed(dash, gates=of(products), phase=Phase.TRADING, mode="replay")


def pm2_process(name: str, state: Effective, cwd: str, restarts: int = 0) -> Pm2Process:
    return Pm2Process(
        name, 1, 4242, state.value, state, state.value, restarts, 1_700_000_000_000, 50_000_000, 0.0, cwd, None, 0,
        8000, "", "",
    )  # fmt: skip


def test_processes_are_those_of_this_checkout_and_none_where_pm2_is_not_read(dash: Dash) -> None:
    s = dash.hub.reader.snapshot()
    ours = pm2_process("COIN-BOT", Effective.WAITING, str(ROOT), restarts=4)
    look = Pm2Look(None, "7.0.1", (pm2_process("COIN", Effective.ONLINE, str(ROOT)), ours,
                                   pm2_process("other", Effective.ONLINE, "/srv/other")))  # fmt: skip
    found = values(list(metric_families.of_the_processes(replace(s, pm2=look))))
    bot, own = (("process", "COIN-BOT"),), (("process", "COIN"),)
    assert found["coin_process_up", bot] == 0 and found["coin_process_up", own] == 1
    assert found["coin_process_restarts_total", bot] == 4
    assert found["coin_process_resident_bytes", own] == 50_000_000
    assert ("coin_process_resident_bytes", bot) not in found, "what does not run has no memory"
    assert not any("other" in str(key) for key in found)
    assert list(metric_families.of_the_processes(replace(s, pm2=Pm2Look("no daemon", None, (ours,))))) == []


async def test_a_bot_that_counts_nothing_new_has_no_such_series(dash: Dash) -> None:
    """An older bot's document: what it does not know is absent."""
    s = dash.hub.reader.snapshot()
    assert s.state is not None and s.state.feeds is not None and s.state.metrics is not None
    raw = dash.paths.state.read_bytes().replace(b'"latencies"', b'"unknown_to_it"')
    dash.paths.state.write_bytes(raw.replace(b'"rest_rate_limited"', b'"also_unknown"'))
    assert decode_state(dash.paths.state.read_bytes()).metrics is not None
    dash.hub.reader.look()
    text = await scraped(dash)
    assert "bot_equity_usd" in text and "bot_rest_rate_limited" not in text and "bot_order_ack_seconds" not in text
