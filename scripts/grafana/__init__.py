"""Dashboards as data, written to `deploy/grafana` by `python -m scripts.generate dashboards`."""
