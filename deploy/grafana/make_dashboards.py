#!/usr/bin/env python3
"""Writes the dashboards beside this file: python3 deploy/grafana/make_dashboards.py

A dashboard is rows of panels, a panel its queries; what Grafana wants besides (ids, places, data source, units) is the same for all of
them and is added here. tests/observability evaluates every query against a real Prometheus, and fails when the JSON is not what this writes.
"""

import json
import os
import sys

SOURCE = {"type": "prometheus", "uid": "${source}"}
P99 = 'quantile="0.99"'


def w(labels=""):
    """A selector of the workers that are looked at."""
    return '{instance=~"$instance"' + (", " + labels if labels else "") + "}"


def f(labels=""):
    return '{instance=~"$instance", function=~"$function"' + (", " + labels if labels else "") + "}"


def panel(title, unit, *queries, kind="timeseries", width=12, text="", stack=False):
    """`queries` are (legend, expression)."""
    targets = [{"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": expression, "legendFormat": legend,
                **({"instant": True, "range": False, "format": "table"} if kind == "table" else {})}
               for i, (legend, expression) in enumerate(queries)]
    made = {"type": kind, "title": title, "description": text, "datasource": SOURCE, "targets": targets, "width": width,
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []}, "options": {}}
    if kind == "timeseries":
        made["fieldConfig"]["defaults"]["custom"] = {"fillOpacity": 10, "showPoints": "never",
                                                     "stacking": {"mode": "normal" if stack else "none"}}
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    return made


def quantiles(metric, by="", labels=""):
    """The three quantiles of a histogram, as queries."""
    group = "le" + (", " + by if by else "")
    legend = " {{" + by + "}}" if by else ""
    return [(name + legend, f"histogram_quantile({q}, sum by ({group}) (rate({metric}_bucket{labels}[$__rate_interval])))")
            for name, q in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))]


def rate(metric, labels, by=""):
    total = f"rate({metric}{labels}[$__rate_interval])"
    return f"sum by ({by}) ({total})" if by else f"sum({total})"


def variable(name, label, query):
    return {"type": "query", "name": name, "label": label, "datasource": SOURCE, "query": {"query": query, "refId": name},
            "definition": query, "includeAll": True, "allValue": ".*", "multi": True, "refresh": 2, "sort": 1,
            "current": {"text": "All", "value": "$__all"}}


FUNCTION = variable("function", "Function", "label_values(zts_requests_total, function)")
INSTANCE = variable("instance", "Worker", "label_values(zts_ready, instance)")


def latency():
    return [
        ("Fleet", [
            panel("Requests", "reqps", ("{{code}}", rate("zts_requests_total", f(), "code")), stack=True),
            panel("Latency, all functions", "s", *quantiles("zts_worker_request_duration_seconds", labels=w()),
                  text="From the whole request head to the response handed to the kernel. Within 5%."),
        ]),
        ("Functions", [
            panel("p50 a function", "s", ("{{function}}", "histogram_quantile(0.5, sum by (le, function) "
                  f"(rate(zts_request_duration_seconds_bucket{f()}[$__rate_interval])))"), width=8),
            panel("p99 a function", "s", ("{{function}}", "histogram_quantile(0.99, sum by (le, function) "
                  f"(rate(zts_request_duration_seconds_bucket{f()}[$__rate_interval])))"), width=8),
            panel("p99.9 a function", "s", ("{{function}}", "histogram_quantile(0.999, sum by (le, function) "
                  f"(rate(zts_request_duration_seconds_bucket{f()}[$__rate_interval])))"), width=8),
            panel("Exact p99 on the worst worker, last minute", "s",
                  ("{{function}}", f'max by (function) (zts_request_duration_quantile_seconds{f(P99)})'),
                  text="Quantiles that each worker computes from its finest buckets: within 3.2%."),
            panel("Requests a function", "reqps", ("{{function}}", rate("zts_requests_total", f(), "function"))),
            panel("Errors a function", "reqps", ("{{function}}", rate("zts_requests_total", f('code="5xx"'), "function"))),
            panel("Share of errors", "percentunit",
                  ("{{function}}", rate("zts_requests_total", f('code="5xx"'), "function") + " / " + rate("zts_requests_total", f(), "function"))),
            panel("How invocations end", "reqps", ("{{outcome}}", rate("zts_invocation_outcomes_total", f('outcome!="ok"'), "outcome"))),
            panel("In flight", "short", ("{{function}}", f"sum by (function) (zts_function_in_flight{f()})")),
        ]),
        ("Why it waits", [
            panel("Slow requests by cause", "reqps", ("{{cause}}", rate("zts_slow_requests_total", f(), "cause")), width=24, stack=True,
                  text="Those that took 10 ms or more and four times what is usual for their function, by the largest part of their time. "
                       "`ztsctl why REQUEST` shows all parts of one."),
            panel("Waiting for an isolate", "s", *quantiles("zts_queue_wait_seconds", labels=w()), width=8),
            panel("Loops that are late", "s", *quantiles("zts_loop_lag_seconds", labels=w()), width=8),
            panel("Pauses inside requests", "s", *quantiles("zts_gc_pause_seconds", labels=w('during="turn"')), width=8),
        ]),
    ]


def cold_starts():
    return [
        ("Cold starts", [
            panel("Cold starts by kind", "ops", ("{{kind}}", rate("zts_cold_starts_total", f(), "kind")), stack=True,
                  text="spare: an empty isolate was at hand. cached: its code did not have to be compiled."),
            panel("Cold starts a function", "ops", ("{{function}}", rate("zts_cold_starts_total", f(), "function"))),
            panel("What requests waited", "s", *quantiles("zts_cold_start_seconds", labels=w('phase="total"'))),
            panel("p99 of what they waited, by kind", "s", ("{{kind}}", "histogram_quantile(0.99, sum by (le, kind) "
                  f"(rate(zts_cold_start_kind_seconds_bucket{w()}[$__rate_interval])))"),
                  text="fresh: nothing was warm. snapshot: begun from the evaluated module."),
            panel("p99 by phase", "s", ("{{phase}}", "histogram_quantile(0.99, sum by (le, phase) "
                  f"(rate(zts_cold_start_seconds_bucket{w()}[$__rate_interval])))")),
            panel("Mean by phase", "s", ("{{phase}}", rate("zts_cold_start_seconds_sum", w('phase!~"route|total|handler|gc"'), "phase") + " / "
                  + rate("zts_cold_start_seconds_count", w('phase!~"route|total|handler|gc"'), "phase")), stack=True),
            panel("Share of requests that start cold", "percentunit",
                  ("share", rate("zts_cold_starts_total", f()) + " / " + rate("zts_requests_total", f()))),
        ]),
        ("What isolates there are", [
            panel("Spare isolates", "short", ("{{instance}}", f"zts_isolates_spare{w()}"), width=8),
            panel("Evictions and losses", "ops", ("evicted", rate("zts_isolate_evictions_total", w())),
                  ("lost", rate("zts_isolates_lost_total", w())), width=8),
            panel("Requests that wait", "short", ("{{instance}}", f"sum by (instance) (zts_pool_queued{w()})"), width=8),
        ]),
    ]


def runtime():
    return [
        ("Pools", [
            panel("Warm isolates", "short", ("{{instance}} shard {{shard}}", f"zts_isolates_warm{w()}")),
            panel("Isolates a function", "short", ("{{function}}", f"sum by (function) (zts_function_isolates{f()})")),
        ]),
        ("Memory", [
            panel("Heaps: used", "bytes", ("{{function}}", f"sum by (function) (zts_function_heap_used_bytes{f()})"), width=8),
            panel("Heaps: committed", "bytes", ("{{function}}", f"sum by (function) (zts_function_heap_committed_bytes{f()})"), width=8),
            panel("ArrayBuffers", "bytes", ("{{function}}", f"sum by (function) (zts_function_external_bytes{f()})"), width=8),
            panel("Resident memory", "bytes", ("{{instance}} {{process}}", f"zts_process_resident_memory_bytes{w()}")),
            panel("Memory a warm isolate", "bytes", ("{{function}}", f"sum by (function) (zts_function_heap_committed_bytes{f()}) / "
                  f"sum by (function) (zts_function_isolates{f()})")),
        ]),
        ("Garbage collection", [
            panel("Collections", "ops", ("{{kind}}", rate("zts_function_gc_total", f(), "kind")), width=8),
            panel("Share of time in pauses", "percentunit", ("{{function}}", rate("zts_function_gc_seconds_total", f(), "function")), width=8),
            panel("p99 of pauses", "s", ("{{during}} {{kind}}", "histogram_quantile(0.99, sum by (le, during, kind) "
                  f"(rate(zts_gc_pause_seconds_bucket{w()}[$__rate_interval])))"), width=8),
        ]),
        ("Limits", [
            panel("Limits hit", "ops", ("{{function}} {{outcome}}", rate("zts_invocation_outcomes_total", f('outcome=~".*-limit"'), "function, outcome"))),
            panel("Turns ended by the watchdog, isolates lost", "ops", ("turns", rate("zts_turns_terminated_total", w())),
                  ("isolates", rate("zts_isolates_lost_total", w()))),
        ]),
        ("Connections and I/O", [
            panel("Connections", "short", ("{{instance}}", f"sum by (instance) (zts_connections_open{w()})"), width=8),
            panel("New connections", "ops", ("{{instance}}", rate("zts_connections_total", w(), "instance")), width=8),
            panel("Refusals", "reqps", ("{{reason}}", rate("zts_refusals_total", w(), "reason")), width=8),
            panel("Bytes", "Bps", ("in", rate("zts_received_bytes_total", w())), ("out", rate("zts_sent_bytes_total", w())), width=8),
            panel("System calls a request", "short", ("{{instance}}", rate("zts_io_syscalls_total", w(), "instance") + " / "
                  + rate("zts_request_heads_total", w(), "instance")), width=8),
            panel("CPU time a request", "s", ("{{instance}}", rate("zts_process_cpu_seconds_total", w('process="engine"'), "instance") + " / "
                  + rate("zts_request_heads_total", w(), "instance")), width=8),
            panel("I/O back ends", "short", ("", f"zts_io_backend{w()}"), kind="table"),
            panel("I/O features", "short", ("", f"zts_io_feature{w()}"), kind="table"),
        ]),
    ]


def fleet():
    return [
        ("Now", [
            panel("Workers that are ready", "short", ("", "sum(zts_ready)"), kind="stat", width=4),
            panel("Workers connected", "short", ("", "max(zts_controller_workers_connected)"), kind="stat", width=4),
            panel("Functions", "short", ("", "max(zts_controller_functions)"), kind="stat", width=4),
            panel("Catalog", "short", ("", "max(zts_controller_catalog_version)"), kind="stat", width=4),
            panel("Requests", "reqps", ("", rate("zts_requests_total", w())), kind="stat", width=4),
            panel("Engine restarts, last hour", "short", ("", f"sum(increase(zts_engine_restarts_total{w()}[1h]))"), kind="stat", width=4),
        ]),
        ("Workers", [
            panel("Ready", "short", ("{{instance}}", f"zts_ready{w()}"), width=8),
            panel("Connected to the controller", "short", ("{{instance}}", f"zts_controller_connected{w()}"), width=8),
            panel("Catalog version", "short", ("{{instance}}", f"zts_catalog_version{w()}"), width=8),
            panel("Requests a worker", "reqps", ("{{instance}}", rate("zts_request_heads_total", w(), "instance")), width=8),
            panel("CPU a worker", "short", ("{{instance}} {{process}}", rate("zts_process_cpu_seconds_total", w(), "instance, process")), width=8),
            panel("Engine restarts", "short", ("{{instance}} {{cause}}", f"sum by (instance, cause) (increase(zts_engine_restarts_total{w()}[$__rate_interval]))"), width=8),
            panel("Builds", "short", ("", f"zts_build_info{w()}"), kind="table"),
            panel("Sandboxed engines", "short", ("{{instance}}", f"zts_engine_sandboxed{w()}")),
        ]),
        ("Controller", [
            panel("Deploys", "short", ("{{result}}", "sum by (result) (increase(zts_controller_deploys_total[$__rate_interval]))"), width=8),
            panel("Deploy to live", "s", *quantiles("zts_controller_deploy_seconds"), width=8),
            panel("Compile", "s", *quantiles("zts_controller_compile_seconds"), width=8),
            panel("Push lag", "s", ("seconds", "zts_controller_push_lag_seconds"), width=8),
            panel("Push lag, versions", "short", ("versions", "zts_controller_push_lag_versions"), width=8),
            panel("Pushes", "ops", ("{{kind}}", rate("zts_controller_updates_sent_total", "", "kind")),
                  ("switches", rate("zts_controller_activations_sent_total", "")), ("refusals", rate("zts_controller_nacks_total", "")), width=8),
            panel("Store", "bytes", ("bytes", "zts_controller_store_bytes"), width=8),
            panel("Content sent to workers", "Bps", ("bytes", rate("zts_controller_blob_bytes_total", "")), width=8),
            panel("Log records", "ops", ("received", rate("zts_controller_log_records_total", "")),
                  ("lost by readers", rate("zts_controller_log_records_dropped_total", "")),
                  ("lost in {{where}}", rate("zts_log_records_dropped_total", w(), "where")), width=8),
        ]),
    ]


def lay_out(rows):
    """Places panels on Grafana's grid of 24 columns."""
    placed, y, number = [], 0, 0
    for title, panels in rows:
        number += 1
        placed.append({"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y, x = y + 1, 0
        height = 4 if panels[0]["type"] == "stat" else 8
        for one in panels:
            number += 1
            width = one.pop("width")
            if x + width > 24:
                x, y = 0, y + height
            placed.append({"id": number, **one, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x += width
        y += height
    return placed


def dashboard(uid, title, rows, variables):
    source = {"type": "datasource", "name": "source", "label": "Prometheus", "query": "prometheus", "current": {}, "refresh": 1}
    return {"uid": uid, "title": title, "tags": ["zts"], "timezone": "browser", "schemaVersion": 38, "editable": True, "refresh": "10s",
            "time": {"from": "now-30m", "to": "now"}, "graphTooltip": 1, "templating": {"list": [source, *variables]},
            "links": [{"type": "dashboards", "title": "zts", "tags": ["zts"], "asDropdown": True, "keepTime": True, "includeVars": True}],
            "panels": lay_out(rows)}


def all_dashboards():
    return {
        "latency.json": dashboard("zts-latency", "zts / Latency", latency(), [INSTANCE, FUNCTION]),
        "cold_starts.json": dashboard("zts-cold-starts", "zts / Cold starts", cold_starts(), [INSTANCE, FUNCTION]),
        "runtime.json": dashboard("zts-runtime", "zts / Runtime", runtime(), [INSTANCE, FUNCTION]),
        "fleet.json": dashboard("zts-fleet", "zts / Fleet", fleet(), [INSTANCE]),
    }


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    for name, content in all_dashboards().items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.write("\n")


if __name__ == "__main__":
    main()
