"""Logs for Loki: its own configuration, and Alloy's, which reads the lines of LOG_FORMAT=json and sends them there.

Neither program is a package of Debian, so no test here runs them; `alloy fmt` and `loki -verify-config` are the user's.
Written for Loki 3 (one process, files, no sign-in: its port is not published) and Alloy 1.
"""

from monitoring.yaml_text import yaml_text

KEPT_H = 720
FIELDS = ("time", "level", "process")  # of a line that `shared.logs` writes
LABELS = ("level", "process")  # few values each: a label with many makes Loki slow


def loki(folder: str) -> str:
    """loki.yml: thirty days in `folder`, oldest forgotten first."""
    return yaml_text({
        "auth_enabled": False,
        "analytics": {"reporting_enabled": False},
        "server": {"http_listen_port": 3100, "grpc_listen_address": "127.0.0.1", "log_level": "warn"},
        "common": {
            "path_prefix": folder, "replication_factor": 1, "instance_addr": "127.0.0.1",
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {"chunks_directory": f"{folder}/chunks", "rules_directory": f"{folder}/rules"}},
        },
        "schema_config": {"configs": [{
            "from": "2025-01-01", "store": "tsdb", "object_store": "filesystem", "schema": "v13",
            "index": {"prefix": "index_", "period": "24h"},
        }]},
        "compactor": {
            "working_directory": f"{folder}/compactor", "retention_enabled": True, "delete_request_store": "filesystem",
        },
        "limits_config": {"retention_period": f"{KEPT_H}h", "reject_old_samples_max_age": "168h"},
    })  # fmt: skip


def alloy(pattern: str, url: str) -> str:
    """logs.alloy: the files that `pattern` names, each line by its own time, to Loki at `url`."""
    fields = ", ".join(f'"{name}" = ""' for name in FIELDS)
    labels = ", ".join(f'"{name}" = ""' for name in LABELS)
    return f"""\
local.file_match "coin" {{
  path_targets = [{{"__path__" = "{pattern}", "job" = "cointrader"}}]
}}

loki.source.file "coin" {{
  targets    = local.file_match.coin.targets
  forward_to = [loki.process.coin.receiver]
}}

loki.process "coin" {{
  stage.json {{
    expressions = {{{fields}}}
  }}
  stage.timestamp {{
    source = "time"
    format = "RFC3339Nano"
  }}
  stage.labels {{
    values = {{{labels}}}
  }}
  forward_to = [loki.write.coin.receiver]
}}

loki.write "coin" {{
  endpoint {{
    url = "{url}"
  }}
}}
"""
