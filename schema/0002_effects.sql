-- SPDX-License-Identifier: Apache-2.0
--
-- How a reclaim went in detail, and what came of it. Rows that are older than this have NULL in the new columns.
-- New keys in `node`: observe_for_us.

-- How many times the kernel was asked (v1: once, all or nothing).
ALTER TABLE reclaim ADD COLUMN step_count INTEGER;
-- Why it ended where it did.
ALTER TABLE reclaim ADD COLUMN stopped_by TEXT CHECK (stopped_by IN
  ('target',            -- the cache is down to reclaim_to, or all that was requested has been asked for
   'nothing_left',      -- the kernel found no more to free
   'pressure',          -- the cgroup's tasks waited for memory for more than max_pressure of the time
   'timeout',           -- it took longer than reclaim_timeout
   'stop',              -- the service stopped
   'vanished',          -- the cgroup was removed
   'error'));           -- the kernel refused; error says why
-- Time in which some task of the cgroup waited for memory while it was reclaimed. NULL: the kernel does not tell.
ALTER TABLE reclaim ADD COLUMN psi_some_us INTEGER;

-- What the verdict rests on: the amount freed (futile), the refaults, or, where the kernel does not count those or can't
-- have remembered what it evicted (it does for about eight times the memory that the cgroup still holds), the regrowth:
-- the verdict is 'unknown' then, for what regrew may be new. NULL: on nothing, it was watched for too short a time,
-- or failed.
ALTER TABLE reclaim_effect ADD COLUMN judged_by TEXT CHECK (judged_by IN ('amount', 'refaults', 'regrowth'));
-- What ended the watch. NULL: it is under way, and the row says what is known so far.
ALTER TABLE reclaim_effect ADD COLUMN ended_by TEXT CHECK (ended_by IN
  ('observe_for',       -- the whole time was watched
   'next_reclaim',      -- the cgroup was due again
   'vanished',          -- the cgroup was not seen again
   'stop',              -- the service stopped or crashed
   'at_once'));         -- there was nothing to watch: it failed, freed next to nothing, or did not come to its end
CREATE INDEX reclaim_effect_under_way ON reclaim_effect (reclaim_id) WHERE ended_by IS NULL;

DROP VIEW v_reclaim;
CREATE VIEW v_reclaim AS
SELECT r.reclaim_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.started_at_us / 1000000, 'unixepoch') AS started_at,
       r.started_at_us, c.path, r.cgroup_id, r.method, r.outcome, r.error,
       r.duration_us, r.threshold_bytes, r.requested_bytes, r.freed_bytes,
       r.usage_before_bytes, r.usage_after_bytes, r.file_before_bytes, r.file_after_bytes,
       r.shmem_before_bytes, r.shmem_after_bytes, r.anon_before_bytes, r.anon_after_bytes,
       r.swap_before_bytes, r.swap_after_bytes,
       e.verdict, e.refaulted_bytes, e.regrown_bytes, e.held_byte_seconds, e.observed_for_us,
       r.stopped_by, r.step_count, r.psi_some_us,
       max(r.swap_after_bytes - r.swap_before_bytes, 0) AS swapped_out_bytes,
       e.judged_by, e.ended_by AS effect_ended_by
  FROM reclaim r
  JOIN cgroup c ON c.cgroup_id = r.cgroup_id
  LEFT JOIN reclaim_effect e ON e.reclaim_id = r.reclaim_id;
