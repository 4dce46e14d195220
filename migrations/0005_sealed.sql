-- Secrets are sealed with a key that is not in this file. Those written before are 0 until the next start.

pragma user_version = 5;

alter table secrets add column sealed integer not null default 0 check (sealed in (0, 1));
