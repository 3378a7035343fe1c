"""What Loki and Alloy are told fits the lines that our processes write."""

import json
import logging
import re

import yaml

from monitoring import log_files
from shared.logs import JsonFormatter


def test_the_fields_that_alloy_reads_are_those_of_a_line() -> None:
    record = logging.LogRecord("chat", logging.ERROR, "x.py", 1, "said %s", ("no",), None)
    line = json.loads(JsonFormatter("COIN-CHAT").format(record))
    assert set(log_files.FIELDS) <= line.keys() and set(log_files.LABELS) <= set(log_files.FIELDS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]), "what RFC3339Nano takes"


def test_every_component_that_is_named_is_there_once_and_all_brackets_close() -> None:
    text = log_files.alloy("/var/log/cointrader/*.out.log", "http://loki:3100/loki/api/v1/push")
    made = re.findall(r'^([a-z_.]+) "coin" \{$', text, re.MULTILINE)
    named = re.findall(r"\b([a-z]+\.[a-z_.]+?)\.coin\.", text)
    assert len(made) == len(set(made)) == 4 and set(named) == set(made) - {"loki.source.file"}
    assert all(text.count(a) == text.count(b) for a, b in ("{}", "[]", "()"))


def test_loki_forgets_keeps_files_and_listens_to_nobody_else_for_its_own_parts() -> None:
    told = yaml.safe_load(log_files.loki("/loki"))
    assert told["limits_config"]["retention_period"] == "720h" and told["compactor"]["retention_enabled"] is True
    assert told["compactor"]["delete_request_store"] == told["schema_config"]["configs"][0]["object_store"]
    assert told["server"]["grpc_listen_address"] == told["common"]["instance_addr"] == "127.0.0.1"
    assert told["analytics"] == {"reporting_enabled": False}
