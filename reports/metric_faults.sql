-- Faults
-- SPDX-License-Identifier: Apache-2.0
-- metric value gauge cgmm_fault: 1: this fault of the service has begun and not ended.
SELECT coalesce(fault, 'unnamed') AS fault, 1 AS value FROM (open_fault) ORDER BY 1;
