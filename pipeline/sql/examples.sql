-- Reads:  impressions, sequences
-- Gives:  the training records, one per impression, to be written by day and hour of the request (UTC). They hold item ids
--         only. `history` and `skips` are null where there is none.
SELECT
    i.request, i.user, i.item, i.time, i.surface, i.position, i.click, i.save, i.split,
    h.events AS history,
    s.events AS skips,
    CAST(i.day AS STRING) AS day,
    lpad(CAST(hour(i.time) AS STRING), 2, '0') AS hour
FROM impressions i
LEFT JOIN sequences h ON h.user = i.user AND h.request = i.request AND h.sequence = 'history'
LEFT JOIN sequences s ON s.user = i.user AND s.request = i.request AND s.sequence = 'skips'
