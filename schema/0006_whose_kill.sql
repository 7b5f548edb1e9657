-- SPDX-License-Identifier: Apache-2.0
--
-- How it is known whose an OOM kill was, and how it is known that a cgroup came or went.
--
-- The kernel's log names the cgroup of ten kills in five seconds only. Of the others it names the process. What is found
-- out about them is certain, or it is not said.

-- How it is known which cgroup the victim was in (cgroup_id; victim_path where that is not tracked):
--   kernel_log   the log names it
--   pid          the log does not; the process had been seen in this cgroup's cgroup.procs shortly before
--   counter      the cgroup's own counter of kills: the log tells of no kill; or of exactly as many kills without a cgroup
--                in the time in which the counter rose as the counter rose by beyond those that the log names
--   candidates   not known: one of those in v_oom_kill_candidate, or one that is not tracked. cgroup_id is NULL
--   unknown      not known, and no counter rose
--   guess        recorded by an earlier version, for the first counter that rose: it may be another cgroup
-- NULL: not decided yet: the counters of all cgroups are read first, so it takes two scans.
ALTER TABLE oom_kill ADD COLUMN cgroup_by TEXT
  CHECK (cgroup_by IN ('kernel_log', 'pid', 'counter', 'candidates', 'unknown', 'guess'));
-- 'candidates': how many there were. The cgroups themselves may have been dropped as too old since.
ALTER TABLE oom_kill ADD COLUMN candidate_count INTEGER;
UPDATE oom_kill SET cgroup_by = CASE WHEN source = 'counter' THEN 'counter'
                                     WHEN victim_path IS NOT NULL THEN 'kernel_log'
                                     WHEN cgroup_id IS NOT NULL THEN 'guess'
                                     ELSE 'unknown' END;
CREATE INDEX oom_kill_undecided ON oom_kill (killed_at_us) WHERE cgroup_by IS NULL;

-- A cgroup's counter of OOM kills rose: count kills between since_at_us and at_us, for certain. named_count of them are in
-- oom_kill with this cgroup, as log or pid name it or because it could be no other; unnamed_count may be any of those kills
-- in oom_kill of which the cgroup is not known; the rest are in oom_kill as source 'counter', in 16 rows of one
-- rise at most, of which the last stands for all that are left (kill_count).
-- sure_count: of named_count, those that can't belong to the rise before or after.
CREATE TABLE oom_count (
  at_us         INTEGER NOT NULL,              -- the scan that saw it
  cgroup_id     INTEGER NOT NULL,
  since_at_us   INTEGER NOT NULL,              -- the sample before it, or what was known of its beginning
  count         INTEGER NOT NULL,
  named_count   INTEGER NOT NULL,
  unnamed_count INTEGER NOT NULL,
  sure_count    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (at_us, cgroup_id)
) WITHOUT ROWID;

-- How first_seen_at_us is known:
--   made         it was made between the scan before and this one
--   found        the first scan that could see it; it may be older
--   renamed      it is older, and had another name (cgroup v1), which is another row with the same inode
--   told         no scan has seen it: the kernel's log or a reclaim told of it
ALTER TABLE cgroup ADD COLUMN first_seen_by TEXT CHECK (first_seen_by IN ('made', 'found', 'renamed', 'told'));
-- How vanished_at_us is known:
--   removed      its directory is gone
--   hidden       its directory is still there, with another name or with cgroups in it, which are recorded instead
--   stop         the service has not seen it since its last run ended
--   told         no scan has seen it
ALTER TABLE cgroup ADD COLUMN vanished_by TEXT CHECK (vanished_by IN ('removed', 'hidden', 'stop', 'told'));
-- The inode makes it the same cgroup, whatever its name: no other one has it until the machine starts anew. New key in
-- `node`: boot_id; when it changes, oom_kills_total is forgotten, because counters begin anew.
CREATE INDEX cgroup_inode ON cgroup (inode);

DROP VIEW v_oom_kill;
DROP VIEW v_cgroup;
CREATE VIEW v_cgroup AS
SELECT c.cgroup_id,
       CASE WHEN c.container IS NOT NULL THEN coalesce(c.namespace || '/', '') || coalesce(c.pod || '/', '') || c.container
            WHEN c.pod IS NOT NULL
              THEN coalesce(c.namespace || '/', '') || c.pod || coalesce('/' || substr(c.container_id, 1, 12), '')
            WHEN c.container_id IS NOT NULL AND c.pod_uid IS NOT NULL
              THEN substr(c.container_id, 1, 12) || ' (pod ' || substr(c.pod_uid, 1, 8) || ')'
            WHEN c.container_id IS NOT NULL THEN coalesce(c.runtime || ' ', '') || substr(c.container_id, 1, 12)
            ELSE c.path END AS name,
       c.path, c.inode,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.first_seen_at_us / 1000000, 'unixepoch') AS first_seen_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', CASE WHEN c.vanished_at_us IS NULL
                THEN max(c.last_seen_at_us, coalesce((SELECT s.started_at_us FROM scan s ORDER BY s.scan_id DESC LIMIT 1), 0))
                ELSE c.last_seen_at_us END / 1000000, 'unixepoch') AS last_seen_at,
       c.vanished_at_us IS NOT NULL AS vanished,
       c.runtime, c.qos_class, c.pod_uid, c.container_id, c.namespace, c.pod, c.container,
       (SELECT l.limit_bytes FROM cgroup_limit l WHERE l.cgroup_id = c.cgroup_id
         ORDER BY l.changed_at_us DESC LIMIT 1) AS limit_bytes,
       (SELECT l.effective_limit_bytes FROM cgroup_limit l WHERE l.cgroup_id = c.cgroup_id
         ORDER BY l.changed_at_us DESC LIMIT 1) AS effective_limit_bytes,
       c.workload, c.first_seen_by, c.vanished_by
  FROM cgroup c;

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
       o.last_killed_at_us, o.dropped_from, o.cgroup_by, o.candidate_count
  FROM oom_kill o
  LEFT JOIN v_cgroup c ON c.cgroup_id = o.cgroup_id;

-- The cgroups that a kill whose cgroup is not known may have been in: those whose counter rose at that time, five seconds
-- more or less, by more than the kills that are known to be theirs.
CREATE VIEW v_oom_kill_candidate AS
SELECT DISTINCT o.oom_kill_id, c.cgroup_id, c.path, c.name, c.workload
  FROM oom_kill o
 CROSS JOIN oom_count r
 CROSS JOIN v_cgroup c
 WHERE o.cgroup_by = 'candidates'
   AND r.at_us BETWEEN o.killed_at_us - 5000000 AND o.killed_at_us + 86400000000
   AND r.since_at_us <= o.killed_at_us + 5000000
   AND r.count > r.sure_count
   AND c.cgroup_id = r.cgroup_id
   AND (o.group_path IS NULL OR substr(c.path || '/', 1, length(o.group_path) + 1) = o.group_path || '/');
