-- Secrets of projects (projections/project_secrets.cpp), without their values: those are sealed in dossier.project_secrets.
-- kind: git_https, git_ssh, value. Readers show a row once set_us is there and removed is not true.
CREATE TABLE project_secrets (
  secret_id  text COLLATE "C" NOT NULL,
  workspace  text COLLATE "C" NOT NULL,
  project_id text COLLATE "C",
  kind       text,
  name       text COLLATE "C",
  set_by     text COLLATE "C",
  set_us     bigint,
  removed    boolean,
  seq        bigint,
  PRIMARY KEY (secret_id, workspace)
);
CREATE INDEX project_secrets_listed ON project_secrets (project_id, name);
