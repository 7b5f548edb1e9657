-- The kills of the window
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of killed in brackets. subject: what kills_by_workload adds up.
SELECT *,
       assumeNotNull(coalesce(multiIf(path IS NULL, NULL,
                                      pod IS NOT NULL AND container_id IS NOT NULL AND container IS NULL,
                                      concat(workload, '/(not known)'), workload),
                              name, victim_path, dropped_from, '(not known)')) AS subject
  FROM oom_kill FINAL
 WHERE killed_at_us >= {since_us} AND killed_at_us < {until_us} AND match(node, {node_glob})
   AND (match(coalesce(path, dropped_from, ''), {workload_glob}) OR match(ifNull(name, ''), {workload_glob})
        OR match(ifNull(workload, ''), {workload_glob}))
