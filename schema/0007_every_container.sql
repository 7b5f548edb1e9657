-- SPDX-License-Identifier: Apache-2.0
--
-- Every container, every byte, and every kill for what it was.

-- 1. Where containers are.

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

-- 5. Cgroups that are stuck.

-- A time in which a cgroup was stuck: nothing was killed, but its tasks made no progress. kind says how:
--   memory_high  it was throttled at memory.high (v2): in each ten seconds of a minute or more, memory.events high rose,
--                and for more than half of the time all of its tasks waited for memory (memory.pressure full)
--   under_oom    it was out of memory with the OOM killer disabled (v1): memory.oom_control says oom_kill_disable 1 and
--                under_oom 1
-- One that begins again within a minute is the same.
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
  usage_bytes     INTEGER,                     -- in the last sample that showed it
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
