-- Workers as they registered (projections/workers.cpp); what they do now is dossier.liveness. status: registered, online,
-- draining, lost. capabilities_json: {"name": value, …}.
-- Columns hold NULL until the event that gives them was projected; readers show a row once registered_us is there.
CREATE TABLE workers (
  id                text COLLATE "C" NOT NULL,
  workspace         text COLLATE "C" NOT NULL,
  name_json         text,
  mode              text,
  capabilities_json text,
  public_key        bytea,
  pool              text,
  token_secret_id   text COLLATE "C",
  slots             bigint,
  status            text,
  boot_id           text COLLATE "C",
  registered_us     bigint,
  lost_us           bigint,
  last_seen_us      bigint,
  seq               bigint,
  PRIMARY KEY (id, workspace)
) WITH (fillfactor = 70);
CREATE INDEX workers_listed ON workers (workspace, registered_us);
