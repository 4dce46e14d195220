-- Who may do what: users, where they are signed in, tokens for programs, and what was done.
-- Not part of the configuration: no revision holds it, and a rollback leaves it alone.

pragma user_version = 4;

create table users (
    id       integer primary key autoincrement,
    name     text not null unique collate nocase check (length(name) between 1 and 64),
    role     text not null check (role in ('viewer', 'operator', 'admin')),
    password text not null check (password like '$argon2id$%'),
    language text check (language in ('en', 'zh-CN')), -- null: as the browser says
    created  integer not null -- seconds since 1970, as every time here
) strict;

create table sign_ins (
    id      integer primary key autoincrement,
    sha256  text not null unique check (length(sha256) = 64), -- of the token in the cookie
    user    integer not null references users (id) on delete cascade,
    created integer not null,
    seen    integer not null,
    address text not null,
    agent   text not null
) strict;

create table tokens (
    id      integer primary key autoincrement,
    name    text not null unique collate nocase check (length(name) between 1 and 64),
    scope   text not null check (scope in ('metrics', 'viewer', 'operator', 'admin')),
    sha256  text not null unique check (length(sha256) = 64),
    made_by text not null,
    created integer not null,
    used    integer -- null: never
) strict;

create table audit (
    number  integer primary key autoincrement,
    time    integer not null,
    who     text not null,
    address text not null,
    action  text not null,
    subject text not null,
    detail  text not null,
    result  text not null check (result in ('done', 'refused', 'failed')),
    hash    text not null check (length(hash) = 64) -- of this row and the hash before it
) strict;

create trigger audit_is_never_changed before update on audit
begin select raise(abort, 'the audit log is only added to'); end;

-- All but what is older than the newest hundred thousand, which makes room.
create trigger audit_is_never_cut before delete on audit
when old.number > (select max(number) from audit) - 100000
begin select raise(abort, 'the audit log is only added to'); end;
