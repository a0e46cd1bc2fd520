-- Reads:  events_once
-- Gives:  every event with its place in its user's log, which has two sequences: `history` (engaged with) and `skips`.
--         number          place in its own sequence, oldest = 0
--         page            number of the first event on its page; a page is as long as a record's sequence may be
--         history_before  events of the user's history strictly before this event's time
--         skips_before    the same of the skips
SELECT
    e.user, e.item, e.action, e.time, e.surface, e.position, e.request, e.sequence, e.number,
    e.number - e.number % (CASE WHEN e.sequence = 'skips' THEN ${skips} ELSE ${history} END) AS page,
    -- A slate's rows share their time, so those of the same moment are taken off again.
    e.engaged_until - e.engaged_now AS history_before,
    e.skipped_until - e.skipped_now AS skips_before
FROM (
    SELECT
        e.user, e.item, e.action, e.time, e.surface, e.position, e.request, e.sequence,
        CAST(row_number() OVER (PARTITION BY e.user, e.sequence ORDER BY e.time, e.item, e.action) AS BIGINT) - 1
            AS number,
        sum(1 - e.skipped) OVER so_far AS engaged_until,
        sum(1 - e.skipped) OVER same_moment AS engaged_now,
        sum(e.skipped) OVER so_far AS skipped_until,
        sum(e.skipped) OVER same_moment AS skipped_now
    FROM (
        SELECT
            e.user, e.item, e.action, e.time, e.surface, e.position, e.request,
            CASE WHEN e.action IN ('skip', 'hide') THEN 'skips' ELSE 'history' END AS sequence,
            CASE WHEN e.action IN ('skip', 'hide') THEN 1 ELSE 0 END AS skipped
        FROM events_once e
    ) e
    WINDOW
        so_far AS (PARTITION BY e.user ORDER BY e.time RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        same_moment AS (PARTITION BY e.user, e.time)
) e
