-- Issues, a row each, ready to be listed and served (projections/issues.cpp). *_json columns hold JSON text; sealed text is null.
-- Columns hold NULL until the event that gives them was projected; readers show a row once created_us is there.
CREATE TABLE issues (
  id                text COLLATE "C" NOT NULL,
  workspace         text COLLATE "C" NOT NULL,
  number            bigint,
  title_json        text,
  body_json         text,
  status            text,
  project_id        text COLLATE "C",
  author_id         text COLLATE "C",
  assignee_id       text COLLATE "C",
  labels_json       text,
  parent_issue_id   text COLLATE "C",
  created_us        bigint,
  updated_us        bigint,
  comment_count     bigint,
  active_session_id text COLLATE "C",
  copy_generation   bigint,
  seq               bigint,
  PRIMARY KEY (id, workspace)
) WITH (fillfactor = 70);
CREATE INDEX issues_by_number ON issues (workspace, number DESC);
