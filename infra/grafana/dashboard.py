"""Grafana's dashboard hindsight.json, made of Grafana's own types: `python infra/grafana/dashboard.py` writes it.

Every query is of a metric of `hindsight metrics` (flows/observe/metrics.py) or, with job="prefect", of Prefect's
server.
"""

from pathlib import Path

from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode, LegendDisplayMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FILE = Path(__file__).with_name("hindsight.json")
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
RUN = "{{stage}} on {{pool}}, {{run}}"
OF_POOL = '{pool=~"$pool"}'

# Row; panels of title, unit, query, legend. Stats have no legend.
ROWS = (
    (
        "Now",
        (
            ("Server", "short", "hindsight_server_up", ""),
            ("Running", "short", 'sum(hindsight_runs{state="running"}) or vector(0)', ""),
            ("Waiting", "short", 'sum(hindsight_runs{state=~"pending|scheduled"}) or vector(0)', ""),
            ("Oldest wait", "s", "max(hindsight_queue_oldest_seconds) or vector(0)", ""),
            ("Spent today", "currencyUSD", "sum(hindsight_spend_today_dollars)", ""),
            ("Spent this month", "currencyUSD", "sum(hindsight_spend_month_dollars)", ""),
        ),
    ),
    (
        "Training",
        (
            ("Tokens per second", "short", f"hindsight_train_tokens_per_second{OF_POOL}", RUN),
            ("Loss", "short", f"hindsight_train_loss{OF_POOL}", RUN),
            ("MFU", "percentunit", f"hindsight_train_mfu_ratio{OF_POOL}", RUN),
            ("Peak memory", "decbytes", f"hindsight_train_peak_memory_bytes{OF_POOL}", RUN),
            (
                "Steps done",
                "percentunit",
                f"hindsight_train_step{OF_POOL} / hindsight_train_steps{OF_POOL}",
                RUN,
            ),
            ("States in the store", "short", f"hindsight_train_states{OF_POOL}", RUN),
        ),
    ),
    (
        "Stages",
        (
            ("Time left", "s", f"hindsight_stage_left_seconds{OF_POOL}", RUN),
            ("On the machine", "s", f"hindsight_stage_seconds{OF_POOL}", RUN),
            ("Bytes per second", "Bps", f"hindsight_stage_bytes_per_second{OF_POOL}", RUN),
            ("Other work per second", "short", f"hindsight_stage_items_per_second{OF_POOL}", f"{RUN}, {{{{unit}}}}"),
            (
                "Work done",
                "percentunit",
                f"hindsight_stage_done{OF_POOL} / hindsight_stage_total{OF_POOL}",
                f"{RUN}, {{{{unit}}}}",
            ),
            ("Ended this month", "short", "hindsight_month_ended_runs", "{{stage}} {{state}}"),
        ),
    ),
    (
        "Queue and pools",
        (
            ("Runs", "short", f"sum by (pool, state) (hindsight_runs{OF_POOL})", "{{pool}} {{state}}"),
            ("Oldest wait", "s", f"hindsight_queue_oldest_seconds{OF_POOL}", "{{pool}}"),
            ("Workers online", "short", f"hindsight_pool_workers{OF_POOL}", "{{pool}}"),
            ("Ready", "short", f"hindsight_pool_ready{OF_POOL}", "{{pool}}"),
        ),
    ),
    (
        "Dollars",
        (
            ("This month, by pool", "currencyUSD", f"hindsight_spend_month_dollars{OF_POOL}", "{{pool}}"),
            ("Machine time this month", "s", f"hindsight_month_machine_seconds{OF_POOL}", "{{pool}}"),
            ("Of it without a price", "s", f"hindsight_month_unpriced_seconds{OF_POOL}", "{{pool}}"),
        ),
    ),
    (
        "Prefect's server",
        (
            ("Memory", "decbytes", 'process_resident_memory_bytes{job="prefect"}', "{{instance}}"),
            ("Cores", "short", 'rate(process_cpu_seconds_total{job="prefect"}[5m])', "{{instance}}"),
            ("Open files", "short", 'process_open_fds{job="prefect"}', "{{instance}}"),
        ),
    ),
)


def dashboard() -> str:
    """The dashboard as JSON."""
    made = (
        Dashboard("hindsight")
        .uid("hindsight")
        .tags(["hindsight"])
        .refresh("30s")
        .time("now-24h", "now")
        .timezone("browser")
        .with_variable(DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .with_variable(
            QueryVariable("pool")
            .label("Pool")
            .datasource(SOURCE)
            .query("label_values(hindsight_pool_ready, pool)")
            .multi(True)
            .include_all(True)
        )
    )
    for title, panels in ROWS:
        made = made.with_row(Row(title))
        for panel in panels:
            made = made.with_panel(_panel(*panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def _panel(title: str, unit: str, query: str, legend: str) -> Stat | TimeSeries:
    asked = Dataquery().expr(query).datasource(SOURCE).legend_format(legend).ref_id("A")
    if not legend:
        stat = Stat().title(title).unit(unit).datasource(SOURCE).with_target(asked.instant()).span(4).height(4)
        return stat.reduce_options(ReduceDataOptions().calcs(["lastNotNull"])).color_mode(BigValueColorMode.NONE)
    series = TimeSeries().title(title).unit(unit).datasource(SOURCE).with_target(asked).min(0).span(8).height(7)
    series = series.fill_opacity(10)
    return series.legend(VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).placement("bottom"))


if __name__ == "__main__":
    FILE.write_text(dashboard())
