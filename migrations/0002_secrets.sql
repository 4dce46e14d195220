-- Secrets given as text: of the newest revision alone, and in no revision's document.

pragma user_version = 2;

create table secrets (
    owner  text primary key, -- settings.affinity_secret
    value  blob not null check (length(value) > 0),
    sha256 text not null check (length(sha256) = 64)
) strict;
