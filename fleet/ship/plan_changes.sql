-- The next changes to send
-- SPDX-License-Identifier: Apache-2.0
-- The last one of :rows after :after, up to :end. NULL: there are none.
SELECT max(revision) AS reaches
  FROM (SELECT revision FROM change WHERE revision > :after AND revision <= :end ORDER BY revision LIMIT :rows)
