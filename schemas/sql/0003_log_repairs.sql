-- What `dossier log repair` did, and the records that a log lost for good. Rows are only added.

CREATE TABLE dossier.repairs (
  number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  partition       integer NOT NULL,
  kind            text    NOT NULL CHECK (kind IN ('restored', 'cut')),
  from_offset     bigint  NOT NULL,  -- restored: the first record appended again; cut: the first one lost
  records         bigint  NOT NULL,  -- appended again, or lost
  history         bigint  NOT NULL,  -- the present one since then
  repaired_offset bigint,            -- cut: of the HistoryRepaired
  lost_sha256     bytea,             -- cut: as HistoryRepaired says it
  at              timestamptz NOT NULL DEFAULT now()
);

-- Rows of the journal behind a cut, as they were: evidence of what was acknowledged once.
CREATE TABLE dossier.lost_records (
  repair         bigint   NOT NULL REFERENCES dossier.repairs,
  partition      integer  NOT NULL,
  "offset"       bigint   NOT NULL,
  verdict        smallint NOT NULL,
  workspace      text COLLATE "C" NOT NULL,
  seq            bigint   NOT NULL,
  time_us        bigint   NOT NULL,
  commit_id      text COLLATE "C" NOT NULL,
  chain          bytea    NOT NULL,
  append_time_us bigint   NOT NULL,
  value          bytea    NOT NULL,
  PRIMARY KEY (repair, "offset")
);
CREATE INDEX lost_records_seq ON dossier.lost_records (workspace, seq) WHERE verdict = 1;
