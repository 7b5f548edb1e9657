-- Reclaims with what became of them
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of told_reclaim in brackets. The view is explained in
-- schema/0011_metrics.sql.
SELECT * FROM v_told_reclaim
