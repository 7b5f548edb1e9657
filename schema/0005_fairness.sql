-- SPDX-License-Identifier: Apache-2.0
--
-- Fairness: what one makes too much of goes first, and nobody else's. New fault in service_event: max_size (something was
-- dropped or left out for want of room before its time; the detail says what, and whose).

-- Kills of one cgroup in one hour (of the clock) have a row each up to ten; the following are one row:
--   kill_count          how many kills the row stands for. The number of kills is sum(kill_count), never count(*)
--   killed_at_us        the first of them, whose victim and memory the row has
--   last_killed_at_us   the last of them. NULL: the row is one kill
--   process_count, counted_count, seen_count  of all of them
ALTER TABLE oom_kill ADD COLUMN kill_count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE oom_kill ADD COLUMN last_killed_at_us INTEGER;
-- Kills in cgroups that were dropped, because somebody made too many of them: one row an hour for all that were in the same
-- directory. That directory; cgroup_id and victim_path are NULL. In all other rows it is NULL.
ALTER TABLE oom_kill ADD COLUMN dropped_from TEXT;

DROP VIEW v_oom_kill;
CREATE VIEW v_oom_kill AS
SELECT o.oom_kill_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.killed_at_us / 1000000, 'unixepoch') AS killed_at,
       o.killed_at_us, c.path, o.cgroup_id, o.source, o.scope, o.victim_pid, o.victim_comm,
       o.anon_rss_bytes, o.file_rss_bytes, o.shmem_rss_bytes, o.cause,
       c.runtime, c.pod_uid, c.container_id, c.namespace, c.pod, c.container,
       c.name, coalesce(c.workload, o.dropped_from) AS workload, o.victim_uid, o.victim_path, o.limit_path, o.group_path,
       o.process_count, o.earliest_at_us,
       o.measured_by, o.measured_at_us, o.limit_bytes, o.usage_bytes, o.anon_bytes, o.shmem_bytes, o.kernel_bytes,
       o.cache_bytes, o.dirty_bytes, o.swap_bytes, o.grew_from_at_us, o.grew_from_bytes, o.grew_to_bytes,
       CASE WHEN o.killed_at_us > o.grew_from_at_us
            THEN (o.grew_to_bytes - o.grew_from_bytes) * 1000000.0 / (o.killed_at_us - o.grew_from_at_us)
            END AS growth_bytes_per_second,
       o.kill_count,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.last_killed_at_us / 1000000, 'unixepoch') AS last_killed_at,
       o.last_killed_at_us, o.dropped_from
  FROM oom_kill o
  LEFT JOIN v_cgroup c ON c.cgroup_id = o.cgroup_id;

-- Those of one cgroup at some time.
CREATE INDEX oom_kill_cgroup_at ON oom_kill (cgroup_id, killed_at_us);
DROP INDEX oom_kill_cgroup;
