-- OOM kills, each with its name
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of named_kill in brackets. The kills of the matching cgroups in the window.
-- All reports call a kill the same:
--
--   cgroup    the cgroup's name. Outside of what is tracked, the victim's path; of cgroups that were dropped because there were
--             too many, their directory. "(one of 3)": the kernel's log does not name the cgroup, and it was one of these.
--             "(not known)": nothing is known of it
--   workload  what restarts and replicas have in common (cgroup.workload), else as `cgroup`. namespace/name without a container:
--             which container of the pod it was is not known
SELECT o.*, c.path,
       coalesce(c.name, o.victim_path, o.dropped_from,
                iif(o.candidate_count > 0, '(one of ' || o.candidate_count || ')', '(not known)')) AS cgroup,
       coalesce(c.workload, c.name, o.victim_path, o.dropped_from,
                iif(o.candidate_count > 0, '(one of ' || o.candidate_count || ')', '(not known)')) AS workload
  FROM oom_kill o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND (coalesce(c.path, o.dropped_from, o.victim_path, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob
        OR c.workload GLOB :cgroup_glob)
