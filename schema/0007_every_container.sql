-- SPDX-License-Identifier: Apache-2.0
--
-- Every container, every byte, and every kill for what it was.

-- 1. Where containers are.

-- What a cgroup is: 'container'; 'pod' (the directory of a pod's containers); 'inner' (another directory with cgroups below it);
-- 'leaf' (a service, a session or whatever else has none). NULL: recorded by an earlier version. The samples of a pod and of an
-- inner cgroup are of its remainder: what it holds beyond the cgroups below it. So the sum over all cgroups is what all of them
-- hold.
-- Names of `node`: containers_seen_below, the parent below which a container has been seen last.
ALTER TABLE cgroup ADD COLUMN kind TEXT;

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
       c.workload, c.first_seen_by, c.vanished_by, c.kind
  FROM cgroup c;

-- 2. Memory that belongs to no running container.

-- 3. What the kernel counts.

-- Slab: the kernel's own caches, of which dentries and inodes can be dropped like page cache. NULL: the kernel does not tell
-- (cgroup v1).
ALTER TABLE sample ADD COLUMN slab_reclaimable_kib INTEGER;
ALTER TABLE sample ADD COLUMN slab_unreclaimable_kib INTEGER;
-- The highest usage since the cgroup's previous sample (or since it was made), where that is over the usage of both samples:
-- the kernel's peak rose in between. NULL: it did not, or it is not known: it is read only of cgroups with a limit below
-- the machine's memory, and not told by Linux before 5.19 (cgroup v2).
ALTER TABLE sample ADD COLUMN peak_kib INTEGER;
-- memory.events, increases (v2; its max is limit_hits): how often the cgroup was reclaimed although it is below
-- memory.low; was throttled at memory.high; was out of memory; was killed as a group.
ALTER TABLE sample ADD COLUMN low_events INTEGER;
ALTER TABLE sample ADD COLUMN high_events INTEGER;
ALTER TABLE sample ADD COLUMN oom_events INTEGER;
ALTER TABLE sample ADD COLUMN oom_group_kills INTEGER;
-- 1: the kernel tells shmem, but as something that is no number. NULL: shmem_kib is known, or the kernel lacks it.
ALTER TABLE sample ADD COLUMN shmem_unknown INTEGER;
-- What can be dropped of the page cache: without shmem. Where shmem is NULL, what is on the LRU lists of files; where the
-- kernel has neither, all of it; where it has them but not as numbers, NULL. Computed when it is read, takes no room.
ALTER TABLE sample ADD COLUMN reclaimable_cache_kib INTEGER AS (
  CASE WHEN shmem_kib IS NOT NULL THEN max(file_kib - shmem_kib, 0)
       ELSE coalesce(min(file_kib, inactive_file_kib + active_file_kib), iif(shmem_unknown, NULL, file_kib)) END);
-- Memory that can't be dropped: usage less that cache and less slab_reclaimable.
ALTER TABLE sample ADD COLUMN held_kib INTEGER AS (
  max(usage_kib - coalesce(reclaimable_cache_kib, 0) - coalesce(slab_reclaimable_kib, 0), 0));

ALTER TABLE sample_hour ADD COLUMN slab_reclaimable_avg_kib INTEGER;
ALTER TABLE sample_hour ADD COLUMN slab_reclaimable_max_kib INTEGER;
ALTER TABLE sample_hour ADD COLUMN slab_unreclaimable_avg_kib INTEGER;
ALTER TABLE sample_hour ADD COLUMN slab_unreclaimable_max_kib INTEGER;
ALTER TABLE sample_hour ADD COLUMN peak_max_kib INTEGER;   -- of peak_kib; the hour's highest usage may be usage_max_kib
ALTER TABLE sample_hour ADD COLUMN low_events INTEGER;
ALTER TABLE sample_hour ADD COLUMN high_events INTEGER;
ALTER TABLE sample_hour ADD COLUMN oom_events INTEGER;
ALTER TABLE sample_hour ADD COLUMN oom_group_kills INTEGER;

-- Of an OOM kill, by whom measured_by says. Part of kernel_bytes.
ALTER TABLE oom_kill ADD COLUMN slab_reclaimable_bytes INTEGER;

DROP VIEW v_sample;
CREATE VIEW v_sample AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', sc.started_at_us / 1000000, 'unixepoch') AS at,
       sc.started_at_us AS at_us,
       c.path, s.scan_id, s.cgroup_id,
       s.usage_kib * 1024 AS usage_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.file_kib * 1024 AS file_bytes,
       s.shmem_kib * 1024 AS shmem_bytes,
       s.reclaimable_cache_kib * 1024 AS reclaimable_cache_bytes,
       s.inactive_file_kib * 1024 AS inactive_file_bytes,
       s.active_file_kib * 1024 AS active_file_bytes,
       s.dirty_kib * 1024 AS dirty_bytes,
       s.kernel_kib * 1024 AS kernel_bytes,
       s.swap_kib * 1024 AS swap_bytes,
       s.pgfault, s.pgmajfault,
       s.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       s.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       s.pgscan, s.pgsteal, s.limit_hits, s.oom_kills, s.psi_some_us, s.psi_full_us,
       s.slab_reclaimable_kib * 1024 AS slab_reclaimable_bytes,
       s.slab_unreclaimable_kib * 1024 AS slab_unreclaimable_bytes,
       s.peak_kib * 1024 AS peak_bytes,
       s.held_kib * 1024 AS held_bytes,
       s.low_events, s.high_events, s.oom_events, s.oom_group_kills
  FROM sample s
  JOIN scan sc ON sc.scan_id = s.scan_id
  JOIN cgroup c ON c.cgroup_id = s.cgroup_id;

DROP VIEW v_sample_hour;
CREATE VIEW v_sample_hour AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', h.hour_at_us / 1000000, 'unixepoch') AS hour_at,
       h.hour_at_us, c.path, h.cgroup_id, h.sample_count,
       h.usage_avg_kib * 1024 AS usage_avg_bytes, h.usage_max_kib * 1024 AS usage_max_bytes,
       h.anon_avg_kib * 1024 AS anon_avg_bytes, h.anon_max_kib * 1024 AS anon_max_bytes,
       h.file_avg_kib * 1024 AS file_avg_bytes, h.file_max_kib * 1024 AS file_max_bytes,
       h.shmem_avg_kib * 1024 AS shmem_avg_bytes, h.shmem_max_kib * 1024 AS shmem_max_bytes,
       CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
            ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib), h.file_avg_kib)
            END * 1024 AS reclaimable_cache_avg_bytes,
       h.inactive_file_avg_kib * 1024 AS inactive_file_avg_bytes, h.inactive_file_max_kib * 1024 AS inactive_file_max_bytes,
       h.active_file_avg_kib * 1024 AS active_file_avg_bytes, h.active_file_max_kib * 1024 AS active_file_max_bytes,
       h.dirty_avg_kib * 1024 AS dirty_avg_bytes, h.dirty_max_kib * 1024 AS dirty_max_bytes,
       h.kernel_avg_kib * 1024 AS kernel_avg_bytes, h.kernel_max_kib * 1024 AS kernel_max_bytes,
       h.swap_avg_kib * 1024 AS swap_avg_bytes, h.swap_max_kib * 1024 AS swap_max_bytes,
       h.pgfault, h.pgmajfault,
       h.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       h.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       h.pgscan, h.pgsteal, h.limit_hits, h.oom_kills, h.psi_some_us, h.psi_full_us,
       h.slab_reclaimable_avg_kib * 1024 AS slab_reclaimable_avg_bytes,
       h.slab_reclaimable_max_kib * 1024 AS slab_reclaimable_max_bytes,
       h.slab_unreclaimable_avg_kib * 1024 AS slab_unreclaimable_avg_bytes,
       h.slab_unreclaimable_max_kib * 1024 AS slab_unreclaimable_max_bytes,
       h.peak_max_kib * 1024 AS peak_max_bytes,
       h.low_events, h.high_events, h.oom_events, h.oom_group_kills
  FROM sample_hour h
  JOIN cgroup c ON c.cgroup_id = h.cgroup_id;

-- New faults in service_event: kernel_numbers (values of the kernel that are no numbers, such as -4096: they are NULL),
-- memory_controller (cgroups without the memory controller: they are not recorded).

-- 4. Kills for what they were.
--
-- What ran out. scope says from whom the kernel chose: 'cgroup', or 'node' (all processes). finer_scope says more where it was
-- neither a cgroup's memory limit nor the node's memory:
--   memory_and_swap  a cgroup's limit of memory and swap together (cgroup v1): limit_bytes. Its limit of memory alone is in
--                    memory_limit_bytes (NULL: none); usage_bytes is in memory, swap_bytes in swap
--   cpuset           the memory of the NUMA nodes that the cpuset of the process that asked for memory allows: numa_nodes
--   memory_policy    the memory of the NUMA nodes that its memory policy allows: numa_nodes
--   fragmentation    memory was free, but not in one piece of the size asked for (alloc_order), or not in the zone asked for
--   sysrq            nothing had run out: somebody asked for a kill by SysRq
-- NULL: scope says it all; of rows of an earlier version no more is known. `scope` of v_oom_kill is finer_scope, else scope.
-- New words in `cause`: cpuset, memory_policy, fragmentation, sysrq. With memory_and_swap, cause says what kind of memory it was.
ALTER TABLE oom_kill ADD COLUMN finer_scope TEXT
  CHECK (finer_scope IN ('memory_and_swap', 'cpuset', 'memory_policy', 'fragmentation', 'sysrq'));
ALTER TABLE oom_kill ADD COLUMN memory_limit_bytes INTEGER;
ALTER TABLE oom_kill ADD COLUMN numa_nodes TEXT;       -- as the kernel writes it: '0-1,3'; NULL: not told
ALTER TABLE oom_kill ADD COLUMN alloc_order INTEGER;   -- 2^alloc_order pages in one piece were asked for; NULL: not told
-- 0: the kernel's log begins the kill, and does not say that it was carried out (some kernels never do). It is on record all the
-- same: seen_count says whether the cgroup's counter rose with it. Where the counter can be read and did not rise, the row is
-- deleted. NULL: the log says so, or does not tell of the kill.
ALTER TABLE oom_kill ADD COLUMN end_told INTEGER;
-- The kernel's table of processes, of the cgroup that hit its limit with all below it, else of the node: how many, and the
-- sums of all. What processes share counts for each of them. NULL: the log has none.
ALTER TABLE oom_kill ADD COLUMN listed_count INTEGER;
ALTER TABLE oom_kill ADD COLUMN listed_rss_bytes INTEGER;
ALTER TABLE oom_kill ADD COLUMN listed_swap_bytes INTEGER;

-- The ten of that table that held most memory and swap. It goes with its oom_kill.
CREATE TABLE oom_process (
  oom_kill_id    INTEGER NOT NULL,
  place          INTEGER NOT NULL,           -- 1: held most
  pid            INTEGER NOT NULL,
  comm           TEXT NOT NULL,
  uid            INTEGER,
  rss_bytes      INTEGER NOT NULL,           -- in memory
  anon_bytes     INTEGER,                    -- of it, from here on; NULL before Linux 6.8
  file_bytes     INTEGER,
  shmem_bytes    INTEGER,
  swap_bytes     INTEGER,
  oom_score_adj  INTEGER,
  PRIMARY KEY (oom_kill_id, place)
) WITHOUT ROWID;

-- The memory of the whole node, as the kernel printed it at a kill that was not for a cgroup's limit. It goes with its oom_kill.
CREATE TABLE oom_node (
  oom_kill_id              INTEGER PRIMARY KEY,
  total_bytes              INTEGER,
  free_bytes               INTEGER,
  active_anon_bytes        INTEGER,
  inactive_anon_bytes      INTEGER,
  active_file_bytes        INTEGER,          -- page cache that can be dropped, in principle: this,
  inactive_file_bytes      INTEGER,          -- and this
  shmem_bytes              INTEGER,
  slab_reclaimable_bytes   INTEGER,
  slab_unreclaimable_bytes INTEGER,
  dirty_bytes              INTEGER,          -- of the page cache, what has to be written first: this,
  writeback_bytes          INTEGER           -- and what is being written
);

DROP VIEW v_oom_kill;
CREATE VIEW v_oom_kill AS
SELECT o.oom_kill_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', o.killed_at_us / 1000000, 'unixepoch') AS killed_at,
       o.killed_at_us, c.path, o.cgroup_id, o.source, coalesce(o.finer_scope, o.scope) AS scope, o.victim_pid, o.victim_comm,
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
       o.last_killed_at_us, o.dropped_from, o.cgroup_by, o.candidate_count,
       o.memory_limit_bytes, o.numa_nodes, o.alloc_order, o.end_told, o.seen_count,
       o.listed_count, o.listed_rss_bytes, o.listed_swap_bytes, o.slab_reclaimable_bytes
  FROM oom_kill o
  LEFT JOIN v_cgroup c ON c.cgroup_id = o.cgroup_id;

-- 5. Cgroups that are stuck.

-- A time in which a cgroup was stuck: nothing was killed, but its tasks made no progress. kind says how:
--   memory_high  it was throttled at memory.high (v2): in each ten seconds of a minute or more, memory.events high rose,
--                and for more than half of the time all of its tasks waited for memory (memory.pressure full)
--   under_oom    it was out of memory with the OOM killer disabled (v1): memory.oom_control says oom_kill_disable 1 and
--                under_oom 1
-- One that begins again within a minute, with the same limit, is the same. limit_bytes is that at the highest usage.
CREATE TABLE stuck (
  stuck_id        INTEGER PRIMARY KEY,
  cgroup_id       INTEGER NOT NULL,
  kind            TEXT NOT NULL CHECK (kind IN ('memory_high', 'under_oom')),
  began_at_us     INTEGER NOT NULL,            -- under_oom: the first sample that showed it
  last_seen_at_us INTEGER NOT NULL,            -- the last sample that showed it
  ended_at_us     INTEGER,                     -- the first scan in which it was over. NULL: it goes on, or that is not known
  ended_by        TEXT CHECK (ended_by IN
                    ('over',                   -- the cgroup made progress again
                     'removed',                -- the cgroup was removed
                     'unknown')),              -- the service did not see the end. NULL: it goes on
  usage_bytes     INTEGER,                     -- the highest of the samples that showed it
  limit_bytes     INTEGER,                     -- memory_high: the cgroup's memory.high; under_oom: its effective limit
  high_events     INTEGER,                     -- memory_high: how much the counter rose in the samples of this time
  psi_full_us     INTEGER                      -- memory_high: how long all of its tasks waited for memory in this time
);
CREATE INDEX stuck_began_at ON stuck (began_at_us);
CREATE INDEX stuck_cgroup ON stuck (cgroup_id);
CREATE INDEX stuck_going_on ON stuck (stuck_id) WHERE ended_by IS NULL;

CREATE VIEW v_stuck AS
SELECT s.stuck_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.began_at_us / 1000000, 'unixepoch') AS began_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.ended_at_us / 1000000, 'unixepoch') AS ended_at,
       c.path, s.cgroup_id, s.kind, s.began_at_us, s.last_seen_at_us, s.ended_at_us, s.ended_by,
       s.last_seen_at_us - s.began_at_us AS lasted_us,
       s.usage_bytes, s.limit_bytes, s.high_events, s.psi_full_us,
       c.name, c.workload
  FROM stuck s
  LEFT JOIN v_cgroup c ON c.cgroup_id = s.cgroup_id;
