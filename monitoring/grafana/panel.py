"""What a dashboard is made of. Sizes are in Grafana's grid: 24 columns, a row is 30 pixels high."""

from dataclasses import dataclass, field
from enum import StrEnum

COLUMNS = 24


class PanelKind(StrEnum):
    """How the answer is drawn."""

    LINES = "timeseries"
    NUMBER = "stat"
    STATES = "state-timeline"
    TABLE = "table"


class PanelUnit(StrEnum):
    """Grafana's words for units."""

    NONE = "short"
    USD = "currencyUSD"
    PERCENT = "percent"
    SECONDS = "s"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    PER_SECOND = "cps"
    SINCE = "dateTimeFromNow"
    YES_NO = "bool_yes_no"


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One PromQL expression. `$bot` and `$instance` are the dashboard's choices, as regular expressions;
    `$__rate_interval` is Grafana's. `legend` takes labels as `{{label}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class GrafanaPanel:
    """`about`: one sentence, shown at the panel's corner."""

    title: str
    about: str
    queries: tuple[PanelQuery, ...]
    unit: PanelUnit = PanelUnit.NONE
    kind: PanelKind = PanelKind.LINES
    width: int = 12
    height: int = 8
    thresholds: tuple[tuple[float, str], ...] = ()  # (from this value on, colour)


@dataclass(frozen=True, slots=True)
class GrafanaDashboard:
    """`chosen_by`: the label whose values are offered at the top, and the metric that has them all."""

    uid: str
    title: str
    about: str
    panels: tuple[GrafanaPanel, ...]
    chosen_by: tuple[str, str]
    tags: tuple[str, ...] = field(default=("cointrader",))
