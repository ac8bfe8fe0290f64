-- +goose Up

-- A decision lives for years: what the keeper records, what takes an authorisation's place, what waits for whom, and what
-- people are told. Truth stays insert-only and under its entry; agenda, tasks and notices follow from it and may be brought
-- up to date.
ALTER TABLE casework.deeds ALTER COLUMN actor DROP NOT NULL;
COMMENT ON COLUMN casework.deeds.actor IS 'Who did it; null for the keeper.';
CREATE INDEX deeds_target ON casework.deeds (target) WHERE target <> '';

ALTER TABLE casework.requests ADD COLUMN renews text NOT NULL DEFAULT '';
COMMENT ON COLUMN casework.requests.renews IS 'The authorisation that it would renew; empty for any other request.';
CREATE INDEX requests_decided ON casework.requests (organisation_id, kind, decided_at DESC) WHERE decided_at IS NOT NULL;

ALTER TABLE casework.authorisations ADD COLUMN supersedes text NOT NULL DEFAULT '';
COMMENT ON COLUMN casework.authorisations.supersedes IS 'The authorisation in whose place it comes; empty without one.';
CREATE INDEX authorisations_supersedes ON casework.authorisations (supersedes) WHERE supersedes <> '';

ALTER TABLE casework.conditions ADD COLUMN grace_until date;
COMMENT ON COLUMN casework.conditions.grace_until IS 'Last Europe/London day before an overdue condition suspends its authorisation, as the policy stood when it was set; null without one.';

ALTER TABLE casework.people
	ADD COLUMN manager text REFERENCES casework.people (user_id),
	ADD COLUMN email text,
	ADD COLUMN mail text NOT NULL DEFAULT 'AT_ONCE';
COMMENT ON COLUMN casework.people.manager IS 'Who manages them (SD5); null where it is not known.';
COMMENT ON COLUMN casework.people.email IS 'Where notices go; null for nowhere.';
COMMENT ON COLUMN casework.people.mail IS 'Vocabulary mail_preference.';

CREATE TABLE casework.ledger (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	kind            text NOT NULL CHECK (kind IN ('assurance', 'shift', 'shift_end', 'sample', 'judgement', 'standing_rule')),
	subject         text NOT NULL,
	person          text,
	body            jsonb NOT NULL,
	at              timestamptz NOT NULL,
	entry_id        bigint NOT NULL
);
COMMENT ON TABLE casework.ledger IS 'What an organisation has put on record besides its directory: standing of others under the Toolkit, the rota, samples and what the guardian said of them.';
COMMENT ON COLUMN casework.ledger.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.ledger.organisation_id IS 'Whose record.';
COMMENT ON COLUMN casework.ledger.kind IS 'What it is.';
COMMENT ON COLUMN casework.ledger.subject IS 'What it is about: an organisation code, a person, a quarter, a decision, a kind of request, a shift.';
COMMENT ON COLUMN casework.ledger.person IS 'Who did it; null for the keeper.';
COMMENT ON COLUMN casework.ledger.body IS 'What was recorded.';
COMMENT ON COLUMN casework.ledger.at IS 'When.';
COMMENT ON COLUMN casework.ledger.entry_id IS 'The entry of the trail.';
CREATE INDEX ledger_kind ON casework.ledger (organisation_id, kind, subject, entry_id);
SELECT audit.guard_insert_only('casework.ledger', 'organisation', 'organisation_id');

CREATE TABLE casework.agenda (
	request_id uuid PRIMARY KEY REFERENCES casework.requests,
	next_at    timestamptz NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE casework.agenda IS 'When the keeper next has something to record of a request. Worked out from the case after every deed; a row that is missing is made anew.';
COMMENT ON COLUMN casework.agenda.request_id IS 'Of which request.';
COMMENT ON COLUMN casework.agenda.next_at IS 'Not before; infinity while nothing is foreseen.';
CREATE INDEX agenda_next ON casework.agenda (next_at);
INSERT INTO casework.agenda (request_id, next_at) SELECT id, clock_timestamp() FROM casework.requests;

CREATE TABLE casework.tasks (
	id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	request_id      uuid REFERENCES casework.requests,
	name            text NOT NULL,
	subject         text NOT NULL,
	person          text,
	roles           text[] NOT NULL,
	excluded        text[] NOT NULL,
	limited_by      text NOT NULL,
	from_at         timestamptz NOT NULL,
	due             timestamptz
);
COMMENT ON TABLE casework.tasks IS 'What waits for whom. Worked out from the case after every deed.';
COMMENT ON COLUMN casework.tasks.id IS 'Lasts until the next deed on the request.';
COMMENT ON COLUMN casework.tasks.organisation_id IS 'Whose roles are meant.';
COMMENT ON COLUMN casework.tasks.request_id IS 'On which request; null where it is about none.';
COMMENT ON COLUMN casework.tasks.name IS 'Vocabulary task.';
COMMENT ON COLUMN casework.tasks.subject IS 'What it is about besides; empty for the request itself.';
COMMENT ON COLUMN casework.tasks.person IS 'The one person for whom it waits; null where it waits for a role.';
COMMENT ON COLUMN casework.tasks.roles IS 'The roles for whose holders it waits.';
COMMENT ON COLUMN casework.tasks.excluded IS 'Whom separation of duties keeps from it.';
COMMENT ON COLUMN casework.tasks.limited_by IS 'Vocabulary limit; empty without one.';
COMMENT ON COLUMN casework.tasks.from_at IS 'Not shown before.';
COMMENT ON COLUMN casework.tasks.due IS 'When the limit ends; null without one.';
CREATE INDEX tasks_request ON casework.tasks (request_id);
CREATE INDEX tasks_person ON casework.tasks (person, due) WHERE person IS NOT NULL;
CREATE INDEX tasks_organisation ON casework.tasks (organisation_id, due) WHERE person IS NULL;

CREATE TABLE casework.notices (
	id              uuid PRIMARY KEY,
	place           bigint GENERATED ALWAYS AS IDENTITY,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	request_id      uuid REFERENCES casework.requests,
	recipient       text NOT NULL,
	endpoint        text NOT NULL,
	event           text NOT NULL,
	wanted          text NOT NULL,
	reference       text NOT NULL,
	state           text NOT NULL,
	subject         text NOT NULL,
	due             timestamptz,
	at              timestamptz NOT NULL,
	key             text NOT NULL UNIQUE,
	status          text NOT NULL DEFAULT 'WAITING' CHECK (status IN ('WAITING', 'SENT', 'KEPT', 'DEAD')),
	attempts        integer NOT NULL DEFAULT 0,
	next_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	leased_until    timestamptz,
	settled_at      timestamptz,
	fault           text NOT NULL DEFAULT '',
	CHECK ((recipient = '') <> (endpoint = ''))
);
COMMENT ON TABLE casework.notices IS 'What people are told: codes and dates, no word of any request. Written in the transaction of the deed that it follows from, sent afterwards.';
COMMENT ON COLUMN casework.notices.id IS 'The same however often it is sent.';
COMMENT ON COLUMN casework.notices.place IS 'Order of writing: those of one request reach one recipient in this order.';
COMMENT ON COLUMN casework.notices.organisation_id IS 'Whose.';
COMMENT ON COLUMN casework.notices.request_id IS 'About which request; null for none.';
COMMENT ON COLUMN casework.notices.recipient IS 'Who is told; empty where an endpoint is.';
COMMENT ON COLUMN casework.notices.endpoint IS 'Name of the webhook that is told; empty where a person is.';
COMMENT ON COLUMN casework.notices.event IS 'Vocabulary notice.';
COMMENT ON COLUMN casework.notices.wanted IS 'Vocabulary task: what is wanted; empty for nothing.';
COMMENT ON COLUMN casework.notices.reference IS 'Of the request; empty for a draft.';
COMMENT ON COLUMN casework.notices.state IS 'Of what it is about, a code.';
COMMENT ON COLUMN casework.notices.subject IS 'Id of what it is about besides the request.';
COMMENT ON COLUMN casework.notices.due IS 'By when; null without a limit.';
COMMENT ON COLUMN casework.notices.at IS 'When the deed was done.';
COMMENT ON COLUMN casework.notices.key IS 'Deed, event and recipient: nobody is told the same twice.';
COMMENT ON COLUMN casework.notices.status IS 'WAITING, SENT, KEPT (shown in the service only: the person has no address or wants no mail), DEAD (given up).';
COMMENT ON COLUMN casework.notices.attempts IS 'How often it was tried.';
COMMENT ON COLUMN casework.notices.next_at IS 'Not tried before.';
COMMENT ON COLUMN casework.notices.leased_until IS 'Being sent by a replica, at most until then.';
COMMENT ON COLUMN casework.notices.settled_at IS 'When it was sent, kept or given up.';
COMMENT ON COLUMN casework.notices.fault IS 'Code of what went wrong last; never an answer''s text.';
CREATE INDEX notices_waiting ON casework.notices (next_at) WHERE status = 'WAITING';
CREATE INDEX notices_order ON casework.notices (recipient, endpoint, request_id, place) WHERE status = 'WAITING';
CREATE INDEX notices_recipient ON casework.notices (recipient, place DESC);
CREATE INDEX notices_dead ON casework.notices (organisation_id, place) WHERE status = 'DEAD';

CREATE TABLE casework.blobs (
	document_id uuid PRIMARY KEY,
	sealed      bytea NOT NULL
);
COMMENT ON TABLE casework.blobs IS 'The bytes of documents, sealed with a key that the database does not have. Erasing a document takes its row away; its name and digest stay with the deed.';
COMMENT ON COLUMN casework.blobs.document_id IS 'Id of the deed that attached it.';
COMMENT ON COLUMN casework.blobs.sealed IS 'AES-256-GCM, bound to the id.';
ALTER TABLE casework.blobs ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE OR REPLACE VIEW casework.witnessed AS
	SELECT 'organisations' AS table_name, id::text AS row_id, entry_id, NULL::uuid AS request_id, organisation_id,
		'{}'::text[] AS says, ARRAY[name] AS words FROM casework.organisations
	UNION ALL SELECT 'people', id::text, entry_id, NULL, organisation_id, '{}', '{}' FROM casework.people
	UNION ALL SELECT 'appointments', id::text, entry_id, NULL, organisation_id, '{}', '{}' FROM casework.appointments
	UNION ALL SELECT 'delegations', id::text, entry_id, NULL, organisation_id, '{}', '{}' FROM casework.delegations
	UNION ALL SELECT 'assets', id::text, entry_id, NULL, organisation_id, '{}', ARRAY[name] FROM casework.assets
	UNION ALL SELECT 'offices', id::text, entry_id, NULL, organisation_id,
		ARRAY[format('"action":"%s"', deed)] || CASE WHEN actor IS NULL THEN '{}' ELSE ARRAY[format('"actor":"%s"', actor)] END, '{}'
	FROM casework.offices
	UNION ALL SELECT 'requests', id::text, entry_id, id, organisation_id,
		ARRAY[format('"to":"%s"', lower(state)), format('"version":%s}', version)], '{}' FROM casework.requests
	UNION ALL SELECT 'versions', request_id || '/' || n, entry_id, request_id, NULL, ARRAY[format('"version":%s}', n)], '{}'
	FROM casework.versions
	UNION ALL SELECT 'deeds', d.id::text, d.entry_id, d.request_id, NULL,
		ARRAY[format('"action":"%s"', deed), format('"to":"%s"', lower(to_state)), format('"version":%s}', version)]
		|| CASE WHEN d.actor IS NOT NULL THEN ARRAY[format('"actor":"%s"', p.id)] ELSE '{}' END
		|| CASE WHEN acting_as <> '' THEN ARRAY[format('"acting":"%s"', acting_as)] ELSE '{}' END,
		ARRAY(SELECT x #>> '{}' FROM jsonb_path_query(details, 'strict $.** ? (@.type() == "string")') x)
	FROM casework.deeds d LEFT JOIN casework.people p ON p.user_id = d.actor
	UNION ALL SELECT 'consultations', id::text, entry_id, request_id, NULL, ARRAY['"action":"consult"'], ARRAY[role] FROM casework.consultations
	UNION ALL SELECT 'advice', id::text, entry_id, request_id, NULL,
		ARRAY['"action":"advise"', format('"role":"%s"', role), format('"view":"%s"', view)], ARRAY[text] FROM casework.advice
	UNION ALL SELECT 'waivers', id::text, entry_id, request_id, NULL, ARRAY['"action":"waive"', format('"role":"%s"', role)], ARRAY[reason]
	FROM casework.waivers
	UNION ALL SELECT 'declarations', id::text, entry_id, request_id, NULL, ARRAY['"action":"open"', format('"conflict":"%s"', type)], ARRAY[note]
	FROM casework.declarations
	UNION ALL SELECT 'comments', id::text, entry_id, request_id, NULL, ARRAY['"action":"comment"'], ARRAY[text] FROM casework.comments
	UNION ALL SELECT 'decisions', id::text, entry_id, request_id, NULL, ARRAY[format('"decision":"%s"', outcome)],
		ARRAY[rationale, harm_statement, alternative_offered, standing_rule, coalesce(review_date::text, ''), coalesce(expiry_date::text, '')]
	FROM casework.decisions
	UNION ALL SELECT 'disclosures', id::text, entry_id, request_id, NULL,
		CASE WHEN exception <> '' THEN ARRAY[format('"exception":"%s"', exception)] ELSE '{}' END, ARRAY[recipient, note] FROM casework.disclosures
	UNION ALL SELECT 'authorisations', id::text, entry_id, request_id, NULL, ARRAY[format('"authorisation":"%s"', id)],
		ARRAY[coalesce(review_date::text, ''), coalesce(expiry_date::text, ''), supersedes] FROM casework.authorisations
	UNION ALL SELECT 'conditions', id::text, entry_id, request_id, NULL, '{}', ARRAY[label, text, owner, evidence_expected, coalesce(due::text, ''), coalesce(grace_until::text, '')]
	FROM casework.conditions
	UNION ALL SELECT 'ledger', id::text, entry_id, NULL, organisation_id, '{}',
		ARRAY[subject] || ARRAY(SELECT x #>> '{}' FROM jsonb_path_query(body, 'strict $.** ? (@.type() == "string")') x)
	FROM casework.ledger;

GRANT SELECT, INSERT ON casework.ledger, casework.agenda, casework.tasks, casework.notices, casework.blobs TO caldicott_app;
GRANT UPDATE (next_at) ON casework.agenda TO caldicott_app;
GRANT DELETE ON casework.tasks, casework.blobs TO caldicott_app;
GRANT UPDATE (sealed) ON casework.blobs TO caldicott_app;
GRANT UPDATE (status, attempts, next_at, leased_until, settled_at, fault) ON casework.notices TO caldicott_app;
GRANT UPDATE (manager, email, mail) ON casework.people TO caldicott_app;
