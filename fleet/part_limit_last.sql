-- The newest limit of each cgroup
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of limit_last in brackets.
SELECT node, history_id, cgroup_id, newest.2 AS limit_bytes, newest.3 AS effective_limit_bytes
  FROM (SELECT node, history_id, cgroup_id,
               arraySort(groupArray((changed_at_us, limit_bytes, effective_limit_bytes)))[-1] AS newest
          FROM cgroup_limit FINAL
         WHERE match(node, {node_glob})
         GROUP BY node, history_id, cgroup_id)
