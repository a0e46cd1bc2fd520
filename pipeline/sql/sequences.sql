-- Reads:  impressions, events_in_order
-- Gives:  per request and sequence (`history`, `skips`) the newest events strictly before the request, newest first: at
--         most ${history} and ${skips}. A request without earlier events has no row.
--         events  array of (age_ms, item, action, time); age_ms comes first because it is what they are sorted by
WITH requests AS (
    SELECT DISTINCT i.user, i.request, i.time, i.history_before, i.skips_before
    FROM impressions i
),
wanted AS (
    SELECT r.user, r.request, r.time, 'history' AS sequence, r.history_before AS earlier, ${history} AS longest
    FROM requests r
    UNION ALL
    SELECT r.user, r.request, r.time, 'skips' AS sequence, r.skips_before AS earlier, ${skips} AS longest
    FROM requests r
),
-- The events wanted lie on two neighbouring pages. Joining on pages keeps a request of someone with a very long log from
-- meeting all of it.
pages AS (
    SELECT w.user, w.request, w.time, w.sequence, w.earlier, w.longest,
        (w.earlier - 1) - (w.earlier - 1) % w.longest AS page
    FROM wanted w
    WHERE w.earlier > 0
    UNION ALL
    SELECT w.user, w.request, w.time, w.sequence, w.earlier, w.longest,
        (w.earlier - 1) - (w.earlier - 1) % w.longest - w.longest AS page
    FROM wanted w
    WHERE w.earlier > w.longest
)
SELECT
    p.user, p.request, p.sequence,
    array_sort(array_agg(named_struct(
        'age_ms', unix_millis(p.time) - unix_millis(e.time), 'item', e.item, 'action', e.action, 'time', e.time
    ))) AS events
FROM pages p
JOIN events_in_order e ON e.user = p.user AND e.sequence = p.sequence AND e.page = p.page
WHERE e.number < p.earlier AND e.number >= p.earlier - p.longest
GROUP BY p.user, p.request, p.sequence
