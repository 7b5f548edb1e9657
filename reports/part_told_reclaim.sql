-- Reclaims with what became of them
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of told_reclaim in brackets. So there is one
-- definition of each number, and one rule for when it can be told. docs/numbers.md explains them.
--
--   read_back_bytes    how much of what was freed was read again. NULL: it can't be told, because the observation was too
--                      short, the kernel can't tell, or next to nothing was freed
--   regrown_bytes      how much of what was freed the cache had grown again at the end of the observation
--   stayed_free_bytes  the rest of what was freed. NULL: nothing was observed
--   by_regrowth        the kernel can't tell what was read back, so the verdict rests on regrown_bytes
--   mostly_regrown     that, and it was at least half of what was freed
SELECT r.*, e.verdict, e.judged_by, e.ended_by, e.observed_for_us, e.held_byte_seconds,
       CASE WHEN e.verdict IN ('effective', 'churn') THEN min(e.refaulted_bytes, r.freed_bytes) END AS read_back_bytes,
       min(e.regrown_bytes, r.freed_bytes) AS regrown_bytes,
       max(r.freed_bytes - e.regrown_bytes, 0) AS stayed_free_bytes,
       e.judged_by IS 'regrowth' AS by_regrowth,
       e.judged_by IS 'regrowth' AND ifnull(2 * e.regrown_bytes >= r.freed_bytes, 0) AS mostly_regrown
  FROM reclaim r
  LEFT JOIN reclaim_effect e USING (reclaim_id)
