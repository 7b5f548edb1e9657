-- The kills of the window
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of killed in brackets. subject and killed_cgroup: `workload` and `cgroup`
-- of reports/part_named_kill.sql.
SELECT *,
       assumeNotNull(coalesce(name, victim_path, dropped_from,
                              multiIf(candidate_count > 0, concat('(one of ', toString(candidate_count), ')'), '(not known)')))
         AS killed_cgroup,
       assumeNotNull(coalesce(multiIf(path IS NULL, NULL, workload), name, victim_path, dropped_from,
                              multiIf(candidate_count > 0, concat('(one of ', toString(candidate_count), ')'), '(not known)')))
         AS subject
  FROM oom_kill FINAL
 WHERE killed_at_us >= {since_us} AND killed_at_us < {until_us} AND {of_node}
   AND {of_kill}
