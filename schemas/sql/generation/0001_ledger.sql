-- What the ledger needs of a generation: where it stands in each partition, the heads of workspaces, folded streams.

CREATE TABLE positions (
  partition      integer PRIMARY KEY,
  next_offset    bigint  NOT NULL,
  last_hash      bytea   NOT NULL,  -- SHA-256 of the record at next_offset - 1
  log_id         text    NOT NULL,
  partitions     integer NOT NULL,
  history        bigint  NOT NULL,
  ledger_version integer NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE heads (
  workspace text COLLATE "C" PRIMARY KEY,
  seq       bigint NOT NULL,
  time_us   bigint NOT NULL,
  chain     bytea  NOT NULL
) WITH (fillfactor = 50);

-- Folded state of every aggregate: what decide reads. By stream first, so that a stream is found by its name alone.
CREATE TABLE streams (
  stream            text COLLATE "C" NOT NULL,
  workspace         text COLLATE "C" NOT NULL,
  version           bigint  NOT NULL,
  state             bytea   NOT NULL,
  needs_newer_code  boolean NOT NULL,
  PRIMARY KEY (stream, workspace)
) WITH (fillfactor = 80);
