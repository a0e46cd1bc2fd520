-- Reads:  examples, snapshots, embeddings
-- Gives:  the training view: every record with the embedding its item had in the snapshot of the record's own day.
--         snapshot_day       where the items of `history` and `skips` are to be looked up too
--         embedding          null where the snapshot does not know the item yet
--         embedding_version  the space the embedding lives in; vectors of two versions cannot be compared
SELECT
    x.request, x.user, x.item, x.time, x.surface, x.position, x.click, x.save, x.split, x.history, x.skips,
    s.snapshot_day, e.embedding, e.embedding_version,
    x.day, x.hour
FROM examples x
JOIN snapshots s ON s.day = CAST(x.day AS DATE)
LEFT JOIN embeddings e ON e.item = x.item AND CAST(e.day AS DATE) = s.snapshot_day
