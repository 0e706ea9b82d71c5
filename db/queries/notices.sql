-- name: tell$
-- Tell whoever listens, when the transaction is committed.
SELECT pg_notify(:channel, :word);
