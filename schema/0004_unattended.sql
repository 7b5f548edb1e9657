-- SPDX-License-Identifier: Apache-2.0
--
-- A year unattended: faults that have a name, and the tiers that keep the file inside max_size.
--
-- What is kept, for how long (the keys of config.toml): every sample for keep_samples; those around an OOM kill for
-- keep_incidents; sample_hour for keep_hours; reclaims, effects, OOM kills, limits, service events, and the cgroups that ended,
-- for keep_events. A scan's row stays for 35 days, or while samples of it do. When the file would outgrow max_size, the oldest
-- rows go before their time: samples first, those around an OOM kill last.

-- fault_begin and fault_end: which fault. The same word begins and ends it:
--   history        the database can't be written, was replaced or damaged
--   history_size   the database can't be tidied, and may outgrow max_size
--   reader         somebody reads the database for so long that its log can't be taken up
--   cgroups        cgroups, or files of theirs, that can't be read; ends after three scans without
--   max_cgroups    more cgroups than are watched; ends after three scans without
--   parent         the directory of the watched cgroups can't be read; ends after three scans of it
--   reclaim        the kernel can't be asked to reclaim; ends after three scans in which it could
--   reclaim_hang   it was asked and does not answer, five seconds after it was told to leave off (earlier: reclaim)
--   kernel_log     the kernel's log can't be read; or records of it are lost, and that ends after a minute without
--   clock          the wall clock was set; ends when it was set to where it would be, or has not been set for ten minutes
--   sampler, recorder  a thread makes no progress
-- NULL: a row of an earlier version.
ALTER TABLE service_event ADD COLUMN fault TEXT;

-- How far samples have been rolled up: those of every scan up to this one are in sample_hour, whether they are still in sample
-- or not. One row, or none yet.
CREATE TABLE rolled_up (scan_id INTEGER PRIMARY KEY);

-- Cgroups by their end: those that have been gone for long enough are dropped with what is known of them.
CREATE INDEX cgroup_vanished_at ON cgroup (vanished_at_us) WHERE vanished_at_us IS NOT NULL;
-- Limits by their age.
CREATE INDEX cgroup_limit_changed_at ON cgroup_limit (changed_at_us);

CREATE VIEW v_sample_hour AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', h.hour_at_us / 1000000, 'unixepoch') AS hour_at,
       h.hour_at_us, c.path, h.cgroup_id, h.sample_count,
       h.usage_avg_kib * 1024 AS usage_avg_bytes, h.usage_max_kib * 1024 AS usage_max_bytes,
       h.anon_avg_kib * 1024 AS anon_avg_bytes, h.anon_max_kib * 1024 AS anon_max_bytes,
       h.file_avg_kib * 1024 AS file_avg_bytes, h.file_max_kib * 1024 AS file_max_bytes,
       h.shmem_avg_kib * 1024 AS shmem_avg_bytes, h.shmem_max_kib * 1024 AS shmem_max_bytes,
       max(h.file_avg_kib - coalesce(h.shmem_avg_kib, 0), 0) * 1024 AS reclaimable_cache_avg_bytes,
       h.inactive_file_avg_kib * 1024 AS inactive_file_avg_bytes, h.inactive_file_max_kib * 1024 AS inactive_file_max_bytes,
       h.active_file_avg_kib * 1024 AS active_file_avg_bytes, h.active_file_max_kib * 1024 AS active_file_max_bytes,
       h.dirty_avg_kib * 1024 AS dirty_avg_bytes, h.dirty_max_kib * 1024 AS dirty_max_bytes,
       h.kernel_avg_kib * 1024 AS kernel_avg_bytes, h.kernel_max_kib * 1024 AS kernel_max_bytes,
       h.swap_avg_kib * 1024 AS swap_avg_bytes, h.swap_max_kib * 1024 AS swap_max_bytes,
       h.pgfault, h.pgmajfault,
       h.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       h.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       h.pgscan, h.pgsteal, h.limit_hits, h.oom_kills, h.psi_some_us, h.psi_full_us
  FROM sample_hour h
  JOIN cgroup c ON c.cgroup_id = h.cgroup_id;
