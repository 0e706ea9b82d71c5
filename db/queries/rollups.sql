-- name: changed_weeks
-- Weeks that are over and have changed since they were rolled up, or are held to other limits.
SELECT monday FROM changed_weeks WHERE monday + 6 < :today
UNION
SELECT monday FROM rollup_weeks
WHERE delay_limit <> CAST(:delay_limit AS real) OR loss_limit <> CAST(:loss_limit AS real)
ORDER BY monday;

-- name: roll_up!
SELECT roll_up(:monday, :delay_limit, :loss_limit);

-- name: open_blocks
-- Blocks that could be put together: all their weeks are over, and none waits to be rolled up.
SELECT DISTINCT block_of(w.monday) AS block FROM rollup_weeks w
WHERE block_of(w.monday) + 55 < :today
  AND NOT EXISTS (SELECT FROM rollup_blocks b WHERE b.block = block_of(w.monday))
  AND NOT EXISTS (SELECT FROM changed_weeks c WHERE block_of(c.monday) = block_of(w.monday))
ORDER BY block;

-- name: roll_up_block!
SELECT roll_up_block(:block);

-- name: different_links$
-- Links of a week that link_facts has otherwise than their history gives them, or one lacks.
WITH again AS MATERIALIZED (
    SELECT * FROM link_facts_of(NULL, CAST(:monday AS date), CAST(:monday AS date) + 6))
SELECT count(*) FROM (
    (SELECT * FROM link_facts WHERE on_day BETWEEN :monday AND :monday + 6
     EXCEPT SELECT * FROM again)
    UNION ALL
    (SELECT * FROM again
     EXCEPT SELECT * FROM link_facts WHERE on_day BETWEEN :monday AND :monday + 6)) d;

-- name: different_research$
-- The same of teachers in meetings.
WITH again AS MATERIALIZED (
    SELECT * FROM research_facts_of(NULL, CAST(:monday AS date), CAST(:monday AS date) + 6))
SELECT count(*) FROM (
    (SELECT * FROM research_facts WHERE on_day BETWEEN :monday AND :monday + 6
     EXCEPT SELECT * FROM again)
    UNION ALL
    (SELECT * FROM again
     EXCEPT SELECT * FROM research_facts WHERE on_day BETWEEN :monday AND :monday + 6)) d;

-- name: different_sums$
SELECT count(*) FROM rollup_weeks w, LATERAL (
    (SELECT * FROM rollup_sums r WHERE r.monday = w.monday
     EXCEPT SELECT * FROM week_sums('infinity', w.monday, w.monday + 6, w.delay_limit,
                                    w.loss_limit))
    UNION ALL
    (SELECT * FROM week_sums('infinity', w.monday, w.monday + 6, w.delay_limit, w.loss_limit)
     EXCEPT SELECT * FROM rollup_sums r WHERE r.monday = w.monday)) d
WHERE w.monday = :monday AND NOT EXISTS (SELECT FROM changed_weeks c WHERE c.monday = w.monday);

-- name: different_makeups$
SELECT count(*) FROM rollup_weeks w, LATERAL (
    (SELECT * FROM rollup_makeups r WHERE r.monday = w.monday
     EXCEPT SELECT * FROM week_makeups('infinity', w.monday, w.monday + 6))
    UNION ALL
    (SELECT * FROM week_makeups('infinity', w.monday, w.monday + 6)
     EXCEPT SELECT * FROM rollup_makeups r WHERE r.monday = w.monday)
    UNION ALL
    (SELECT * FROM rollup_owed r WHERE r.monday = w.monday EXCEPT SELECT * FROM week_owed(w.monday))
    UNION ALL
    (SELECT * FROM week_owed(w.monday)
     EXCEPT SELECT * FROM rollup_owed r WHERE r.monday = w.monday)) d
WHERE w.monday = :monday AND NOT EXISTS (SELECT FROM changed_weeks c WHERE c.monday = w.monday);

-- name: different_members$
SELECT count(*) FROM rollup_weeks w, LATERAL (
    (SELECT * FROM rollup_members r WHERE r.monday = w.monday
     EXCEPT SELECT * FROM week_members('infinity', w.monday, w.monday + 6))
    UNION ALL
    (SELECT * FROM week_members('infinity', w.monday, w.monday + 6)
     EXCEPT SELECT * FROM rollup_members r WHERE r.monday = w.monday)) d
WHERE w.monday = :monday AND NOT EXISTS (SELECT FROM changed_weeks c WHERE c.monday = w.monday);

-- name: different_sets$
SELECT count(*) FROM (
    SELECT r.* FROM rollup_sets r WHERE r.monday = :monday
    EXCEPT SELECT s.* FROM week_sets(:monday) s) d
WHERE NOT EXISTS (SELECT FROM changed_weeks c WHERE c.monday = :monday);

-- name: different_block_members$
-- Of the block that a week is in, if it is put together.
SELECT count(*) FROM rollup_blocks b, LATERAL (
    (SELECT * FROM rollup_block_members m WHERE m.block = b.block
     EXCEPT SELECT * FROM block_members(b.block))
    UNION ALL
    (SELECT * FROM block_members(b.block)
     EXCEPT SELECT * FROM rollup_block_members m WHERE m.block = b.block)) d
WHERE b.block = block_of(:monday)
  AND NOT EXISTS (SELECT FROM changed_weeks c
                  WHERE c.monday BETWEEN b.block AND b.block + 55);

-- name: different_reach$
-- The same of the 64 weeks that the block is in: the weeks of the block.
WITH mine AS (
    SELECT block, span_of(block) AS span, (block - span_of(block)) / 7 AS first
    FROM rollup_blocks WHERE block = block_of(:monday)),
kept AS (
    SELECT school_code, kind, member, (weeks >> first) & 255 AS weeks
    FROM rollup_reach JOIN mine USING (span) WHERE (weeks >> first) & 255 <> 0),
again AS (
    SELECT school_code, kind, member, CAST(weeks AS bigint)
    FROM rollup_block_members JOIN mine USING (block))
SELECT count(*) FROM (
    (SELECT * FROM kept EXCEPT SELECT * FROM again)
    UNION ALL
    (SELECT * FROM again EXCEPT SELECT * FROM kept)) d;

-- name: weeks_with_sessions
-- Mondays of weeks that hold a finished session.
SELECT DISTINCT monday_of(on_day) AS monday FROM sessions
WHERE closed_at IS NOT NULL AND on_day BETWEEN :since AND :until
UNION SELECT monday FROM rollup_weeks WHERE monday BETWEEN monday_of(:since) AND :until
ORDER BY monday;
