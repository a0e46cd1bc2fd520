"""The ranker: search (GSU), attention (ESU), recent, skips, head."""
