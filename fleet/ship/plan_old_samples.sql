-- How many samples there are up to a scan
-- SPDX-License-Identifier: Apache-2.0
SELECT count(*) AS sample_count FROM sample WHERE scan_id <= :end
