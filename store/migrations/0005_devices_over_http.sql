-- Devices that speak HTTP have a token each; only its SHA-256 is kept.

alter table device add column http_token_sha256 bytea unique check (length(http_token_sha256) = 32);
