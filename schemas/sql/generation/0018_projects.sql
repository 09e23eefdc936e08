-- Projects (projections/projects.cpp) and agent profiles (agents.cpp). command_json: [argv…].
-- Columns hold NULL until the event that gives them was projected; readers show a row once created_us is there.
CREATE TABLE projects (
  id             text COLLATE "C" NOT NULL,
  workspace      text COLLATE "C" NOT NULL,
  name_json      text,
  git_url        text,
  local_path     text,
  default_branch text,
  trusted        boolean,
  removed        boolean,
  created_us     bigint,
  updated_us     bigint,
  seq            bigint,
  PRIMARY KEY (id, workspace)
);
CREATE INDEX projects_listed ON projects (workspace, created_us);
CREATE TABLE agents (
  id                text COLLATE "C" NOT NULL,
  workspace         text COLLATE "C" NOT NULL,
  name              text,
  provider          text,
  model             text,
  instructions_json text,
  enabled           boolean,
  command_json      text,
  timeout_ms        bigint,
  created_us        bigint,
  updated_us        bigint,
  seq               bigint,
  PRIMARY KEY (id, workspace)
);
CREATE INDEX agents_listed ON agents (workspace, created_us);
