-- The days of device logs come and go at run time too: as the owner's, like those of readings.

ALTER FUNCTION ensure_device_log_partitions(date[]) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION ensure_device_log_partitions(date[]) FROM PUBLIC;

-- As before, and for `device_log`, whose partitions are native with TimescaleDB as well.
CREATE OR REPLACE FUNCTION drop_partition(
    of_table text, partition text, since timestamptz, until timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    bounds text;
BEGIN
    IF of_table NOT IN ('reading', 'text_reading', 'rollup_minute', 'device_log') THEN
        RAISE EXCEPTION '% has no partitions that may be dropped', of_table
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF storage_mode() <> 'plain' AND of_table <> 'device_log' THEN
        PERFORM drop_chunks(of_table::regclass, older_than => until, newer_than => since);
        RETURN;
    END IF;
    SELECT pg_get_expr(child.relpartbound, child.oid) INTO bounds
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = of_table::regclass AND inhrelid = to_regclass(partition);
    IF bounds IS NULL OR bounds = 'DEFAULT' THEN
        RAISE EXCEPTION '% is no partition of % that may be dropped', partition, of_table
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('DROP TABLE %s', to_regclass(partition));
END
$$;
