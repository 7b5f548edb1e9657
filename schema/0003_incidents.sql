-- SPDX-License-Identifier: Apache-2.0
--
-- The OOM flight recorder: the kernel log's own words on every kill, what the cgroup's memory was made of, scans of those
-- near their limit, and the names that people use. Rows that are older than this have NULL in the new columns.
-- New keys in `node`: kernel_log (where kills are read from, or why they are not). New kinds in `service_event`: kernel_log
-- (records of it were lost).

-- 1: a scan of the few cgroups that are near their limit, between two scans of all (NULL, 0). It is no news of the others.
ALTER TABLE scan ADD COLUMN is_partial INTEGER;
-- CPU time that the sampler has taken since the scan before this one, what it looked at in between included.
ALTER TABLE scan ADD COLUMN cpu_us INTEGER;
-- The latest scan of all, and those between two instants, without reading the partial ones.
CREATE INDEX scan_of_all ON scan (started_at_us) WHERE is_partial IS NOT 1;

-- What restarts and replicas of one thing have in common: namespace/pod without its random end/container; pod/UID while the
-- node has not told the names; the path of a cgroup that is no container. NULL: a container of which only the id is known.
ALTER TABLE cgroup ADD COLUMN workload TEXT;
CREATE INDEX cgroup_workload ON cgroup (workload) WHERE workload IS NOT NULL;

-- Of an OOM kill, by the kernel's log:
ALTER TABLE oom_kill ADD COLUMN victim_uid INTEGER;
ALTER TABLE oom_kill ADD COLUMN victim_path TEXT;         -- the cgroup that held the victim; it may be nested in cgroup_id
ALTER TABLE oom_kill ADD COLUMN limit_path TEXT;          -- the cgroup that had hit its limit; NULL: node-wide, or not told
ALTER TABLE oom_kill ADD COLUMN group_path TEXT;          -- memory.oom.group: all below this was killed with the victim
ALTER TABLE oom_kill ADD COLUMN process_count INTEGER;    -- processes that this kill ended: more than 1 with memory.oom.group
ALTER TABLE oom_kill ADD COLUMN log_boot_id TEXT;         -- where in the log it is: the boot's id,
ALTER TABLE oom_kill ADD COLUMN log_sequence INTEGER;     -- and the number of the kill's last record
-- So that log and counter never tell of one kill twice: what it adds to the kernel's counter, and how much of that has been
-- seen there. With memory.oom.group a victim is counted twice.
ALTER TABLE oom_kill ADD COLUMN counted_count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE oom_kill ADD COLUMN seen_count INTEGER NOT NULL DEFAULT 1;
-- 1: the samples around it outlive keep_samples. So do those of the first kill of a workload in 24 hours: one that is killed
-- every few minutes would keep everything.
ALTER TABLE oom_kill ADD COLUMN keeps_samples INTEGER;
CREATE INDEX oom_kill_keeps ON oom_kill (killed_at_us) WHERE keeps_samples = 1;
-- source 'counter': the sample before, so it was killed between this and killed_at_us.
ALTER TABLE oom_kill ADD COLUMN earliest_at_us INTEGER;
CREATE UNIQUE INDEX oom_kill_log ON oom_kill (log_boot_id, log_sequence) WHERE log_sequence IS NOT NULL;
CREATE INDEX oom_kill_cgroup ON oom_kill (cgroup_id);

-- What the memory was made of, of the cgroup that had hit its limit. measured_by says who told:
--   kernel_log   the kernel, at the moment of the kill
--   sample       the last sample before it, of the victim's cgroup (cgroup_id)
ALTER TABLE oom_kill ADD COLUMN measured_by TEXT CHECK (measured_by IN ('kernel_log', 'sample'));
ALTER TABLE oom_kill ADD COLUMN measured_at_us INTEGER;
ALTER TABLE oom_kill ADD COLUMN limit_bytes INTEGER;      -- that was hit; by a sample: the effective limit. NULL: not known
ALTER TABLE oom_kill ADD COLUMN usage_bytes INTEGER;
ALTER TABLE oom_kill ADD COLUMN anon_bytes INTEGER;
ALTER TABLE oom_kill ADD COLUMN shmem_bytes INTEGER;
ALTER TABLE oom_kill ADD COLUMN kernel_bytes INTEGER;
ALTER TABLE oom_kill ADD COLUMN cache_bytes INTEGER;      -- page cache that can be dropped, in principle
ALTER TABLE oom_kill ADD COLUMN dirty_bytes INTEGER;      -- of it, what has to be written first
ALTER TABLE oom_kill ADD COLUMN swap_bytes INTEGER;
-- The growth that ended in the kill, of memory that can't be dropped (usage less cache): where it began, in the samples of
-- the half hour before. NULL: there are none, or it did not grow.
ALTER TABLE oom_kill ADD COLUMN grew_from_at_us INTEGER;
ALTER TABLE oom_kill ADD COLUMN grew_from_bytes INTEGER;
ALTER TABLE oom_kill ADD COLUMN grew_to_bytes INTEGER;
-- cause, which is there since the first version, is one of
--   anon_growth       heap and stacks grew until the limit was hit
--   shmem             tmpfs or shared memory did, or was most of it
--   kernel_memory     slab, page tables, sockets
--   cache             page cache that could not be dropped in time: dirty, or in use
--   limit_too_small   no growth: it lived at its limit, or is killed again and again shortly after its start
--   ancestor_limit    the limit of a cgroup above it, which it shares with others
--   node              the node's memory, not a limit
-- NULL: too little is known.

-- How far the kernel's log has been read. One row; another boot begins a new log.
CREATE TABLE kernel_log (
  boot_id    TEXT PRIMARY KEY,
  sequence   INTEGER NOT NULL                -- records up to this one have been dealt with
) WITHOUT ROWID;

-- A gap is one between scans of all cgroups: partial ones do not fill it.
DROP VIEW v_scan_gap;
CREATE VIEW v_scan_gap AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', this.started_at_us / 1000000, 'unixepoch') AS from_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', next.started_at_us / 1000000, 'unixepoch') AS to_at,
       this.started_at_us AS from_at_us,
       next.started_at_us AS to_at_us,
       max(this.interval_us, ifnull(next.interval_us, 0)) AS interval_us,
       this.started_at_us + max(this.interval_us, ifnull(next.interval_us, 0)) AS due_at_us,
       next.started_at_us - this.started_at_us - max(this.interval_us, next.interval_us) AS missing_us
  FROM scan this
  LEFT JOIN scan next ON next.scan_id = (SELECT later.scan_id FROM scan later
                                          WHERE later.started_at_us > this.started_at_us AND later.is_partial IS NOT 1
                                          ORDER BY later.started_at_us LIMIT 1)
 WHERE this.is_partial IS NOT 1
   AND (next.scan_id IS NULL
        OR next.started_at_us - this.started_at_us > 2 * max(this.interval_us, next.interval_us));

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
       c.workload
  FROM cgroup c;

DROP VIEW v_oom_kill;
CREATE VIEW v_oom_kill AS
SELECT o.oom_kill_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.killed_at_us / 1000000, 'unixepoch') AS killed_at,
       o.killed_at_us, c.path, o.cgroup_id, o.source, o.scope, o.victim_pid, o.victim_comm,
       o.anon_rss_bytes, o.file_rss_bytes, o.shmem_rss_bytes, o.cause,
       c.runtime, c.pod_uid, c.container_id, c.namespace, c.pod, c.container,
       c.name, c.workload, o.victim_uid, o.victim_path, o.limit_path, o.group_path, o.process_count, o.earliest_at_us,
       o.measured_by, o.measured_at_us, o.limit_bytes, o.usage_bytes, o.anon_bytes, o.shmem_bytes, o.kernel_bytes,
       o.cache_bytes, o.dirty_bytes, o.swap_bytes, o.grew_from_at_us, o.grew_from_bytes, o.grew_to_bytes,
       CASE WHEN o.killed_at_us > o.grew_from_at_us
            THEN (o.grew_to_bytes - o.grew_from_bytes) * 1000000.0 / (o.killed_at_us - o.grew_from_at_us)
            END AS growth_bytes_per_second
  FROM oom_kill o
  LEFT JOIN v_cgroup c ON c.cgroup_id = o.cgroup_id;
