-- SPDX-License-Identifier: Apache-2.0
--
-- The tables of the fleet, in ClickHouse 18.16 or newer. Each has the columns
--
--   node, history_id        whose history it is
--   the local columns       of the table of the same name, in its order: schema/ explains them
--   derived columns         what a node's views compute, so that a question needs no join
--   revision                where a row may change later: the newest is the one that counts. A row that tells the name of its cgroup is
--                           shipped again where the name becomes known later. After a history was restored from a backup, all its rows have
--                           revisions greater than those of before
--
-- A column that may be NULL on the node is Nullable here, and NULL means the same. Numbers are Int64, times are microseconds since
-- 1970-01-01 UTC.
--
-- A row may be there twice until the engine has merged it with its newer or equal one. A question reads small tables with FINAL, and
-- samples with aggregates that such rows don't change (max, argMax, uniqExact). A shipper of an older version does not know newer
-- columns: they are NULL or 0 then.
--
-- Insert with insert_distributed_sync = 1: else a Distributed table answers before the row is in its shard.
--
-- `fleet init` fills in what is in braces; lines and statements that are empty then are left out:
--   {database}              the database
--   {local}, {cluster}      nothing; on a cluster `_local` and `ON CLUSTER name`
--   {engine:TABLE,VERSION}  ReplacingMergeTree(VERSION); on a cluster ReplicatedReplacingMergeTree
--   {distributed:TABLE,KEY} nothing; on a cluster the statement that makes the Distributed table TABLE over all TABLE_local, sharded
--                           by KEY: all rows of a node are in one shard, so that equal rows meet
--   {ttl:TIME,KIND}         nothing, or what deletes rows some time after TIME. KIND is `samples` or `hours`: for how long is a
--                           setting of each. ClickHouse before 19.6 can't
--   {compression}           nothing, or ZSTD for this table. An older ClickHouse has it for all tables, in its config.xml

CREATE DATABASE IF NOT EXISTS {database}{cluster};

-- The numbers of the files here that were run.
CREATE TABLE IF NOT EXISTS {database}.schema_version{local}{cluster} (
  version Int64
)
ENGINE = {engine:schema_version}
ORDER BY version;
{distributed:schema_version,version};

-- One history of one node; a node has a new one where its history was begun anew. cluster, zone, pool: its labels, '' where not set.
-- kernel, version (of the service), page_size_bytes, hierarchy, interval_us, memory_bytes, kernel_log: local table node. first_at_us,
-- last_at_us: the first and the last scan that the node has on record (restarts are told from the first). clock_difference_us: the
-- node's clock less the engine's. lost_*: what retention took before it was shipped. refused_rows: that ClickHouse did not take.
CREATE TABLE IF NOT EXISTS {database}.node{local}{cluster} (
  node String, history_id String, machine_id Nullable(String), cluster String, zone String, pool String,
  kernel Nullable(String), version Nullable(String), page_size_bytes Nullable(Int64), hierarchy Nullable(String),
  first_at_us Nullable(Int64), last_at_us Nullable(Int64), clock_difference_us Nullable(Int64), lost_samples Int64,
  lost_rows Int64, refused_rows Int64, interval_us Nullable(Int64), memory_bytes Nullable(Int64), kernel_log Nullable(String),
  shipped_at_us UInt64
)
ENGINE = {engine:node,shipped_at_us}
ORDER BY (node, history_id)
{compression};
{distributed:node,node};

-- Partial scans too.
CREATE TABLE IF NOT EXISTS {database}.scan{local}{cluster} (
  node String, history_id String, scan_id Int64, started_at_us Int64, duration_us Int64, cgroup_count Int64,
  error_count Int64, late_us Int64, interval_us Int64, is_partial Nullable(Int64), cpu_us Nullable(Int64)
)
ENGINE = {engine:scan}
PARTITION BY toYYYYMM(toDateTime(intDiv(started_at_us, 1000000), 'UTC'), 'UTC')
ORDER BY (node, history_id, scan_id)
{ttl:started_at_us,hours}
{compression};
{distributed:scan,node};

-- name: as in v_cgroup. workload: NULL where it is not known.
CREATE TABLE IF NOT EXISTS {database}.cgroup{local}{cluster} (
  node String, history_id String, cgroup_id Int64, path String, inode Int64, first_seen_at_us Int64, last_seen_at_us Int64,
  vanished_at_us Nullable(Int64), runtime Nullable(String), pod_uid Nullable(String), container_id Nullable(String),
  qos_class Nullable(String), namespace Nullable(String), pod Nullable(String), container Nullable(String),
  oom_kills_total Nullable(Int64), workload Nullable(String), first_seen_by Nullable(String), vanished_by Nullable(String),
  kind Nullable(String),
  name String,
  revision UInt64
)
ENGINE = {engine:cgroup,revision}
ORDER BY (node, history_id, cgroup_id)
{compression};
{distributed:cgroup,node};

-- The cgroups that are restarts, as the node tells: reports/part_restart.sql. at_us: when it began, or was found. path, name, workload:
-- those of the cgroup. A row stays where the node has no cgroup any more that came before, and tells no more of a restart.
CREATE TABLE IF NOT EXISTS {database}.restart{local}{cluster} (
  node String, history_id String, cgroup_id Int64, at_us Int64, path String, name String, workload Nullable(String),
  revision UInt64
)
ENGINE = {engine:restart,revision}
PARTITION BY toYYYYMM(toDateTime(intDiv(at_us, 1000000), 'UTC'), 'UTC')
ORDER BY (node, history_id, cgroup_id)
{ttl:at_us,hours}
{compression};
{distributed:restart,node};

-- at_us: when its scan began. is_whole: 0 in a partial scan. It has no name: that can become known later, so ask for a workload through
-- cgroup.
CREATE TABLE IF NOT EXISTS {database}.sample{local}{cluster} (
  node String, history_id String, scan_id Int64, cgroup_id Int64, usage_kib Nullable(Int64), anon_kib Nullable(Int64),
  file_kib Nullable(Int64), shmem_kib Nullable(Int64), inactive_file_kib Nullable(Int64), active_file_kib Nullable(Int64),
  dirty_kib Nullable(Int64), kernel_kib Nullable(Int64), swap_kib Nullable(Int64), pgfault Nullable(Int64),
  pgmajfault Nullable(Int64), refault_file Nullable(Int64), refault_anon Nullable(Int64), pgscan Nullable(Int64),
  pgsteal Nullable(Int64), limit_hits Nullable(Int64), oom_kills Nullable(Int64), psi_some_us Nullable(Int64),
  psi_full_us Nullable(Int64), slab_reclaimable_kib Nullable(Int64), slab_unreclaimable_kib Nullable(Int64),
  peak_kib Nullable(Int64), low_events Nullable(Int64), high_events Nullable(Int64), oom_events Nullable(Int64),
  oom_group_kills Nullable(Int64), shmem_unknown Nullable(Int64),
  at_us Int64, is_whole Int64, reclaimable_cache_kib Nullable(Int64), held_kib Nullable(Int64)
)
ENGINE = {engine:sample}
PARTITION BY toYYYYMMDD(toDateTime(intDiv(at_us, 1000000), 'UTC'), 'UTC')
ORDER BY (node, history_id, cgroup_id, scan_id)
{ttl:at_us,samples}
{compression};
{distributed:sample,node};

-- Whole hours only.
CREATE TABLE IF NOT EXISTS {database}.sample_hour{local}{cluster} (
  node String, history_id String, hour_at_us Int64, cgroup_id Int64, sample_count Int64, usage_avg_kib Nullable(Int64),
  usage_max_kib Nullable(Int64), anon_avg_kib Nullable(Int64), anon_max_kib Nullable(Int64), file_avg_kib Nullable(Int64),
  file_max_kib Nullable(Int64), shmem_avg_kib Nullable(Int64), shmem_max_kib Nullable(Int64),
  inactive_file_avg_kib Nullable(Int64), inactive_file_max_kib Nullable(Int64), active_file_avg_kib Nullable(Int64),
  active_file_max_kib Nullable(Int64), dirty_avg_kib Nullable(Int64), dirty_max_kib Nullable(Int64),
  kernel_avg_kib Nullable(Int64), kernel_max_kib Nullable(Int64), swap_avg_kib Nullable(Int64), swap_max_kib Nullable(Int64),
  pgfault Nullable(Int64), pgmajfault Nullable(Int64), refault_file Nullable(Int64), refault_anon Nullable(Int64),
  pgscan Nullable(Int64), pgsteal Nullable(Int64), limit_hits Nullable(Int64), oom_kills Nullable(Int64),
  psi_some_us Nullable(Int64), psi_full_us Nullable(Int64), slab_reclaimable_avg_kib Nullable(Int64),
  slab_reclaimable_max_kib Nullable(Int64), slab_unreclaimable_avg_kib Nullable(Int64),
  slab_unreclaimable_max_kib Nullable(Int64), peak_max_kib Nullable(Int64), low_events Nullable(Int64),
  high_events Nullable(Int64), oom_events Nullable(Int64), oom_group_kills Nullable(Int64)
)
ENGINE = {engine:sample_hour}
PARTITION BY toYYYYMM(toDateTime(intDiv(hour_at_us, 1000000), 'UTC'), 'UTC')
ORDER BY (node, history_id, cgroup_id, hour_at_us)
{ttl:hour_at_us,hours}
{compression};
{distributed:sample_hour,node};

-- A limit that is new or has changed.
CREATE TABLE IF NOT EXISTS {database}.cgroup_limit{local}{cluster} (
  node String, history_id String, cgroup_id Int64, changed_at_us Int64, limit_bytes Nullable(Int64),
  effective_limit_bytes Nullable(Int64), high_bytes Nullable(Int64),
  revision UInt64
)
ENGINE = {engine:cgroup_limit,revision}
ORDER BY (node, history_id, cgroup_id, changed_at_us)
{compression};
{distributed:cgroup_limit,node};

-- The columns of reclaim, then those of reclaim_effect (NULL: no effect is recorded), then what is told of it, as in
-- reports/part_told_reclaim.sql (its regrown_bytes is told_regrown_bytes here). path, name, workload: those of its cgroup, as in v_cgroup.
CREATE TABLE IF NOT EXISTS {database}.reclaim{local}{cluster} (
  node String, history_id String, reclaim_id Int64, cgroup_id Int64, started_at_us Int64, duration_us Nullable(Int64),
  method String, threshold_bytes Int64, requested_bytes Nullable(Int64), usage_before_bytes Nullable(Int64),
  usage_after_bytes Nullable(Int64), file_before_bytes Nullable(Int64), file_after_bytes Nullable(Int64),
  shmem_before_bytes Nullable(Int64), shmem_after_bytes Nullable(Int64), anon_before_bytes Nullable(Int64),
  anon_after_bytes Nullable(Int64), swap_before_bytes Nullable(Int64), swap_after_bytes Nullable(Int64),
  freed_bytes Nullable(Int64), outcome String, error Nullable(String), step_count Nullable(Int64),
  stopped_by Nullable(String), psi_some_us Nullable(Int64), observed_for_us Nullable(Int64), refaulted_bytes Nullable(Int64),
  regrown_bytes Nullable(Int64), held_byte_seconds Nullable(Int64), verdict Nullable(String), judged_by Nullable(String),
  ended_by Nullable(String),
  read_back_bytes Nullable(Int64), told_regrown_bytes Nullable(Int64), stayed_free_bytes Nullable(Int64), by_regrowth Int64,
  mostly_regrown Int64, path Nullable(String), name Nullable(String), workload Nullable(String),
  revision UInt64
)
ENGINE = {engine:reclaim,revision}
ORDER BY (node, history_id, reclaim_id)
{ttl:started_at_us,hours}
{compression};
{distributed:reclaim,node};

-- path to workload: as in v_oom_kill.
CREATE TABLE IF NOT EXISTS {database}.oom_kill{local}{cluster} (
  node String, history_id String, oom_kill_id Int64, cgroup_id Nullable(Int64), killed_at_us Int64, source String,
  scope String, victim_pid Nullable(Int64), victim_comm Nullable(String), anon_rss_bytes Nullable(Int64),
  file_rss_bytes Nullable(Int64), shmem_rss_bytes Nullable(Int64), cause Nullable(String), victim_uid Nullable(Int64),
  victim_path Nullable(String), limit_path Nullable(String), group_path Nullable(String), process_count Nullable(Int64),
  log_boot_id Nullable(String), log_sequence Nullable(Int64), counted_count Int64, seen_count Int64,
  keeps_samples Nullable(Int64), earliest_at_us Nullable(Int64), measured_by Nullable(String), measured_at_us Nullable(Int64),
  limit_bytes Nullable(Int64), usage_bytes Nullable(Int64), anon_bytes Nullable(Int64), shmem_bytes Nullable(Int64),
  kernel_bytes Nullable(Int64), cache_bytes Nullable(Int64), dirty_bytes Nullable(Int64), swap_bytes Nullable(Int64),
  grew_from_at_us Nullable(Int64), grew_from_bytes Nullable(Int64), grew_to_bytes Nullable(Int64), kill_count Int64,
  last_killed_at_us Nullable(Int64), dropped_from Nullable(String), cgroup_by Nullable(String),
  candidate_count Nullable(Int64), slab_reclaimable_bytes Nullable(Int64), finer_scope Nullable(String),
  memory_limit_bytes Nullable(Int64), numa_nodes Nullable(String), alloc_order Nullable(Int64), end_told Nullable(Int64),
  listed_count Nullable(Int64), listed_rss_bytes Nullable(Int64), listed_swap_bytes Nullable(Int64),
  path Nullable(String), container_id Nullable(String), namespace Nullable(String), pod Nullable(String),
  container Nullable(String), name Nullable(String), workload Nullable(String),
  revision UInt64
)
ENGINE = {engine:oom_kill,revision}
ORDER BY (node, history_id, oom_kill_id)
{compression};
{distributed:oom_kill,node};

-- The processes that held most at a kill.
CREATE TABLE IF NOT EXISTS {database}.oom_process{local}{cluster} (
  node String, history_id String, oom_kill_id Int64, place Int64, pid Int64, comm String, uid Nullable(Int64),
  rss_bytes Int64, anon_bytes Nullable(Int64), file_bytes Nullable(Int64), shmem_bytes Nullable(Int64),
  swap_bytes Nullable(Int64), oom_score_adj Nullable(Int64),
  revision UInt64
)
ENGINE = {engine:oom_process,revision}
ORDER BY (node, history_id, oom_kill_id, place)
{compression};
{distributed:oom_process,node};

-- The memory of the whole node at a kill.
CREATE TABLE IF NOT EXISTS {database}.oom_node{local}{cluster} (
  node String, history_id String, oom_kill_id Int64, total_bytes Nullable(Int64), free_bytes Nullable(Int64),
  active_anon_bytes Nullable(Int64), inactive_anon_bytes Nullable(Int64), active_file_bytes Nullable(Int64),
  inactive_file_bytes Nullable(Int64), shmem_bytes Nullable(Int64), slab_reclaimable_bytes Nullable(Int64),
  slab_unreclaimable_bytes Nullable(Int64), dirty_bytes Nullable(Int64), writeback_bytes Nullable(Int64),
  revision UInt64
)
ENGINE = {engine:oom_node,revision}
ORDER BY (node, history_id, oom_kill_id)
{compression};
{distributed:oom_node,node};

-- path, name, workload: as in v_stuck.
CREATE TABLE IF NOT EXISTS {database}.stuck{local}{cluster} (
  node String, history_id String, stuck_id Int64, cgroup_id Int64, kind String, began_at_us Int64, last_seen_at_us Int64,
  ended_at_us Nullable(Int64), ended_by Nullable(String), usage_bytes Nullable(Int64), limit_bytes Nullable(Int64),
  high_events Nullable(Int64), psi_full_us Nullable(Int64),
  path Nullable(String), name Nullable(String), workload Nullable(String),
  revision UInt64
)
ENGINE = {engine:stuck,revision}
ORDER BY (node, history_id, stuck_id)
{compression};
{distributed:stuck,node};

-- The cooldowns that were set last.
CREATE TABLE IF NOT EXISTS {database}.cooldown{local}{cluster} (
  node String, history_id String, cgroup_id Int64, last_reclaim_at_us Int64, until_us Int64, strikes Int64,
  dose_pct Nullable(Int64),
  revision UInt64
)
ENGINE = {engine:cooldown,revision}
ORDER BY (node, history_id, cgroup_id)
{compression};
{distributed:cooldown,node};

-- What happened to the service itself.
CREATE TABLE IF NOT EXISTS {database}.service_event{local}{cluster} (
  node String, history_id String, service_event_id Int64, at_us Int64, kind String, detail Nullable(String),
  fault Nullable(String),
  revision UInt64
)
ENGINE = {engine:service_event,revision}
ORDER BY (node, history_id, service_event_id)
{ttl:at_us,hours}
{compression};
{distributed:service_event,node};

INSERT INTO {database}.schema_version (version) VALUES (1);
