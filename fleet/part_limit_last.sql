-- The newest limit of each cgroup
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of limit_last in brackets. -1 stands for NULL inside:
-- servers of 18.16 can't put an argMax of a tuple with NULL together.
SELECT node, history_id, cgroup_id, if(newest_bytes < 0, NULL, newest_bytes) AS limit_bytes,
       if(newest_effective_bytes < 0, NULL, newest_effective_bytes) AS effective_limit_bytes
  FROM (SELECT node, history_id, cgroup_id, argMax(ifNull(limit_bytes, -1), (changed_at_us, revision)) AS newest_bytes,
               argMax(ifNull(effective_limit_bytes, -1), (changed_at_us, revision)) AS newest_effective_bytes
          FROM cgroup_limit
         WHERE {of_node}
         GROUP BY node, history_id, cgroup_id)
