-- Certificates that this program keeps: uploaded, or made here. Beside the revisions, which only
-- name them, so that a renewal needs none.

pragma user_version = 7;

create table certificates (
    name    text not null,
    kept_as text not null, -- the document's key that asks for it: uploaded, self_signed
    chain   text not null, -- PEM
    key     blob not null, -- PEM, sealed, as secrets are
    sha256  text not null check (length(sha256) = 64), -- of chain and key as they stand here
    since   integer not null, -- when it was kept, seconds since 1970
    primary key (name, kept_as)
) strict;
