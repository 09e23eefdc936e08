-- Which process of a role reads which partition. A hint that spreads work: what is true is each reader's position, which
-- its transactions move. Unlogged: after a crash of the database the processes share the partitions out anew.

CREATE UNLOGGED TABLE dossier.processes (
  role    text NOT NULL,
  process text NOT NULL,
  seen    timestamptz NOT NULL,
  PRIMARY KEY (role, process)
);
CREATE UNLOGGED TABLE dossier.partition_owners (
  role      text    NOT NULL,
  partition integer NOT NULL,
  process   text    NOT NULL,
  PRIMARY KEY (role, partition)
);

-- Says that this process is alive and returns the partitions it owns from now on: all that it had, without what is more
-- than its fair share, and of those that nobody alive owns as many as it may have. One call at a time for each role.
CREATE FUNCTION dossier.own_partitions(my_role text, me text, partitions integer, ttl_ms bigint)
RETURNS SETOF integer LANGUAGE plpgsql AS $$
DECLARE
  fair integer;
BEGIN
  PERFORM pg_advisory_xact_lock(716402, hashtext(my_role));
  INSERT INTO dossier.processes AS p VALUES (my_role, me, clock_timestamp())
    ON CONFLICT (role, process) DO UPDATE SET seen = excluded.seen;
  DELETE FROM dossier.processes WHERE role = my_role AND seen < clock_timestamp() - ttl_ms * interval '1 millisecond';
  DELETE FROM dossier.partition_owners o WHERE o.role = my_role AND (o.partition >= partitions OR NOT EXISTS (
    SELECT 1 FROM dossier.processes p WHERE p.role = my_role AND p.process = o.process));
  SELECT ceil(partitions::numeric / count(*)) INTO fair FROM dossier.processes WHERE role = my_role;
  DELETE FROM dossier.partition_owners o USING (
    SELECT partition FROM dossier.partition_owners WHERE role = my_role AND process = me ORDER BY partition OFFSET fair) AS surplus
    WHERE o.role = my_role AND o.partition = surplus.partition;
  INSERT INTO dossier.partition_owners
    SELECT my_role, n, me FROM generate_series(0, partitions - 1) AS n
    WHERE NOT EXISTS (SELECT 1 FROM dossier.partition_owners o WHERE o.role = my_role AND o.partition = n)
    ORDER BY n
    LIMIT greatest(fair - (SELECT count(*) FROM dossier.partition_owners WHERE role = my_role AND process = me), 0);
  RETURN QUERY SELECT o.partition FROM dossier.partition_owners o WHERE o.role = my_role AND o.process = me ORDER BY 1;
END $$;

-- At the end of a process: the others take over at once.
CREATE FUNCTION dossier.leave_partitions(my_role text, me text) RETURNS void LANGUAGE sql AS $$
  DELETE FROM dossier.partition_owners WHERE role = my_role AND process = me;
  DELETE FROM dossier.processes WHERE role = my_role AND process = me;
$$;
