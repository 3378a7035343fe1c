"""Grafana's dashboards as code: what each panel asks Prometheus, and the files that Grafana provisions itself from."""
