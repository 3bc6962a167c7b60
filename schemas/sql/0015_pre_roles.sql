-- Services run as `weir_app`, which owns nothing. What needs the owner at run time (partitions that
-- come and go) is a function that runs as the owner and does that one thing.
-- The roles themselves belong to the server, not to this database: weir/postgres/roles.py makes them,
-- weir/postgres/grants.py says who may what.

-- Names are looked up here only, whatever the caller's path is.
ALTER FUNCTION ensure_reading_partitions(date, date) SECURITY DEFINER SET search_path = public, pg_temp;
ALTER FUNCTION ensure_minute_partitions(date, date) SECURITY DEFINER SET search_path = public, pg_temp;

-- Drop one partition or chunk, whose bounds say that it is the one that the caller means. No table of
-- another kind, and no default partition, can be dropped by this.
CREATE FUNCTION drop_partition(of_table text, partition text, since timestamptz, until timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    bounds text;
BEGIN
    IF of_table NOT IN ('reading', 'text_reading', 'rollup_minute') THEN
        RAISE EXCEPTION '% has no partitions that may be dropped', of_table
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF storage_mode() <> 'plain' THEN
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

-- Compression of TimescaleDB, where its licence has it.
CREATE FUNCTION prepare_compression() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE 'ALTER TABLE reading SET (
        timescaledb.compress,
        timescaledb.compress_segmentby = ''series_id'',
        timescaledb.compress_orderby = ''observed_at'')';
END
$$;

CREATE FUNCTION compress_partition(partition text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM timescaledb_information.chunks
        WHERE hypertable_schema = 'public' AND hypertable_name = 'reading'
          AND format('%I.%I', chunk_schema, chunk_name)::regclass = partition::regclass)
    THEN
        RAISE EXCEPTION '% is no chunk of reading', partition
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM compress_chunk(partition::regclass);
END
$$;

-- Until the roles are there, nobody but the owner; then weir/postgres/grants.py gives them out.
REVOKE EXECUTE ON FUNCTION
    ensure_reading_partitions(date, date), ensure_minute_partitions(date, date),
    drop_partition(text, text, timestamptz, timestamptz), prepare_compression(),
    compress_partition(text)
FROM PUBLIC;

-- What may be shown to whoever looks at dashboards: views and functions with names that stay.
CREATE SCHEMA report;

-- Which grants were given last: they are given anew when they, the roles or the schema have changed.
CREATE TABLE role_grant (
    is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    checksum   text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now()
);
