-- SPDX-License-Identifier: Apache-2.0
--
-- Reclaims take doses: only page cache that the kernel's lists call idle, and little of it until it is known that nothing of it is
-- read again.

-- The share of the idle page cache, in percent, that the next reclaim takes. NULL: recorded by an earlier version.
ALTER TABLE cooldown ADD COLUMN dose_pct INTEGER;

-- The verdict of a reclaim: 'effective' only if what it freed was worth what was read again: each byte that was read again is
-- outweighed by a byte that stayed free for the setting `worth`. Else it is 'churn', which up to now meant that half of it was read
-- again. Verdicts of earlier versions stay as they are.
