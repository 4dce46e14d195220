-- Where a route leads, whatever its target is.

pragma user_version = 3;

drop view routes;

create view routes as
select s.value ->> 'name'                                as site,
       r.value ->> 'path'                                as path,
       coalesce(r.value ->> 'match', 'prefix')           as match,
       r.value ->> 'pool'                                as pool,
       r.value ->> '$.files.root'                        as files,
       nullif(r.value ->> '$.files.fallback', '')        as fallback,
       r.value ->> '$.redirect.to'                       as redirect,
       r.value ->> '$.respond.body'                      as respond,
       -- Of what we answer ourselves, without a file.
       case
           when r.value -> 'redirect' is not null then coalesce(r.value ->> '$.redirect.status', 301)
           when r.value -> 'respond' is not null then coalesce(r.value ->> '$.respond.status', 200)
       end                                               as status
from newest,
     json_each(newest.document, '$.sites') as s,
     json_each(s.value, '$.routes') as r
order by s.key, r.key;
