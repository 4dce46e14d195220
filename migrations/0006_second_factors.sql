-- A second factor for signing in, for whoever wants one.

pragma user_version = 6;

create table second_factors (
    user  integer primary key references users (id) on delete cascade,
    seed  blob not null, -- sealed, as secrets are
    spent integer not null, -- the newest half minute since 1970 whose code was used
    since integer not null
) strict;

-- Each once. Of random bits enough that a digest tells nothing.
create table recovery_codes (
    user   integer not null references second_factors (user) on delete cascade,
    sha256 text not null unique check (length(sha256) = 64),
    primary key (user, sha256)
) strict, without rowid;
