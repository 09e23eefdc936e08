-- Tasks: what the API lists and what the scheduler matches (projections/tasks.cpp). queued = the bytes of v1::TaskQueued
-- (required capabilities, TaskSpec). status: queued, offered, claimed, running, completed, failed, cancelled; the first four are open.
-- Columns hold NULL until the event that gives them was projected; readers show a row once queued_us is there.
CREATE TABLE tasks (
  id                 text COLLATE "C" NOT NULL,
  workspace          text COLLATE "C" NOT NULL,
  issue_id           text COLLATE "C",
  session_id         text COLLATE "C",
  kind               text,
  pool               text,
  priority           bigint,
  affinity           text,
  max_attempts       bigint,
  queued             bytea,
  status             text,
  offer              bigint,
  worker_id          text COLLATE "C",
  deadline_us        bigint,
  attempts           bigint,
  cancel_requested   boolean,
  cancel_reason_json text,
  error_code         text,
  error_json         text,
  result_json        text,
  commit             text,
  branch             text,
  queued_us          bigint,
  claimed_us         bigint,
  ended_us           bigint,
  seq                bigint,
  PRIMARY KEY (id, workspace)
) WITH (fillfactor = 60);
CREATE INDEX tasks_open ON tasks (pool, priority DESC, queued_us) WHERE status IN ('queued', 'offered', 'claimed', 'running');
CREATE INDEX tasks_listed ON tasks (workspace, queued_us DESC);
ALTER TABLE tasks ALTER COLUMN queued SET STORAGE EXTERNAL;  -- kept out of the rows that the scheduler rewrites
