-- Comments (projections/comments.cpp). Served as '{' head_json ',"body":' body_json ',"edited":' edited ',"removed":' removed
-- ',"seq":' seq '}'; head_json is "id":…,"issue_id":…,"author_id":…,"created_at":… without braces. A removed one has the body null.
-- The comments of an issue in order: WHERE issue_id = $1 AND workspace = $2 ORDER BY first_seq, first_index.
-- Columns hold NULL until the event that gives them was projected; readers show a row once first_seq is there.
CREATE TABLE comments (
  id          text COLLATE "C" NOT NULL,
  workspace   text COLLATE "C" NOT NULL,
  issue_id    text COLLATE "C",
  first_seq   bigint,
  first_index bigint,
  head_json   text,
  body_json   text,
  edited      boolean,
  removed     boolean,
  seq         bigint,
  PRIMARY KEY (id, workspace)
) WITH (fillfactor = 90);
CREATE INDEX comments_of_issue ON comments (issue_id, first_seq, first_index);
