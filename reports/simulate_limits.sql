-- Limits of the cgroups that a simulation is about, in the order in which they came to hold
-- SPDX-License-Identifier: Apache-2.0
SELECT cgroup_id, changed_at_us, limit_bytes, effective_limit_bytes, high_bytes
  FROM cgroup_limit
 WHERE changed_at_us < :until_us
 ORDER BY changed_at_us;
