-- Reads:  events
-- Gives:  the same rows without double clicks: an event within ${double_click_seconds} s of the previous one of the same
--         user, item, action and request is dropped, so that of a burst only the first stays.
SELECT e.user, e.item, e.action, e.time, e.surface, e.position, e.request
FROM (
    SELECT
        e.user, e.item, e.action, e.time, e.surface, e.position, e.request,
        lag(e.time) OVER (PARTITION BY e.user, e.item, e.action, e.request ORDER BY e.time) AS previous
    FROM events e
) e
WHERE e.previous IS NULL OR e.time > e.previous + INTERVAL '${double_click_seconds}' SECOND
