-- Who may ask the gateway: users, what they are in each organisation, their logins, and API tokens.
-- No secret is stored that could be shown again: hashes of passwords (argon2id) and of tokens
-- (SHA-256 of 256 random bits), and the keys that sign access tokens.

-- A user who is deleted keeps the row, so that the name never becomes another person's history.
CREATE TABLE user_account (
    user_id             integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name                text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._@+-]{0,62}$'),
    password_hash       text NOT NULL,
    state               text NOT NULL DEFAULT 'active'
                        CHECK (state IN ('active', 'disabled', 'deleted')),
    entity_version      bigint NOT NULL DEFAULT 1,
    password_changed_at timestamptz NOT NULL,
    last_login_at       timestamptz,
    recorded_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_role (
    user_id integer NOT NULL REFERENCES user_account ON DELETE CASCADE,
    org_id  integer NOT NULL REFERENCES organisation ON DELETE CASCADE,
    role    text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    PRIMARY KEY (user_id, org_id)
);

-- One login of a user: the family of its refresh tokens. It ends by logout, by time, or because a
-- refresh token was shown twice.
CREATE TABLE user_session (
    session_id  text PRIMARY KEY,
    user_id     integer NOT NULL REFERENCES user_account ON DELETE CASCADE,
    client      text NOT NULL CHECK (length(client) <= 200),
    started_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX user_session_user ON user_session (user_id);
CREATE INDEX user_session_end ON user_session (expires_at);

-- Every refresh token of a session that goes on: a used one is kept to be recognised.
CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id text NOT NULL REFERENCES user_session ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_token_session ON refresh_token (session_id);

CREATE TABLE api_token (
    token_id       integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    user_id        integer NOT NULL REFERENCES user_account ON DELETE CASCADE,
    name           text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    token_hash     bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    role           text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    -- What the role's permissions are narrowed to; NULL: not narrowed.
    permissions    text[],
    entity_version bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    last_used_at   timestamptz,
    revoked_at     timestamptz
);
CREATE INDEX api_token_user ON api_token (user_id, token_id);
-- Two live tokens of one name could not be told apart in the journal.
CREATE UNIQUE INDEX api_token_name ON api_token (name) WHERE revoked_at IS NULL;

-- Keys that sign access tokens: the newest signs, older ones verify until the last token that they
-- signed has ended.
CREATE TABLE signing_key (
    key_id  text PRIMARY KEY,
    secret  bytea NOT NULL CHECK (length(secret) = 32),
    made_at timestamptz NOT NULL
);

-- Answers to posts that carried an Idempotency-Key, to be given again for a day. `status` is NULL
-- while the first of them is under way.
CREATE TABLE idempotent_request (
    actor        text NOT NULL,
    key          text NOT NULL CHECK (length(key) <= 255),
    fingerprint  bytea NOT NULL CHECK (length(fingerprint) = 32),
    started_at   timestamptz NOT NULL,
    status       integer,
    content_type text,
    body         bytea,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotent_request_age ON idempotent_request (started_at);
