-- Values of projects' secrets, sealed with a key that is derived from the key file (producers/secrets.hpp). As the other secrets
-- they are written before the event that names them, and count only while an accepted event does.
CREATE TABLE dossier.project_secrets (
  secret_id text COLLATE "C" PRIMARY KEY,
  workspace text COLLATE "C" NOT NULL,
  sealed    bytea NOT NULL,  -- nonce (24 bytes), XChaCha20-Poly1305 of the value, bound to secret_id
  created   timestamptz NOT NULL DEFAULT now()
);
