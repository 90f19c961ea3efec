-- Brokers beside webhooks and channels: what happens is published by MQTT for other systems.
alter table receiver
    drop constraint receiver_kind_check,
    drop constraint receiver_check,
    -- of a broker: what its topics begin with, whether the last word stays there, and whether `sealed` has a login
    add column prefix text check (length(prefix) between 1 and 100),
    add column retained bool not null default false,
    add column signs_in bool not null default false,
    add constraint receiver_kind_check check (kind in ('webhook', 'channel', 'broker')),
    add constraint receiver_check check (case kind
        when 'webhook' then url is not null and secret is not null
        when 'broker' then url is not null and prefix is not null and signs_in = (sealed is not null)
        else sealed is not null and shown is not null and language is not null and tz is not null end);
