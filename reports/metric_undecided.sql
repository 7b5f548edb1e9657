-- OOM kills that are not counted yet
-- SPDX-License-Identifier: Apache-2.0
-- metric kills gauge cgmm_oom_kills_undecided: OOM kills of the last minutes of which it is not known yet whose they were.
SELECT CAST(total(kill_count) AS INTEGER) AS kills FROM oom_kill WHERE cgroup_by IS NULL;
