-- SPDX-License-Identifier: Apache-2.0
--
-- The history of cgroup-memory-manager. This file is the reference of the schema.
--
-- Names carry their unit: _bytes, _kib (1024 bytes), _us (microseconds), _pct. Instants end in _at_us and are microseconds
-- since 1970-01-01 UTC. NULL means that the kernel did not tell, never 0. Counters are stored as the increase since the cgroup's previous
-- sample (NULL when there is none to compare with), so that a window is a SUM.
--
-- The tables are plain and may be read by any SQLite tool while the service writes. The views v_* are a promise: later
-- versions keep their names and columns.

-- What was known about the node when the service last started. Keys: version (of the service), kernel (release),
-- hierarchy ("v1" or "v2"), parent (directory watched), page_size_bytes, memory_bytes, interval_us.
CREATE TABLE node (
  key TEXT PRIMARY KEY,
  value
) WITHOUT ROWID;

-- One pass over all watched cgroups.
CREATE TABLE scan (
  scan_id       INTEGER PRIMARY KEY,
  started_at_us INTEGER NOT NULL,
  duration_us   INTEGER NOT NULL,             -- from the first cgroup to the last
  cgroup_count  INTEGER NOT NULL,             -- samples taken
  error_count   INTEGER NOT NULL,             -- cgroups that could not be read
  late_us       INTEGER NOT NULL,             -- how long after its time it began; scans missed before it are part of it
  interval_us   INTEGER NOT NULL              -- the time to the next scan, as configured then
);
CREATE INDEX scan_started_at ON scan (started_at_us);

-- One cgroup ever seen. A cgroup removed and made again under the same path is another row.
CREATE TABLE cgroup (
  cgroup_id        INTEGER PRIMARY KEY,
  path             TEXT NOT NULL,             -- below the root of the memory hierarchy, with a leading '/'; bytes as the kernel has them
  inode            INTEGER NOT NULL,          -- of its directory
  first_seen_at_us INTEGER NOT NULL,
  last_seen_at_us  INTEGER NOT NULL,          -- written when it vanished or the service stopped; v_cgroup has it up to date
  vanished_at_us   INTEGER,                   -- NULL: still there in the last scan
  runtime          TEXT,                      -- containerd, cri-o, docker, podman; told by the path, like the next three
  pod_uid          TEXT,
  container_id     TEXT,
  qos_class        TEXT,                      -- guaranteed, burstable, besteffort
  namespace        TEXT,                      -- these three are told by the node; NULL: not told
  pod              TEXT,
  container        TEXT,
  oom_kills_total  INTEGER                    -- the kernel's counter of OOM kills as last seen, to find kills while the service was down
);
CREATE UNIQUE INDEX cgroup_identity ON cgroup (path, inode);

-- One cgroup in one scan. Ordered by time: a scan is appended, never spread over the file.
CREATE TABLE sample (
  scan_id           INTEGER NOT NULL,
  cgroup_id         INTEGER NOT NULL,
  usage_kib         INTEGER,                  -- all memory charged to the cgroup
  anon_kib          INTEGER,                  -- heap, stacks: not backed by a file
  file_kib          INTEGER,                  -- page cache, shmem included
  shmem_kib         INTEGER,                  -- tmpfs and shared memory: counted as cache, can't be dropped
  inactive_file_kib INTEGER,
  active_file_kib   INTEGER,
  dirty_kib         INTEGER,                  -- waiting for or under writeback
  kernel_kib        INTEGER,
  swap_kib          INTEGER,
  pgfault           INTEGER,                  -- increases since the previous sample from here on
  pgmajfault        INTEGER,
  refault_file      INTEGER,                  -- pages of page cache read again after they had been evicted
  refault_anon      INTEGER,                  -- pages
  pgscan            INTEGER,                  -- pages looked at by reclaim
  pgsteal           INTEGER,                  -- pages reclaimed
  limit_hits        INTEGER,                  -- v1: memory.failcnt; v2: memory.events max
  oom_kills         INTEGER,
  psi_some_us       INTEGER,                  -- time in which some task waited for memory
  psi_full_us       INTEGER,                  -- time in which every task did
  PRIMARY KEY (scan_id, cgroup_id)
) WITHOUT ROWID;

-- A limit that is new or has changed.
CREATE TABLE cgroup_limit (
  cgroup_id             INTEGER NOT NULL,
  changed_at_us         INTEGER NOT NULL,
  limit_bytes           INTEGER,              -- the cgroup's own; NULL: none
  effective_limit_bytes INTEGER,              -- the smallest of its own, its ancestors' and the machine's memory
  high_bytes            INTEGER,              -- v2 memory.high; NULL: none
  PRIMARY KEY (cgroup_id, changed_at_us)
) WITHOUT ROWID;

-- One forced reclaim of one cgroup. The row is committed before the kernel is asked, so a crash leaves it 'started'; the
-- next start of the service makes 'interrupted' of it.
CREATE TABLE reclaim (
  reclaim_id          INTEGER PRIMARY KEY,
  cgroup_id           INTEGER NOT NULL,
  started_at_us       INTEGER NOT NULL,
  duration_us         INTEGER,                -- of the kernel write; NULL: it has not returned (yet)
  method              TEXT NOT NULL,          -- force_empty (v1), memory.reclaim (v2)
  threshold_bytes     INTEGER NOT NULL,       -- the reclaimable cache was at or over this
  requested_bytes     INTEGER,                -- NULL: all there is (force_empty)
  usage_before_bytes  INTEGER,
  usage_after_bytes   INTEGER,
  file_before_bytes   INTEGER,
  file_after_bytes    INTEGER,
  shmem_before_bytes  INTEGER,
  shmem_after_bytes   INTEGER,
  anon_before_bytes   INTEGER,
  anon_after_bytes    INTEGER,
  swap_before_bytes   INTEGER,
  swap_after_bytes    INTEGER,
  freed_bytes         INTEGER,                -- what usage fell by, never below 0 (by file where usage is unknown)
  outcome             TEXT NOT NULL CHECK (outcome IN
                        ('started',           -- under way
                         'done',              -- the kernel did what was asked
                         'partial',           -- it freed less than was asked
                         'failed',            -- it refused, error says why
                         'vanished',          -- the cgroup was removed meanwhile
                         'interrupted',       -- the service stopped or crashed meanwhile
                         'dry_run')),         -- nothing was asked of the kernel
  error               TEXT                    -- what the kernel said, in words; NULL: nothing
);
CREATE INDEX reclaim_started_at ON reclaim (started_at_us);
-- A start of the service looks for what the last run left 'started'; without this it would read every reclaim ever made.
CREATE INDEX reclaim_under_way ON reclaim (reclaim_id) WHERE outcome = 'started';

-- What became of a reclaim in the minutes after it.
CREATE TABLE reclaim_effect (
  reclaim_id        INTEGER PRIMARY KEY,
  observed_for_us   INTEGER NOT NULL,
  refaulted_bytes   INTEGER,                  -- NULL: the kernel does not count refaults
  regrown_bytes     INTEGER,
  held_byte_seconds INTEGER,                  -- memory kept free, times how long
  verdict           TEXT NOT NULL CHECK (verdict IN ('effective', 'churn', 'futile', 'failed', 'unknown'))
);

-- A cgroup's cooldown: it is not reclaimed again before until_us.
CREATE TABLE cooldown (
  cgroup_id          INTEGER PRIMARY KEY,
  last_reclaim_at_us INTEGER NOT NULL,
  until_us           INTEGER NOT NULL,
  strikes            INTEGER NOT NULL DEFAULT 0   -- reclaims in a row that did not help
);

-- One OOM kill. By the counter at most 16 of one cgroup in one scan.
CREATE TABLE oom_kill (
  oom_kill_id      INTEGER PRIMARY KEY,
  cgroup_id        INTEGER,                   -- NULL: not a watched cgroup
  killed_at_us     INTEGER NOT NULL,          -- source 'counter': the scan that saw it, so up to one interval late
  source           TEXT NOT NULL CHECK (source IN ('kernel_log', 'counter')),
  scope            TEXT NOT NULL CHECK (scope IN ('cgroup', 'node')),
  victim_pid       INTEGER,
  victim_comm      TEXT,
  anon_rss_bytes   INTEGER,
  file_rss_bytes   INTEGER,
  shmem_rss_bytes  INTEGER,
  cause            TEXT
);
CREATE INDEX oom_kill_killed_at ON oom_kill (killed_at_us);

-- What happened to the service itself.
CREATE TABLE service_event (
  service_event_id INTEGER PRIMARY KEY,
  at_us            INTEGER NOT NULL,
  kind             TEXT NOT NULL,             -- start, stop, crash_found, gap, config_change, config_error, fault_begin, fault_end
  detail           TEXT
);
CREATE INDEX service_event_at ON service_event (at_us);

-- An hour of one cgroup, rolled up. Gauges as average and maximum, increases as sums.
CREATE TABLE sample_hour (
  hour_at_us            INTEGER NOT NULL,     -- when the hour began
  cgroup_id             INTEGER NOT NULL,
  sample_count          INTEGER NOT NULL,
  usage_avg_kib         INTEGER,
  usage_max_kib         INTEGER,
  anon_avg_kib          INTEGER,
  anon_max_kib          INTEGER,
  file_avg_kib          INTEGER,
  file_max_kib          INTEGER,
  shmem_avg_kib         INTEGER,
  shmem_max_kib         INTEGER,
  inactive_file_avg_kib INTEGER,
  inactive_file_max_kib INTEGER,
  active_file_avg_kib   INTEGER,
  active_file_max_kib   INTEGER,
  dirty_avg_kib         INTEGER,
  dirty_max_kib         INTEGER,
  kernel_avg_kib        INTEGER,
  kernel_max_kib        INTEGER,
  swap_avg_kib          INTEGER,
  swap_max_kib          INTEGER,
  pgfault               INTEGER,
  pgmajfault            INTEGER,
  refault_file          INTEGER,
  refault_anon          INTEGER,
  pgscan                INTEGER,
  pgsteal               INTEGER,
  limit_hits            INTEGER,
  oom_kills             INTEGER,
  psi_some_us           INTEGER,
  psi_full_us           INTEGER,
  PRIMARY KEY (hour_at_us, cgroup_id)
) WITHOUT ROWID;

-- For people: bytes, paths, ISO times (UTC).

-- name is short enough for a table: the container's id and pod where there is one, else the path.
CREATE VIEW v_cgroup AS
SELECT c.cgroup_id,
       CASE WHEN c.container IS NOT NULL THEN coalesce(c.namespace || '/', '') || coalesce(c.pod || '/', '') || c.container
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
         ORDER BY l.changed_at_us DESC LIMIT 1) AS effective_limit_bytes
  FROM cgroup c;

-- A time without a scan for more than two intervals, as they were configured then; where the interval changed, the longer
-- counts. The latest scan is in it with to_at NULL: whether a gap follows it depends on what time it is.
-- Asks the index once a scan, so bound it with from_at_us.
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
                                          WHERE later.started_at_us > this.started_at_us
                                          ORDER BY later.started_at_us LIMIT 1)
 WHERE next.scan_id IS NULL
    OR next.started_at_us - this.started_at_us > 2 * max(this.interval_us, next.interval_us);

CREATE VIEW v_sample AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', sc.started_at_us / 1000000, 'unixepoch') AS at,
       sc.started_at_us AS at_us,
       c.path, s.scan_id, s.cgroup_id,
       s.usage_kib * 1024 AS usage_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.file_kib * 1024 AS file_bytes,
       s.shmem_kib * 1024 AS shmem_bytes,
       max(s.file_kib - coalesce(s.shmem_kib, 0), 0) * 1024 AS reclaimable_cache_bytes,
       s.inactive_file_kib * 1024 AS inactive_file_bytes,
       s.active_file_kib * 1024 AS active_file_bytes,
       s.dirty_kib * 1024 AS dirty_bytes,
       s.kernel_kib * 1024 AS kernel_bytes,
       s.swap_kib * 1024 AS swap_bytes,
       s.pgfault, s.pgmajfault,
       s.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       s.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       s.pgscan, s.pgsteal, s.limit_hits, s.oom_kills, s.psi_some_us, s.psi_full_us
  FROM sample s
  JOIN scan sc ON sc.scan_id = s.scan_id
  JOIN cgroup c ON c.cgroup_id = s.cgroup_id;

CREATE VIEW v_reclaim AS
SELECT r.reclaim_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.started_at_us / 1000000, 'unixepoch') AS started_at,
       r.started_at_us, c.path, r.cgroup_id, r.method, r.outcome, r.error,
       r.duration_us, r.threshold_bytes, r.requested_bytes, r.freed_bytes,
       r.usage_before_bytes, r.usage_after_bytes, r.file_before_bytes, r.file_after_bytes,
       r.shmem_before_bytes, r.shmem_after_bytes, r.anon_before_bytes, r.anon_after_bytes,
       r.swap_before_bytes, r.swap_after_bytes,
       e.verdict, e.refaulted_bytes, e.regrown_bytes, e.held_byte_seconds, e.observed_for_us
  FROM reclaim r
  JOIN cgroup c ON c.cgroup_id = r.cgroup_id
  LEFT JOIN reclaim_effect e ON e.reclaim_id = r.reclaim_id;

CREATE VIEW v_oom_kill AS
SELECT o.oom_kill_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.killed_at_us / 1000000, 'unixepoch') AS killed_at,
       o.killed_at_us, c.path, o.cgroup_id, o.source, o.scope, o.victim_pid, o.victim_comm,
       o.anon_rss_bytes, o.file_rss_bytes, o.shmem_rss_bytes, o.cause,
       c.runtime, c.pod_uid, c.container_id, c.namespace, c.pod, c.container
  FROM oom_kill o
  LEFT JOIN cgroup c ON c.cgroup_id = o.cgroup_id;
