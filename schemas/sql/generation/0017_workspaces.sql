-- Workspaces (projections/workspaces.cpp), members (members.cpp), tokens of workers (worker_tokens.cpp).
-- Columns hold NULL until the event that gives them was projected; readers show a row once created_us (workspaces), role (members), issued_us (worker_tokens) is there.
CREATE TABLE workspaces (
  id         text COLLATE "C" NOT NULL,
  kind       text,
  slug       text,
  name_json  text,
  owner_id   text COLLATE "C",
  created_us bigint,
  seq        bigint,
  PRIMARY KEY (id)
);
CREATE INDEX workspaces_by_slug ON workspaces (slug);
-- role: viewer, member, admin, owner. Who was removed stays as a row with removed = true.
CREATE TABLE members (
  workspace text COLLATE "C" NOT NULL,
  user_id   text COLLATE "C" NOT NULL,
  role      text,
  removed   boolean,
  since_us  bigint,
  seq       bigint,
  PRIMARY KEY (workspace, user_id)
);
CREATE INDEX members_of_user ON members (user_id);
CREATE TABLE worker_tokens (
  secret_id    text COLLATE "C" NOT NULL,
  workspace    text COLLATE "C" NOT NULL,
  token_prefix text,
  label_json   text,
  issued_by    text,
  issued_us    bigint,
  revoked      boolean,
  revoked_us   bigint,
  seq          bigint,
  PRIMARY KEY (secret_id, workspace)
);
CREATE INDEX worker_tokens_listed ON worker_tokens (workspace, issued_us);
