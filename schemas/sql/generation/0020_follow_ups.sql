-- Follow-ups: what people said to a session at work (projections/follow_ups.cpp). Served as '{' head_json ',"body":' body_json … '}';
-- head_json is "id":…,"session_id":…,"comment_id":…,"author_id":…,"queued_at":… without braces. status: waiting, delivered, removed;
-- one that waits in a session that has ended was not delivered.
-- Columns hold NULL until the event that gives them was projected; readers show a row once first_seq is there.
CREATE TABLE follow_ups (
  id              text COLLATE "C" NOT NULL,
  workspace       text COLLATE "C" NOT NULL,
  session_id      text COLLATE "C",
  issue_id        text COLLATE "C",
  first_seq       bigint,
  first_index     bigint,
  head_json       text,
  body_json       text,
  status          text,
  steer_requested boolean,
  turn            bigint,
  steered         boolean,
  delivered_us    bigint,
  seq             bigint,
  PRIMARY KEY (id, workspace)
) WITH (fillfactor = 80);
CREATE INDEX follow_ups_of_session ON follow_ups (session_id, first_seq, first_index);
CREATE INDEX follow_ups_steered ON follow_ups (session_id) WHERE status = 'waiting' AND steer_requested;
