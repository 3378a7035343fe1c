"""Prometheus, Alertmanager and Grafana as code: rules, configurations and dashboards, each made from one table."""
