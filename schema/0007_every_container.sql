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
       o.listed_count, o.listed_rss_bytes, o.listed_swap_bytes
  FROM oom_kill o
  LEFT JOIN v_cgroup c ON c.cgroup_id = o.cgroup_id;

-- 5. Cgroups that are stuck.
