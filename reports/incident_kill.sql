-- One OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- The row of v_oom_kill that `incident show` explains.
SELECT v.*, o.slab_reclaimable_bytes
  FROM v_oom_kill v
  JOIN oom_kill o USING (oom_kill_id)
 WHERE v.oom_kill_id = :oom_kill_id;
