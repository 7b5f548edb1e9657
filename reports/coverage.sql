-- Coverage
SELECT count(*) AS scans FROM scan;
