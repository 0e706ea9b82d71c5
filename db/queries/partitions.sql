-- name: make_months$
SELECT make_months(:parent, :first, :last);

-- name: months
SELECT CAST(to_date(right(c.relname, 7), 'YYYY_MM') AS date) AS month
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(:parent) AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
ORDER BY month;

-- name: drop_month$
SELECT drop_month(:parent, :month);
