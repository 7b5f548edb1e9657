// SPDX-License-Identifier: Apache-2.0
#pragma once

// The examples at the end of each --help.

namespace cgmm::examples {

inline constexpr const char* kAll =
    "Examples:\n"
    "  cgroup-memory-manager check\n"
    "      what is right on this machine and what is not\n"
    "  cgroup-memory-manager --parent /sys/fs/cgroup/memory/kubepods --threshold 25%\n"
    "      track the pods, reclaim where page cache is over a quarter of the limit\n"
    "  cgroup-memory-manager report\n"
    "      whether reclaiming helped in the last 7 days, and what to change\n"
    "  cgroup-memory-manager incident show latest\n"
    "      who was OOM-killed, why, and what led up to it\n"
    "  cgroup-memory-manager help report\n"
    "      the options of one subcommand, with examples\n";

inline constexpr const char* kRun =
    "  cgroup-memory-manager run --dry-run --cycles 2 --database /root/try.db\n"
    "      two scans; what would be reclaimed is recorded, and nothing is reclaimed\n"
    "  cgroup-memory-manager run --threshold 512Mi --cooldown 5m\n"
    "      reclaim where page cache is 512 MiB or more, every five minutes at most\n";

inline constexpr const char* kReport =
    "  cgroup-memory-manager report\n"
    "      whether reclaiming helped in the last 7 days, and what to change\n"
    "  cgroup-memory-manager report top_cache --cgroup shop/web\n"
    "      how much page cache these containers held in the last scan\n"
    "  cgroup-memory-manager report --since 30d --format html --output month.html\n"
    "      a page with charts\n"
    "  cgroup-memory-manager report oom_kills --format csv\n"
    "      for a spreadsheet\n";

inline constexpr const char* kHistory =
    "  cgroup-memory-manager history 3fa91c --since 2h\n"
    "      one container, by part of its id\n"
    "  cgroup-memory-manager history shop/web --since 2026-11-23 --until 2026-11-24\n"
    "      all containers of these pods on one day (UTC)\n"
    "  cgroup-memory-manager history backup /root/history.db\n"
    "      a copy of the whole history, made while the service runs\n";

inline constexpr const char* kIncident =
    "  cgroup-memory-manager incident\n"
    "      the kills of the last 30 days\n"
    "  cgroup-memory-manager incident show latest\n"
    "      who was killed last, why, and what led up to it\n"
    "  cgroup-memory-manager incident show 16 --window 2h --format html --output kill.html\n"
    "      a page about one kill, from two hours before on\n";

inline constexpr const char* kStatus =
    "  cgroup-memory-manager status\n"
    "      what the running service says of itself\n"
    "  cgroup-memory-manager status --format json\n"
    "      the same for a program\n";

inline constexpr const char* kCheck =
    "  cgroup-memory-manager check\n"
    "      problems first, each with what to do\n"
    "  cgroup-memory-manager check --config new.toml\n"
    "      whether a configuration is right, before the service reads it\n"
    "  cgroup-memory-manager check --config-only\n"
    "      only the configuration; exit code 0: systemctl reload takes it\n";

inline constexpr const char* kQuery =
    "  cgroup-memory-manager query \"SELECT * FROM v_reclaim ORDER BY freed_bytes DESC LIMIT 5\"\n"
    "      the five reclaims that freed most\n"
    "  cgroup-memory-manager query \"SELECT at, usage_bytes FROM v_sample WHERE name GLOB '*web*'\" --format csv\n"
    "      samples for a spreadsheet\n";

inline constexpr const char* kSimulate =
    "  cgroup-memory-manager simulate --threshold 10%\n"
    "      what a lower threshold would have freed in the last 7 days, and what it would have cost\n"
    "  cgroup-memory-manager simulate --preset rust --since 1d --workload 'shop/*'\n"
    "      the Rust program's rule, on yesterday's samples of these workloads\n"
    "  cgroup-memory-manager simulate --backtest\n"
    "      the configuration that ran: how far the simulation is from what really was\n";

inline constexpr const char* kArchive =
    "  cgroup-memory-manager archive export --since 2026-11-01 --until 2026-11-08 --output week.csv\n"
    "      all samples of a week, for a spreadsheet or DuckDB\n"
    "  cgroup-memory-manager archive export --since 60d --format sqlite --output samples.db\n"
    "      a SQLite file that any program reads without an extension\n";

inline constexpr const char* kMetrics =
    "  cgroup-memory-manager metrics\n"
    "      kills, reclaims and scans as numbers for Prometheus\n"
    "  cgroup-memory-manager metrics --textfile /var/lib/prometheus/node-exporter/cgmm.prom\n"
    "      for node_exporter, once a minute from a timer\n";

inline constexpr const char* kLive =
    "  cgroup-memory-manager live\n"
    "      all cgroups, as they are now; ? shows what the keys do\n"
    "  cgroup-memory-manager live --at 2026-11-23T03:12\n"
    "      as they were then (UTC)\n"
    "  cgroup-memory-manager live --database /root/history.db\n"
    "      a history that was copied from another node\n";

inline constexpr const char* kServe =
    "  cgroup-memory-manager serve\n"
    "      pages at http://127.0.0.1:9748/, metrics at /metrics\n"
    "  cgroup-memory-manager serve --listen 0.0.0.0:9748 --cert node.crt --key node.key --token-file token\n"
    "      for other machines\n"
    "  cgroup-memory-manager serve --fleet\n"
    "      pages of all nodes, from ClickHouse\n";

inline constexpr const char* kShip =
    "  cgroup-memory-manager ship --check\n"
    "      whether ClickHouse can be reached and takes rows\n"
    "  cgroup-memory-manager ship --once\n"
    "      send all that is not there yet, then end\n";

inline constexpr const char* kFleetInit =
    "  cgroup-memory-manager fleet init\n"
    "      make the tables on one server\n"
    "  cgroup-memory-manager fleet init --cluster prod --keep-samples 30d --print\n"
    "      show what would be run to make them on a cluster, with samples of 30 days\n";

inline constexpr const char* kFleetReport =
    "  cgroup-memory-manager fleet report\n"
    "      the weekly review of all nodes\n"
    "  cgroup-memory-manager fleet report kills_by_workload --since 30d --node 'pool-a-*'\n"
    "      what was killed on these nodes in the last 30 days\n";

inline constexpr const char* kFleetIncident =
    "  cgroup-memory-manager fleet incident --node 'pool-a-*'\n"
    "      the kills of the last 30 days on these nodes\n"
    "  cgroup-memory-manager fleet incident show latest --workload 'shop/*'\n"
    "      who of them was killed last, why, and what led up to it\n"
    "  cgroup-memory-manager fleet incident show node-7/16 --format html --output kill.html\n"
    "      a page about one kill\n";

inline constexpr const char* kFleetHistory =
    "  cgroup-memory-manager fleet history --workload shop/web/app --since 1d\n"
    "      its replicas, node by node\n"
    "  cgroup-memory-manager fleet history 3fa91c --node node-7\n"
    "      one container, as on the node itself\n";

inline constexpr const char* kFleetQuery =
    "  cgroup-memory-manager fleet query \"SELECT node, count() FROM oom_kill FINAL GROUP BY node\"\n"
    "      rows that arrived twice are one with FINAL\n";

inline constexpr const char* kFleet =
    "  cgroup-memory-manager fleet init\n"
    "      make the tables that `ship` fills\n"
    "  cgroup-memory-manager fleet report\n"
    "      the weekly review of all nodes; fleet report --list names more\n"
    "  cgroup-memory-manager fleet incident show latest\n"
    "      who was OOM-killed last, on whatever node, why, and what led up to it\n"
    "  cgroup-memory-manager fleet history --workload shop/web/app\n"
    "      a workload's memory over time, on each node\n";

/// After the examples.
inline constexpr const char* kExitCodes =
    "\nExit codes: 0 success, 1 the work failed, 2 usage or configuration is wrong.";

}  // namespace cgmm::examples
