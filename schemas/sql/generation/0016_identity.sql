-- The domain "identity": users, their signed-in sessions, reserved names (projections/identity.cpp). Hashes of passwords and
-- tokens are in schema dossier; an auth session counts while its row here is not revoked.
-- Columns hold NULL until the event that gives them was projected; readers show a row once created_us (users) or opened_us (auth_sessions) is there.
CREATE TABLE users (
  id                 text COLLATE "C" NOT NULL,
  workspace          text COLLATE "C" NOT NULL,
  login_json         text,
  display_name_json  text,
  password_secret_id text COLLATE "C",
  admin              boolean,
  created_us         bigint,
  seq                bigint,
  PRIMARY KEY (id, workspace)
);
CREATE TABLE auth_sessions (
  secret_id    text COLLATE "C" NOT NULL,
  workspace    text COLLATE "C" NOT NULL,
  user_id      text COLLATE "C",
  token_prefix text,
  opened_us    bigint,
  expires_us   bigint,
  revoked      boolean,
  seq          bigint,
  PRIMARY KEY (secret_id, workspace)
);
CREATE INDEX auth_sessions_of_user ON auth_sessions (user_id);
-- login/<keyed hash>, slug/<name>, server/admin. owner is '' once released.
CREATE TABLE names (
  stream    text COLLATE "C" NOT NULL,
  workspace text COLLATE "C" NOT NULL,
  owner     text,
  confirmed boolean,
  seq       bigint,
  PRIMARY KEY (stream, workspace)
);
