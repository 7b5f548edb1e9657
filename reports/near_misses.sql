-- Near misses: episodes within 5 % of the limit, five minutes or more apart; or stuck (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- Cgroups that came within 5 % of their limit with memory that can't be dropped (usage less page cache and
-- slab that can be dropped), and had no kill in the five minutes before or after. The limit is the effective
-- one at that time. `how`: in a sample; or at the kernel's peak between two samples, less what could be
-- dropped in the second. First those that were stuck instead of killed: throttled at memory.high, their
-- limit here, or standing still because their OOM killer is disabled. Each cgroup is listed once. `episodes`: those samples that
-- are less than five minutes apart are one episode. `near_us`: how long it was near the limit, summed up from one
-- such sample to the next, where they are at most one and a half scan intervals apart, in tenths of a second; less than
-- a second is exact. NULL: no two are, so it
-- is not known. Of a pod all that it holds counts, with its containers.
-- Whole hours (sample_hour) tell which cgroups can have been near their limit: usage or peak was. Only their
-- samples are read. Where these are gone, the hour tells a near miss if anonymous memory alone was within 5 %;
-- hours in a row are one episode then. If it was not, it is not known: the last row says of how many cgroups,
-- and up to when.
-- Most important first: cgroup, peak_pct, peak_at_us, episodes, limit_bytes, how
WITH
found AS MATERIALIZED (SELECT * FROM (near_miss)),
listed AS (
  SELECT c.name AS cgroup,
         100.0 * found.share AS peak_pct,
         found.bytes AS peak_bytes,
         found.limit_bytes,
         found.at_us AS peak_at_us,
         found.episodes,
         iif(found.near_us < 1000000, found.near_us, CAST(round(found.near_us / 100000.0) AS INTEGER) * 100000) AS near_us,
         found.samples,
         c.path,
         found.how,
         c.first_seen_at,
         found.measured,
         found.is_stuck
    FROM found
    JOIN v_cgroup c USING (cgroup_id)
   ORDER BY found.is_stuck DESC, found.share DESC, found.at_us, c.path
   LIMIT 20
)
SELECT cgroup, peak_pct, peak_bytes, limit_bytes, peak_at_us, episodes, near_us, samples, path, how, first_seen_at, measured
  FROM (SELECT * FROM listed
         UNION ALL
        SELECT '(not known)', NULL, NULL, NULL, at_us, NULL, NULL, NULL, NULL,
               cgroups || iif(cgroups = 1, ' cgroup was full up to then, and its samples are gone',
                                           ' cgroups were full up to then, and their samples are gone'),
               NULL, 'hours', -1
          FROM found WHERE is_stuck = -1)
 ORDER BY is_stuck DESC, peak_pct DESC, peak_at_us, path;
