-- How far a reading can be trusted, where its device doubts it: 2 uncertain, 3 bad, as the telemetry
-- contract numbers them. NULL is a reading that nothing is known against, and takes no room: rows have
-- a byte for such columns that they did not use. Who reads only values does not see the difference.

ALTER TABLE reading ADD COLUMN quality smallint;
ALTER TABLE text_reading ADD COLUMN quality smallint;
