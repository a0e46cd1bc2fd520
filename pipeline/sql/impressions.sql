-- Reads:  events_in_order
-- Gives:  one row per impression (request, item) of the days wanted, with labels from the strongest of its actions: a
--         save implies the click; closeup, skip and hide alone are negatives. No negative is sampled.
--         time    moment of the request: its earliest row, so that no event of a slate comes before the slate
--         split   train: the ${train_days} days before ${day}; valid: that day; test: the ${test_days} after it
SELECT
    i.user, i.request, i.item, r.time, i.surface, i.position, i.click, i.save,
    r.history_before, r.skips_before, r.day,
    CASE
        WHEN r.day < DATE '${day}' THEN 'train'
        WHEN r.day = DATE '${day}' THEN 'valid'
        ELSE 'test'
    END AS split
FROM (
    SELECT
        e.user, e.request, e.item,
        min(e.surface) AS surface,
        min(e.position) AS position,
        bool_or(e.action IN ('click', 'save')) AS click,
        bool_or(e.action = 'save') AS save
    FROM events_in_order e
    WHERE e.request IS NOT NULL
    GROUP BY e.user, e.request, e.item
) i
JOIN (
    SELECT
        e.user, e.request,
        min(e.time) AS time,
        CAST(min(e.time) AS DATE) AS day,
        -- Both only grow with time, so the least is that of the request's moment.
        min(e.history_before) AS history_before,
        min(e.skips_before) AS skips_before
    FROM events_in_order e
    WHERE e.request IS NOT NULL
    GROUP BY e.user, e.request
) r ON r.user = i.user AND r.request = i.request
WHERE r.day >= DATE '${day}' - INTERVAL '${train_days}' DAY
  AND r.day <= DATE '${day}' + INTERVAL '${test_days}' DAY
