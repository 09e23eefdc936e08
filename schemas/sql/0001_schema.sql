-- Schema `dossier`: what no rebuild of read models touches. Ids are text in byte order, hashes are 32 bytes.

CREATE TABLE dossier.meta (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  log_id     text    NOT NULL,
  partitions integer NOT NULL,
  created    timestamptz NOT NULL DEFAULT now()
);

-- Generations of read models; number n lives in schema g<n>. Readers take the live number in the snapshot of their data.
CREATE TABLE dossier.generations (
  number  bigint PRIMARY KEY,
  digest  text   NOT NULL,  -- versions of the code that folds it
  state   text   NOT NULL CHECK (state IN ('building', 'live', 'old')),
  created timestamptz NOT NULL DEFAULT now()
);
CREATE SEQUENCE dossier.generation_numbers AS bigint;  -- a number is never used twice
CREATE UNIQUE INDEX generations_one_live ON dossier.generations (state) WHERE state = 'live';

-- Every record of the events topic, byte for byte, with what the ledger said of it. A second copy of the log.
CREATE TABLE dossier.journal (
  partition      integer  NOT NULL,
  "offset"       bigint   NOT NULL,
  verdict        smallint NOT NULL,  -- events::Verdict; 1 = accepted
  workspace      text COLLATE "C" NOT NULL,  -- '' for control and malformed records
  seq            bigint   NOT NULL,
  time_us        bigint   NOT NULL,
  commit_id      text COLLATE "C" NOT NULL,
  chain          bytea    NOT NULL,
  append_time_us bigint   NOT NULL,  -- the broker's clock; a witness only
  value          bytea    NOT NULL,
  PRIMARY KEY (partition, "offset")
);
CREATE INDEX journal_seq ON dossier.journal (workspace, seq) WHERE verdict = 1;
CREATE INDEX journal_commit ON dossier.journal (commit_id) WHERE verdict = 1;  -- derived from the workspace, so nearly unique

-- Rows of one read model which its handler or its tables refused, waiting in order for `dossier parked retry|discard`.
CREATE TABLE dossier.parked (
  generation  bigint  NOT NULL,
  read_model  text    NOT NULL,
  workspace   text COLLATE "C" NOT NULL,
  stream      text COLLATE "C" NOT NULL,
  partition   integer NOT NULL,
  "offset"    bigint  NOT NULL,
  event_index integer NOT NULL,
  error       text    NOT NULL,
  value       bytea   NOT NULL,  -- v1::ParkedEvent
  parked_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (generation, read_model, partition, "offset", event_index)
);
CREATE INDEX parked_streams ON dossier.parked (generation, partition, read_model, workspace, stream);

-- Secrets: written before the event that names them, and counting only while an accepted event does.
CREATE TABLE dossier.password_hashes (
  secret_id text COLLATE "C" PRIMARY KEY,
  phc       text NOT NULL,  -- argon2id, PHC string
  created   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE dossier.token_hashes (
  secret_id    text COLLATE "C" PRIMARY KEY,
  kind         text   NOT NULL CHECK (kind IN ('user', 'worker')),
  subject      text COLLATE "C" NOT NULL,  -- user: usr_…; worker token: ws_…
  sha256       bytea  NOT NULL UNIQUE,
  prefix       text   NOT NULL,
  expires_us   bigint NOT NULL,  -- 0 = never
  created      timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE dossier.keys (
  name    text COLLATE "C" PRIMARY KEY,
  value   bytea NOT NULL,  -- sealed by the key file
  created timestamptz NOT NULL DEFAULT now()
);

-- Where intake stands in dossier.reports, and the ingester in dossier.activity.
CREATE TABLE dossier.intake_positions (
  partition   integer PRIMARY KEY,
  next_offset bigint  NOT NULL,
  last_hash   bytea   NOT NULL,
  last_append_time_us bigint NOT NULL DEFAULT 0
);
-- The last sequence of each worker's boot whose report is durable and decided.
CREATE TABLE dossier.accepted_through (
  worker_id text COLLATE "C" NOT NULL,
  boot_id   text COLLATE "C" NOT NULL,
  sequence  bigint NOT NULL,
  PRIMARY KEY (worker_id, boot_id)
);
CREATE TABLE dossier.activity_positions (
  partition   integer PRIMARY KEY,
  next_offset bigint  NOT NULL,
  last_hash   bytea   NOT NULL,
  last_append_time_us bigint NOT NULL DEFAULT 0
);

-- One row a record of dossier.activity; body = the ActivityRecord's bytes as signed.
CREATE TABLE dossier.activity_blocks (
  session_id     text COLLATE "C" NOT NULL,
  offer          bigint  NOT NULL,
  first_sequence bigint  NOT NULL,
  last_sequence  bigint  NOT NULL,
  lines          bigint  NOT NULL,
  workspace      text COLLATE "C" NOT NULL,
  partition      integer NOT NULL,
  "offset"       bigint  NOT NULL,
  appended_us    bigint  NOT NULL,
  sha256         bytea   NOT NULL,  -- of the record, the link of the session's chain
  body           bytea   NOT NULL,
  PRIMARY KEY (session_id, offer, first_sequence)
);
ALTER TABLE dossier.activity_blocks ALTER COLUMN body SET STORAGE EXTERNAL;  -- pglz on the hot path costs more than disk

-- What a worker's last heartbeat said. Lost in a crash, and made again by the next heartbeat.
CREATE UNLOGGED TABLE dossier.liveness (
  worker_id           text COLLATE "C" PRIMARY KEY,
  workspace           text COLLATE "C" NOT NULL,
  boot_id             text COLLATE "C" NOT NULL,
  free_slots          bigint  NOT NULL,
  draining            boolean NOT NULL,
  control_offset      bigint  NOT NULL,
  last_report_time_us bigint  NOT NULL,  -- broker time
  owned               bytea   NOT NULL,  -- v1::Heartbeat as it came: partitions, running fences, cached projects
  report_partition    integer NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX liveness_workspace ON dossier.liveness (workspace);

CREATE TABLE dossier.blobs (
  workspace  text COLLATE "C" NOT NULL,
  sha256     bytea  NOT NULL,
  size       bigint NOT NULL,
  media_type text   NOT NULL,
  created    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace, sha256)
);

-- Aborts a projector's transaction whose position somebody else has moved: the rest of its pipeline is skipped.
CREATE FUNCTION dossier.require_one(moved bigint, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF moved <> 1 THEN
    RAISE EXCEPTION 'the position of % is not where this writer left it', what USING ERRCODE = 'DS001';
  END IF;
END $$;

-- Compares records that a second generation reads with what the journal has: the journal is never rewritten.
CREATE FUNCTION dossier.require_same(given bigint, added bigint, present bigint, differing bigint, where_from text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF differing > 0 THEN
    RAISE EXCEPTION '% records of % differ from the journal', differing, where_from USING ERRCODE = 'DS002';
  END IF;
  IF added + present <> given THEN  -- somebody journaled one between our look and our insert: look again
    RAISE EXCEPTION 'the journal of % moved meanwhile', where_from USING ERRCODE = '40001';
  END IF;
END $$;
