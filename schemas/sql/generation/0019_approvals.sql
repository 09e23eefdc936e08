-- Approvals that agents asked for, and how each was decided (projections/approvals.cpp). status: open, resolved.
-- resolved = the bytes of v1::ApprovalResolved; *_json: a JSON string, null where it is sealed or absent; paths_json: ["…"].
-- Columns hold NULL until the event that gives them was projected; readers show a row once asked_us is there.
CREATE TABLE approvals (
  id                   text COLLATE "C" NOT NULL,
  workspace            text COLLATE "C" NOT NULL,
  session_id           text COLLATE "C",
  issue_id             text COLLATE "C",
  kind                 text,
  command_json         text,
  patch_json           text,
  detail_json          text,
  ask_reason_json      text,
  cwd                  text,
  paths_json           text,
  action_sha256        text,
  offer                bigint,
  turn                 bigint,
  provider_request     text,
  provider_item        text,
  asked_us             bigint,
  status               text,
  decision             text,
  decided_by           text COLLATE "C",
  rule                 text,
  reason_json          text,
  answer_json          text,
  resolved             bytea,
  resolved_us          bigint,
  delivered_how        text,
  delivered_offer      bigint,
  delivered_us         bigint,
  seq                  bigint,
  PRIMARY KEY (id, workspace)
) WITH (fillfactor = 70);
CREATE INDEX approvals_of_session ON approvals (session_id, asked_us);
CREATE INDEX approvals_of_issue ON approvals (issue_id, asked_us);
CREATE INDEX approvals_listed ON approvals (workspace, asked_us);
CREATE INDEX approvals_open ON approvals (workspace, asked_us) WHERE status = 'open';
CREATE INDEX approvals_undelivered ON approvals (session_id, asked_us DESC) WHERE status = 'resolved' AND delivered_us IS NULL;

-- How many approvals a session asked for, and how many of them wait for somebody.
CREATE TABLE approval_counts (
  session_id text COLLATE "C" NOT NULL,
  workspace  text COLLATE "C" NOT NULL,
  asked      bigint,
  open       bigint,
  seq        bigint,
  PRIMARY KEY (session_id, workspace)
) WITH (fillfactor = 70);

-- Approval policies: the last that was set for the workspace (project_id '') or for a project (projections/policies.cpp).
-- inherits: the project goes by the workspace's. rules_json: [ApprovalRule…].
CREATE TABLE approval_policies (
  workspace   text COLLATE "C" NOT NULL,
  project_id  text COLLATE "C" NOT NULL,
  inherits    boolean,
  mode        text,
  rules_json  text,
  reason_json text,
  set_by      text COLLATE "C",
  set_us      bigint,
  seq         bigint,
  PRIMARY KEY (workspace, project_id)
);
