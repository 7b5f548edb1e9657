-- OOM kills to complete
-- SPDX-License-Identifier: Apache-2.0
-- For the completions of shells (`complete kills`): the numbers that `incident show` takes, the newest first.
SELECT word
  FROM (SELECT CAST(oom_kill_id AS TEXT) AS word, killed_at_us AS at_us FROM oom_kill
         UNION ALL
        SELECT 's' || stuck_id, began_at_us FROM stuck)
 ORDER BY at_us DESC
 LIMIT 50;
