-- How far a context has followed the changes of another system: docs/states/followed-feed.md. One row per treaty of kind change-feed.
create table entente.followed_feed (
  treaty text primary key,
  state text not null check (state in ('reading', 'following', 'away')),
  -- Their name for the place after which we go on; null: none is known, and everything is read.
  place text,
  -- Business time: up to when we have heard all there was to hear, and when everything was last read.
  heard_at timestamptz,
  read_all_at timestamptz,
  -- Why it is away.
  code text,
  -- One process listens. Database time.
  holder uuid,
  held_until timestamptz,
  check (state <> 'following' or heard_at is not null),
  check ((code is not null) = (state = 'away') or heard_at is null)
);

-- What each record was when our context was last told of it, so that nothing is told twice and what is gone is noticed.
create table entente.followed_record (
  treaty text not null,
  name text not null,
  key text not null,
  is_there boolean not null,
  content_hash text not null,
  primary key (treaty, name)
) with (fillfactor = 80);

-- A record that is not as agreed is a person's work, and holds up no other.
alter table entente.fallout_case drop constraint fallout_case_kind_check;
alter table entente.fallout_case add constraint fallout_case_kind_check check (kind in ('rejected', 'unknown', 'tries-used-up',
  'unclassified', 'key-conflict', 'contradiction', 'unwanted-effect', 'rows-rejected', 'callback-unmatched',
  'credentials-refused', 'record-unreadable'));
