-- Whom a renewal that failed was asked of, and for which hosts: what is asked of another, or for
-- others, does not wait for it.

pragma user_version = 9;

alter table renewals add column wanted text not null default ''; -- empty: written by an older version
