-- Reads:  examples, training
-- Gives:  one row: how many records know something they could not have known, by kind. All counts but `records` must be 0.
SELECT
    x.records, x.history_not_before, x.skips_not_before, x.in_another_day,
    t.training_records - x.records AS added_by_the_join, t.snapshot_not_before
FROM (
    SELECT
        count(*) AS records,
        -- The least age is that of the newest event, wherever in the array it stands.
        count(CASE WHEN array_min(x.history)['age_ms'] <= 0 THEN 1 END) AS history_not_before,
        count(CASE WHEN array_min(x.skips)['age_ms'] <= 0 THEN 1 END) AS skips_not_before,
        count(CASE WHEN CAST(x.day AS DATE) <> CAST(x.time AS DATE) THEN 1 END) AS in_another_day
    FROM examples x
) x
CROSS JOIN (
    SELECT
        count(*) AS training_records,
        count(CASE WHEN t.snapshot_day >= CAST(t.time AS DATE) THEN 1 END) AS snapshot_not_before
    FROM training t
) t
