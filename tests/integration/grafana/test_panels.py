"""Every panel that asks PostgreSQL gets rows of the right shape, as the role that Grafana has."""

from datetime import datetime, timedelta
from itertools import product

import asyncpg
import pytest
import yaml

from scripts.grafana.macros import expand
from tests.integration.grafana.asking import (
    CHOSEN,
    GRAFANA,
    ROLES,
    SQL_TARGETS,
    Target,
    ask,
    dashboards,
    view,
)
from tests.integration.grafana.estate import NOW
from weir.model.configuration import ReportedConfiguration
from weir.model.configuration_sync import Wanted, sync_state

pytestmark = pytest.mark.postgres

SPANS = [timedelta(hours=1), timedelta(hours=24), timedelta(days=365)]

#: What devices may say that they run.
REPORTED = [
    None,
    *(
        ReportedConfiguration(version, of, rejected_version=rejected)
        for version, of, rejected in product((0, 1, 2, 3), ("", "a", "b"), (0, 1, 2))
    ),
]


@pytest.mark.parametrize("span", SPANS, ids=str)
@pytest.mark.parametrize(("name", "target"), SQL_TARGETS, ids=[name for name, _ in SQL_TARGETS])
async def test_a_panel_has_rows(estate: str, name: str, target: Target, span: timedelta) -> None:
    source = target["datasource"]["uid"]
    await _skip_what_the_server_lacks(estate, target)
    if span != SPANS[1] and "$__" not in target["rawSql"]:
        pytest.skip("the same at every time")
    if "device_event" in target["rawSql"] and span == SPANS[0]:
        pytest.skip("an event an hour")

    rows = await ask(estate, source, expand(target["rawSql"], view(span)))

    assert rows, name
    if target["format"] == "time_series":
        assert all(isinstance(row["time"], datetime) for row in rows)
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


@pytest.mark.parametrize("name", ["site", "device", "field"])
async def test_a_variable_has_values_to_choose(estate: str, name: str) -> None:
    (query,) = {
        variable["query"]
        for dashboard in dashboards()
        for variable in dashboard["templating"]["list"]
        if variable["name"] == name
    }
    rows = await ask(estate, "weir-postgres", expand(query, view(SPANS[0])))
    assert set(CHOSEN[name]) <= {row[0] for row in rows}


async def test_alert_rules_of_grafana_can_be_asked(estate: str) -> None:
    groups = yaml.safe_load((GRAFANA / "provisioning" / "alerting" / "weir.yaml").read_text())
    asked = 0
    for rule in groups["groups"][0]["rules"]:
        for query in rule["data"]:
            if query["datasourceUid"] in ROLES:
                await ask(estate, query["datasourceUid"], query["model"]["rawSql"])
                asked += 1
    assert len(groups["groups"][0]["rules"]) == asked


@pytest.mark.parametrize(
    ("span", "level"),
    [
        (timedelta(hours=1), "raw"),
        (timedelta(hours=24), "minute"),
        (timedelta(days=30), "hour"),
        (timedelta(days=700), "day"),
    ],
    ids=str,
)
async def test_the_resolution_follows_the_span(estate: str, span: timedelta, level: str) -> None:
    rows = await curve(estate, span)
    assert {level} == {row["level"] for row in rows}
    assert len(rows) <= 2 * 2_001


async def test_a_curve_goes_on_where_the_rollups_end(estate: str) -> None:
    rows = await curve(estate, timedelta(hours=24))
    # Rollups end at `NOW`, readings half a minute later.
    assert NOW - rows[-1]["time"] < timedelta(minutes=2)
    statement = """
        SELECT min(value), max(value) FROM report.reading JOIN report.series USING (series_id)
        WHERE serial = 'crane-1' AND field = 'x' AND observed_at >= $__timeFrom()
        """
    counted = await ask(estate, "weir-postgres", expand(statement, view(timedelta(hours=24))))
    of_x = [row for row in rows if row["field"] == "x"]
    assert counted[0]["min"] == pytest.approx(min(row["low"] for row in of_x))
    assert counted[0]["max"] == pytest.approx(max(row["high"] for row in of_x))


async def test_last_values_have_numbers_and_texts(estate: str) -> None:
    rows = await ask(estate, "weir-postgres", "SELECT * FROM report.last_values('crane-1')")
    found = {row["field"]: row for row in rows}
    assert "running" == found["status"]["text_value"]
    assert NOW + timedelta(seconds=30) == found["x"]["observed_at"]


async def test_the_state_of_a_configuration_is_that_of_the_model(estate: str) -> None:
    connection = await asyncpg.connect(estate)
    changes = connection.transaction()
    await changes.start()
    try:
        for version, reported in product((0, 1, 2), REPORTED):
            values = reported or ReportedConfiguration()
            await connection.execute(
                "UPDATE device_configuration SET version = $1, hash = 'b', reported_version = $2,"
                " reported_hash = $3, rejected_version = $4, reported_at = $5",
                version,
                values.version,
                values.hash,
                values.rejected_version,
                NOW if reported else None,
            )
            states = await connection.fetch("SELECT DISTINCT state FROM report.configuration")
            expected = sync_state(Wanted(version, "b"), reported)
            assert [expected] == [row["state"] for row in states], (version, reported)
    finally:
        await changes.rollback()
        await connection.close()


async def curve(estate: str, span: timedelta) -> list[asyncpg.Record]:
    text = (
        "SELECT * FROM report.curve('crane-1', ARRAY['x', 'y'], $__timeFrom(), $__timeTo(),"
        " interval '$__interval')"
    )
    return await ask(estate, "weir-postgres", expand(text, view(span)))


async def _skip_what_the_server_lacks(estate: str, target: Target) -> None:
    if "pg_stat_replication" in target["rawSql"]:
        pytest.skip("this server has no standby; tests/integration/standby asks one that has")
    if "pg_stat_statements" in target["rawSql"]:
        found = await ask(
            estate,
            "weir-postgres",
            "SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'",
        )
        if not found:
            pytest.skip("this server has no pg_stat_statements")
