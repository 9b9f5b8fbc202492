-- A pair's own rhythm, and in somebody's own words how to reach them when nothing is heard; told with an answer.
ALTER TABLE check_ins ADD COLUMN rhythm TEXT
CONSTRAINT rhythms_are_known CHECK (rhythm IN ('two_weeks', 'month', 'two_months'));
ALTER TABLE check_ins ADD COLUMN fallback TEXT NOT NULL DEFAULT '';
