-- One OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- The row of v_oom_kill that `incident show` explains.
SELECT * FROM v_oom_kill WHERE oom_kill_id = :oom_kill_id;
