-- The next hours to send, by their time
-- SPDX-License-Identifier: Apache-2.0
-- Those after :after, up to :end, with :rows rows together or as many more as the last hour has. NULL: there are none. They stay
-- longer than their scans.
SELECT max(hour_at_us) AS reaches
  FROM (SELECT hour_at_us FROM sample_hour WHERE hour_at_us > :after AND hour_at_us <= :end
         ORDER BY hour_at_us, cgroup_id LIMIT :rows)
