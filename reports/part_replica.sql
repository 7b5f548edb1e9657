-- Which cgroups are one replica of their workload
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of replica in brackets. A pod's own cgroup and the containers
-- below it whose names are not known (its sandbox is one) have one workload. They are one replica of it: the pod. Each
-- other cgroup is a replica. The samples of a pod are those of its remainder, so memory is the sum of all cgroups.
--
--   replica      the same for all cgroups of a replica
--   can_restart  1: a container with a name, or a leaf such as a service: one that begins after another one of its
--                workload is a restart. 0: a pod or another inner cgroup; and a container of a pod whose name is not
--                known, because it may be another container of the pod
SELECT cgroup_id, iif(is_of_pod, pod_uid, cgroup_id) AS replica, NOT is_of_pod AND ifnull(kind, '') NOT IN ('inner', 'pod') AS can_restart
  FROM (SELECT cgroup_id, pod_uid, kind, pod_uid IS NOT NULL AND container IS NULL AS is_of_pod FROM cgroup)
