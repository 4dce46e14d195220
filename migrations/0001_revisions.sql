-- The configuration, whole, one row per revision; and views that answer a person.
-- The defaults in the views are those of the document; a test compares them.

pragma application_id = 1398033497; -- "STLY"
pragma user_version = 1;

create table revisions (
    number   integer primary key check (number > 0),
    document text not null check (json_valid(document)),
    sha256   text not null check (length(sha256) = 64),
    author   text not null,
    words    text not null,
    created  text not null -- UTC
) strict;

create view newest as
select number, document from revisions order by number desc limit 1;

create view settings as
select coalesce(document ->> '$.settings.workers', 0)              as workers,
       coalesce(document ->> '$.settings.max_connections', 0)      as max_connections,
       coalesce(document ->> '$.settings.dns_refresh', '30s')      as dns_refresh,
       coalesce(document ->> '$.settings.shutdown_grace', '30s')   as shutdown_grace,
       coalesce(document ->> '$.admin.address', '127.0.0.1:9443')  as admin_address,
       coalesce(document ->> '$.admin.metrics', 'token')           as metrics
from newest;

create view listeners as
select l.value ->> 'name'                                as listener,
       l.value ->> 'address'                             as address,
       coalesce(l.value ->> 'head_timeout', '10s')       as head_timeout,
       coalesce(l.value ->> 'idle_timeout', '60s')       as idle_timeout,
       coalesce(l.value ->> 'max_requests', 1000)        as max_requests
from newest, json_each(newest.document, '$.listeners') as l
order by l.key;

create view pools as
select p.value ->> 'name'                                as pool,
       coalesce(p.value ->> 'policy', 'round_robin')     as policy,
       case json_type(p.value, '$.health_check')
           when 'text' then p.value ->> 'health_check'
           else coalesce(p.value ->> '$.health_check.kind', 'tcp')
       end                                               as health_check,
       coalesce(p.value ->> 'connect_timeout', '1s')     as connect_timeout,
       coalesce(p.value ->> 'read_timeout', '60s')       as read_timeout,
       coalesce(p.value ->> 'max_fails', 3)              as max_fails,
       coalesce(p.value ->> 'fail_timeout', '10s')       as fail_timeout,
       (select count(*) from json_each(p.value, '$.nodes')) as nodes
from newest, json_each(newest.document, '$.pools') as p
order by p.key;

create view nodes as
select p.value ->> 'name'                                as pool,
       coalesce(n.value ->> 'name', n.value ->> 'address') as node,
       n.value ->> 'address'                             as address,
       coalesce(n.value ->> 'weight', 1)                 as weight,
       coalesce(n.value ->> 'state', 'enabled')          as state
from newest,
     json_each(newest.document, '$.pools') as p,
     json_each(p.value, '$.nodes') as n
order by p.key, n.key;

create view sites as
select s.value ->> 'name'                                as site,
       -- Nothing here means any.
       coalesce((select group_concat(h.value, ' ') from json_each(s.value, '$.hosts') as h), '') as hosts,
       coalesce((select group_concat(l.value, ' ') from json_each(s.value, '$.listeners') as l), '') as listeners,
       (select count(*) from json_each(s.value, '$.routes')) as routes
from newest, json_each(newest.document, '$.sites') as s
order by s.key;

create view routes as
select s.value ->> 'name'                                as site,
       r.value ->> 'path'                                as path,
       coalesce(r.value ->> 'match', 'prefix')           as match,
       r.value ->> 'pool'                                as pool,
       r.value ->> '$.files.root'                        as files
from newest,
     json_each(newest.document, '$.sites') as s,
     json_each(s.value, '$.routes') as r
order by s.key, r.key;
