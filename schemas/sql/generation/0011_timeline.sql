-- Every accepted event that names an issue, in order (projections/timeline.cpp). doc is the whole item as the API serves it:
-- {"seq":…,"time":…,"actor":{…},"index":…,"stream":…,"version":…,"issue_id":…,"type":…,"data":{…}}
CREATE TABLE timeline (
  issue_id  text COLLATE "C" NOT NULL,
  workspace text COLLATE "C" NOT NULL,
  seq       bigint NOT NULL,
  idx       bigint NOT NULL,
  time_us   bigint NOT NULL,
  type      text NOT NULL,
  doc       text NOT NULL,
  PRIMARY KEY (issue_id, workspace, seq, idx)
);
