-- One cgroup that was stuck
-- SPDX-License-Identifier: Apache-2.0
-- The row of v_stuck that `incident show s1` explains.
SELECT v.*,
       (SELECT max(started_at_us) FROM scan) AS history_ends_at_us
  FROM v_stuck v
 WHERE v.stuck_id = :stuck_id;
