-- Reads:  examples, embeddings
-- Gives:  for each day with records the snapshot that they may use: the last one of an earlier day. A snapshot holds the
--         embeddings as they were at the end of its day, so that of the records' own day would know what came after them.
SELECT x.day, max(s.day) AS snapshot_day
FROM (SELECT DISTINCT CAST(x.day AS DATE) AS day FROM examples x) x
LEFT JOIN (SELECT DISTINCT CAST(s.day AS DATE) AS day FROM embeddings s) s ON s.day < x.day
GROUP BY x.day
