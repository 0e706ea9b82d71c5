-- name: declared
SELECT school_code, subject, grade, declared_on, declared_by FROM declared_needs
WHERE school_code = :school_code AND withdrawn_on IS NULL ORDER BY subject, grade;

-- name: declare_need$
INSERT INTO declared_needs (school_code, subject, grade, declared_on, declared_by)
SELECT CAST(:school_code AS text), CAST(:subject AS text), CAST(:grade AS smallint),
       CAST(:declared_on AS date), CAST(:declared_by AS text)
WHERE NOT EXISTS (SELECT FROM declared_needs
                  WHERE school_code = :school_code AND subject = :subject AND grade = :grade
                    AND withdrawn_on IS NULL)
RETURNING true;

-- name: withdraw_need$
UPDATE declared_needs SET withdrawn_on = :withdrawn_on
WHERE school_code = :school_code AND subject = :subject AND grade = :grade
  AND withdrawn_on IS NULL AND declared_on < :withdrawn_on RETURNING true;
