-- Documents number :first to :last of :count, each left behind in the ledger as the one with the id :model is.
--
-- Every row that the model and its acknowledgements have left is written once for each of them, with ids, places,
-- times and digests of its own; the journal's lines are linked. They lie evenly in the :seconds seconds before now.
-- :kept 1: the octets are there. 0: the document's were deleted, as when its retention has ended, and its
-- acknowledgements are short, so that ten million deliveries need a small disk; the rows are as many.
-- Variables are psql's. A transaction for each part; several may be under way: they take turns from the counter on.
\set ON_ERROR_STOP 1
SET synchronous_commit = off;
SET work_mem = '64MB';
BEGIN;

-- What the model left. ``place``: which of the model's ids a column holds.
CREATE TEMP TABLE model_envelope ON COMMIT DROP AS
    SELECT * FROM envelope WHERE id = :'model' OR about = :'model';
CREATE TEMP TABLE model_delivery ON COMMIT DROP AS
    SELECT d.*, row_number() OVER (ORDER BY d.position) AS rank
    FROM delivery d JOIN model_envelope e ON e.id = d.envelope_id;
CREATE TEMP TABLE model_line ON COMMIT DROP AS
    SELECT j.*, row_number() OVER (ORDER BY j.id) AS rank
    FROM journal j JOIN model_envelope e ON e.id = j.envelope_id;
CREATE TEMP TABLE place ON COMMIT DROP AS
    SELECT id, row_number() OVER (ORDER BY id)::int AS place
    FROM (SELECT id FROM model_envelope UNION ALL SELECT id FROM model_delivery) AS ids;

-- A UUIDv7 of its own time, made of the model's.
CREATE FUNCTION pg_temp.own_id(model text, number bigint, earlier_ms bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (
        lpad(to_hex(('x' || lpad(left(replace(model, '-', ''), 12), 16, '0'))::bit(64)::bigint - earlier_ms), 12, '0')
        || '7' || substr(md5(model || number), 1, 3) || '8' || substr(md5(model || number), 4, 15)
    )::uuid::text
$$;

-- The documents: how much earlier than the model each of them was, and its ids in the order of ``place``.
CREATE TEMP TABLE own ON COMMIT DROP AS
    SELECT number, earlier_ms, make_interval(secs => earlier_ms / 1000.0) AS earlier,
        (SELECT array_agg(pg_temp.own_id(id, number, earlier_ms) ORDER BY place) FROM place) AS ids
    FROM (
        SELECT number, (:seconds * 1000.0 * (:count - number) / :count)::bigint AS earlier_ms
        FROM generate_series(:first::bigint, :last::bigint) AS number
    ) AS numbered;
ANALYZE own;

-- The octets first: the digest of an envelope is theirs.
CREATE TEMP TABLE own_octets ON COMMIT DROP AS
    SELECT own.number, e.id AS model,
        CASE WHEN :kept = 1 THEN p.octets || convert_to(format('<!--%s-->', own.number), 'UTF8')
             WHEN e.kind = 'acknowledgement' THEN convert_to(own.ids[place.place], 'UTF8') END AS octets,
        CASE WHEN e.kind <> 'acknowledgement' THEN e.size END AS gone_size,
        own.ids[place.place] AS id
    FROM own CROSS JOIN model_envelope e JOIN place ON place.id = e.id JOIN payload p ON p.sha256 = e.sha256;
CREATE TEMP TABLE own_digest ON COMMIT DROP AS
    SELECT number, model, octets,
        encode(sha256(coalesce(octets, convert_to(id, 'UTF8'))), 'hex') AS sha256,
        coalesce(length(octets), gone_size) AS size
    FROM own_octets;
ANALYZE own_digest;
INSERT INTO payload (sha256, size, octets) SELECT sha256, size, octets FROM own_digest WHERE octets IS NOT NULL;

INSERT INTO envelope (
    id, kind, identity, sender, system, document_id, document_code, promulgation_date, subject, business, urgency,
    due_date, sha256, size, accepted_at, about, about_delivery, status_code, description, acknowledges, marked,
    verdict, attachments, search_text, document_key, trace
)
SELECT
    own.ids[self.place], e.kind,
    CASE WHEN e.acknowledges IS NULL THEN encode(sha256(convert_to(own.ids[self.place], 'UTF8')), 'hex')
         ELSE e.acknowledges || ':' || own.ids[coalesce(about_delivery.place, about.place)] END,
    e.sender, e.system,
    replace(e.document_id, :'number', own.number::text), replace(e.document_code, :'number', own.number::text),
    e.promulgation_date, e.subject, e.business, e.urgency, e.due_date, digest.sha256, digest.size,
    e.accepted_at - own.earlier, own.ids[about.place], own.ids[about_delivery.place], e.status_code, e.description,
    e.acknowledges, e.marked, e.verdict, e.attachments, replace(e.search_text, :'number', own.number::text),
    replace(e.document_key, :'number', own.number::text), e.trace
FROM own CROSS JOIN model_envelope e
JOIN own_digest digest ON digest.number = own.number AND digest.model = e.id
JOIN place self ON self.id = e.id
LEFT JOIN place about ON about.id = e.about
LEFT JOIN place about_delivery ON about_delivery.id = e.about_delivery;

-- Positions as every entering transaction gets them: the counter is locked and moved on.
UPDATE counter SET value = value + (:last - :first + 1) * (SELECT count(*) FROM model_delivery) WHERE name = 'position';
INSERT INTO delivery (
    id, envelope_id, ordinal, addressee, urgency, state, version, attempts, due_at, expires_at, first_due_at,
    first_expires_at, accepted_at, position, waiting, retry_at, fetched_at, taken_at, settled_at, replayed_at,
    restored_at
)
SELECT
    own.ids[self.place], own.ids[envelope.place], d.ordinal, d.addressee, d.urgency, d.state, d.version, d.attempts,
    d.due_at - own.earlier, d.expires_at - own.earlier, d.first_due_at - own.earlier, d.first_expires_at - own.earlier,
    d.accepted_at - own.earlier,
    counter.value - (:last - own.number + 1) * (SELECT count(*) FROM model_delivery) + d.rank,
    d.waiting, d.retry_at - own.earlier, d.fetched_at - own.earlier, d.taken_at - own.earlier,
    d.settled_at - own.earlier, d.replayed_at - own.earlier, d.restored_at
FROM own CROSS JOIN model_delivery d
JOIN counter ON counter.name = 'position'
JOIN place self ON self.id = d.id
JOIN place envelope ON envelope.id = d.envelope_id;

-- The journal, in a chain of its own: each line bound to the one before it, as trunk/storage/chain.py says.
CREATE FUNCTION pg_temp.bound(before text, said text, head text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN encode(sha256(convert_to('["' || coalesce(before, head) || '",' || said || ']', 'UTF8')), 'hex');
END
$$;
CREATE AGGREGATE pg_temp.linked(said text, head text) (sfunc = pg_temp.bound, stype = text);
CREATE FUNCTION pg_temp.spoken(value text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce(to_json(value)::text, 'null') $$;

INSERT INTO journal_head (node, sequence, hash) VALUES ('filled', 0, repeat('0', 64)) ON CONFLICT DO NOTHING;
CREATE TEMP TABLE own_line ON COMMIT DROP AS
    SELECT lines.*, head.sequence + row_number() OVER (ORDER BY number, rank) AS sequence, head.hash AS head
    FROM (
        SELECT own.number, j.rank, j.at - own.earlier AS at, own.ids[envelope.place] AS envelope_id,
            own.ids[delivery.place] AS delivery_id, j.event, j.state, j.actor, j.reason
        FROM own CROSS JOIN model_line j
        JOIN place envelope ON envelope.id = j.envelope_id
        LEFT JOIN place delivery ON delivery.id = j.delivery_id
        UNION ALL
        SELECT digest.number, 1000, now(), own.ids[self.place], NULL, 'octets_purged', NULL, 'trunk', digest.sha256
        FROM own_digest digest JOIN own ON own.number = digest.number JOIN place self ON self.id = digest.model
        WHERE digest.octets IS NULL
    ) AS lines
    JOIN journal_head head ON head.node = 'filled';
INSERT INTO journal (at, envelope_id, delivery_id, event, state, actor, reason, node, sequence, hash)
SELECT at, envelope_id, delivery_id, event, state, actor, reason, 'filled', sequence,
    pg_temp.linked(concat_ws(',', '"filled"', sequence,
        '"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00:00"', pg_temp.spoken(envelope_id),
        pg_temp.spoken(delivery_id), pg_temp.spoken(event), pg_temp.spoken(state), pg_temp.spoken(actor),
        pg_temp.spoken(reason)), head) OVER (ORDER BY sequence)
FROM own_line
ORDER BY sequence;
UPDATE journal_head SET sequence = newest.sequence, hash = newest.hash
FROM (SELECT sequence, hash FROM journal WHERE node = 'filled' ORDER BY id DESC LIMIT 1) AS newest
WHERE node = 'filled';

COMMIT;
