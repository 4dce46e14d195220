-- Certificates from authorities: our accounts there, and how far each renewal is. The certificates
-- themselves stand among those that are kept.

pragma user_version = 8;

create table acme_accounts (
    directory text not null, -- URL of the authority's directory
    key_id    text not null, -- of the account elsewhere that ours is bound to; empty: none
    url       text,          -- of our account there; null: not made yet, as far as is known
    key       blob not null, -- PKCS#8, sealed, as secrets are
    primary key (directory, key_id)
) strict;

create table renewals (
    name     text primary key, -- of the certificate
    failures integer not null, -- in a row
    next_try integer not null, -- seconds since 1970: an authority that asked to wait is not asked sooner, whatever restarts
    english  text not null,    -- the last error in words
    chinese  text not null
) strict;

create table issued (
    name      text primary key, -- of the certificate that is kept
    directory text not null     -- of the authority that issued it: where the document names a different one, that is asked at once
) strict;
