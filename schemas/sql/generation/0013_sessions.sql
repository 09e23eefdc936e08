-- Sessions of agents, with the source that the last of them captured (projections/sessions.cpp). status: requested, started, ended.
-- files_json: [ChangedFile…]; diff_json: a JSON string; diff_blob_json: {"sha256":…,"size":…,"media_type":…}, or null.
-- Columns hold NULL until the event that gives them was projected; readers show a row once requested_us is there.
CREATE TABLE sessions (
  id                 text COLLATE "C" NOT NULL,
  workspace          text COLLATE "C" NOT NULL,
  issue_id           text COLLATE "C",
  agent_id           text COLLATE "C",
  agent_name         text,
  trigger_comment_id text COLLATE "C",
  copy_generation    bigint,
  task_id            text COLLATE "C",
  status             text,
  outcome            text,
  worker_id          text COLLATE "C",
  provider_session   text,
  offer              bigint,
  turns              bigint,
  tokens_in          bigint,
  tokens_out         bigint,
  cost_microusd      bigint,
  requested_us       bigint,
  started_us         bigint,
  ended_us           bigint,
  source_offer       bigint,
  base_commit        text,
  commit             text,
  branch             text,
  files_json         text,
  diff_json          text,
  diff_blob_json     text,
  seq                bigint,
  continues_session_id text COLLATE "C",
  PRIMARY KEY (id, workspace)
) WITH (fillfactor = 70);
CREATE INDEX sessions_of_issue ON sessions (issue_id, requested_us);
