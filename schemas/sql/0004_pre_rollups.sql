-- Minutes, recomputed from raw: whoever writes a bucket knows all its readings, so the order in which
-- they came does not matter.

CREATE TABLE rollup_minute (
    series_id     integer NOT NULL,
    bucket        timestamptz NOT NULL,
    count         bigint NOT NULL CHECK (count > 0),
    sum           double precision NOT NULL,
    min           double precision NOT NULL,
    max           double precision NOT NULL,
    first_value   double precision NOT NULL,
    first_at      timestamptz NOT NULL,
    last_value    double precision NOT NULL,
    last_at       timestamptz NOT NULL,
    sum_squares   double precision NOT NULL,
    sum_positive  double precision NOT NULL,
    sum_negative  double precision NOT NULL,
    PRIMARY KEY (series_id, bucket)
);
