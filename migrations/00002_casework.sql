-- +goose Up

-- Everything a case consists of. Only the rows of requests, people, their authority and the directory are ever brought
-- up to date; all else is inserted and stays. No row changes without its entry in the trail (audit.guard_table).
CREATE SCHEMA casework;
COMMENT ON SCHEMA casework IS 'Requests, what was done to them, and the people and organisations concerned.';

CREATE TABLE casework.organisations (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL,
	code            text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9]{3,10}$'),
	name            text NOT NULL,
	type            text NOT NULL,
	revision        integer NOT NULL,
	entry_id        bigint NOT NULL
);
COMMENT ON TABLE casework.organisations IS 'The directory: controllers, partners and recipients.';
COMMENT ON COLUMN casework.organisations.id IS 'Known to the database and the trail only; people say the code.';
COMMENT ON COLUMN casework.organisations.organisation_id IS 'The organisation that registered it and whose trail answers for the row; itself, for one that was bootstrapped.';
COMMENT ON COLUMN casework.organisations.code IS 'ODS code or the like.';
COMMENT ON COLUMN casework.organisations.name IS 'Name in full.';
COMMENT ON COLUMN casework.organisations.type IS 'Vocabulary organisation_type.';
COMMENT ON COLUMN casework.organisations.revision IS 'Counts the writes: the ETag.';
COMMENT ON COLUMN casework.organisations.entry_id IS 'The entry of the trail by which the row stands as it does.';
SELECT audit.guard_table('casework.organisations', 'organisation', 'organisation_id');

CREATE TABLE casework.people (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	user_id         text NOT NULL UNIQUE CHECK (user_id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
	name            text NOT NULL,
	job_title       text NOT NULL,
	issuer          text,
	subject         text,
	active          boolean NOT NULL,
	revision        integer NOT NULL,
	entry_id        bigint NOT NULL,
	UNIQUE (issuer, subject)
);
COMMENT ON TABLE casework.people IS 'Whom an organisation has enrolled. The trail knows them by id only.';
COMMENT ON COLUMN casework.people.id IS 'Known to the database and the trail only.';
COMMENT ON COLUMN casework.people.organisation_id IS 'Where they belong.';
COMMENT ON COLUMN casework.people.user_id IS 'How people name them.';
COMMENT ON COLUMN casework.people.name IS 'Display name.';
COMMENT ON COLUMN casework.people.job_title IS 'Shown, never used: authority is an appointment.';
COMMENT ON COLUMN casework.people.issuer IS 'OpenID Connect issuer whose tokens speak for the person; null while nobody may sign in as them.';
COMMENT ON COLUMN casework.people.subject IS 'Subject within the issuer.';
COMMENT ON COLUMN casework.people.active IS 'False: may do and see nothing.';
COMMENT ON COLUMN casework.people.revision IS 'Counts the writes: the ETag.';
COMMENT ON COLUMN casework.people.entry_id IS 'The entry of the trail by which the row stands as it does.';
SELECT audit.guard_table('casework.people', 'organisation', 'organisation_id');

CREATE TABLE casework.appointments (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	person          text NOT NULL REFERENCES casework.people (user_id),
	role            text NOT NULL,
	valid_from      date NOT NULL,
	valid_to        date,
	posts           text[] NOT NULL,
	board_reference text NOT NULL,
	appointed_by    text,
	confirmed_by    text,
	since           timestamptz,
	ended_at        timestamptz,
	revision        integer NOT NULL,
	entry_id        bigint NOT NULL
);
COMMENT ON TABLE casework.appointments IS 'Authority: who holds which role in which organisation, and when.';
COMMENT ON COLUMN casework.appointments.id IS 'Kept by every decision made under it.';
COMMENT ON COLUMN casework.appointments.organisation_id IS 'Where the role is held.';
COMMENT ON COLUMN casework.appointments.person IS 'Who holds it.';
COMMENT ON COLUMN casework.appointments.role IS 'Vocabulary role.';
COMMENT ON COLUMN casework.appointments.valid_from IS 'First day, Europe/London.';
COMMENT ON COLUMN casework.appointments.valid_to IS 'Last day, Europe/London; null without an end.';
COMMENT ON COLUMN casework.appointments.posts IS 'Other posts held with it (vocabulary post): what a structural conflict is seen by.';
COMMENT ON COLUMN casework.appointments.board_reference IS 'Board minute, and what an override of SD6 rests on.';
COMMENT ON COLUMN casework.appointments.appointed_by IS 'Administrator who appointed; null when bootstrapped.';
COMMENT ON COLUMN casework.appointments.confirmed_by IS 'Second administrator (SD8); null while proposed.';
COMMENT ON COLUMN casework.appointments.since IS 'When it came on the record complete: no authority before, whatever valid_from says; null for a founder''s.';
COMMENT ON COLUMN casework.appointments.ended_at IS 'Instant at which it was ended early.';
COMMENT ON COLUMN casework.appointments.revision IS 'Counts the writes: the ETag.';
COMMENT ON COLUMN casework.appointments.entry_id IS 'The entry of the trail by which the row stands as it does.';
CREATE INDEX appointments_person ON casework.appointments (person);
CREATE INDEX appointments_role ON casework.appointments (organisation_id, role);
SELECT audit.guard_table('casework.appointments', 'organisation', 'organisation_id');

CREATE TABLE casework.delegations (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	guardian        text NOT NULL REFERENCES casework.people (user_id),
	deputy          text NOT NULL REFERENCES casework.people (user_id),
	reason          text NOT NULL,
	note            text NOT NULL,
	valid_from      date NOT NULL,
	valid_to        date NOT NULL,
	scope           jsonb NOT NULL,
	given_at        timestamptz NOT NULL,
	accepted_at     timestamptz,
	revoked_at      timestamptz,
	revision        integer NOT NULL,
	entry_id        bigint NOT NULL
);
COMMENT ON TABLE casework.delegations IS 'Under what a deputy acts for a guardian.';
COMMENT ON COLUMN casework.delegations.id IS 'Kept by every decision made under it.';
COMMENT ON COLUMN casework.delegations.organisation_id IS 'For which organisation''s guardian.';
COMMENT ON COLUMN casework.delegations.guardian IS 'Who gave it.';
COMMENT ON COLUMN casework.delegations.deputy IS 'Who may act under it.';
COMMENT ON COLUMN casework.delegations.reason IS 'Vocabulary delegation_reason.';
COMMENT ON COLUMN casework.delegations.note IS 'The guardian''s own words.';
COMMENT ON COLUMN casework.delegations.valid_from IS 'First day, Europe/London.';
COMMENT ON COLUMN casework.delegations.valid_to IS 'Last day, Europe/London.';
COMMENT ON COLUMN casework.delegations.scope IS 'kinds, urgencies, outcomes; an absent list means everything.';
COMMENT ON COLUMN casework.delegations.given_at IS 'When it was made out.';
COMMENT ON COLUMN casework.delegations.accepted_at IS 'When the deputy accepted: not in force before.';
COMMENT ON COLUMN casework.delegations.revoked_at IS 'When it was revoked: at once.';
COMMENT ON COLUMN casework.delegations.revision IS 'Counts the writes: the ETag.';
COMMENT ON COLUMN casework.delegations.entry_id IS 'The entry of the trail by which the row stands as it does.';
CREATE INDEX delegations_deputy ON casework.delegations (deputy);
CREATE INDEX delegations_organisation ON casework.delegations (organisation_id);
SELECT audit.guard_table('casework.delegations', 'organisation', 'organisation_id');

CREATE TABLE casework.assets (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	name            text NOT NULL,
	owner           text NOT NULL REFERENCES casework.people (user_id),
	revision        integer NOT NULL,
	entry_id        bigint NOT NULL
);
COMMENT ON TABLE casework.assets IS 'Information assets and who owns them.';
COMMENT ON COLUMN casework.assets.id IS 'Identity.';
COMMENT ON COLUMN casework.assets.organisation_id IS 'Whose asset.';
COMMENT ON COLUMN casework.assets.name IS 'What people call it.';
COMMENT ON COLUMN casework.assets.owner IS 'Information asset owner.';
COMMENT ON COLUMN casework.assets.revision IS 'Counts the writes: the ETag.';
COMMENT ON COLUMN casework.assets.entry_id IS 'The entry of the trail by which the row stands as it does.';
CREATE INDEX assets_organisation ON casework.assets (organisation_id);
SELECT audit.guard_table('casework.assets', 'organisation', 'organisation_id');

CREATE TABLE casework.offices (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL,
	deed            text NOT NULL,
	actor           text,
	at              timestamptz NOT NULL,
	entry_id        bigint NOT NULL
);
COMMENT ON TABLE casework.offices IS 'Everything done to people, their authority and the directory. The rows themselves are brought up to date; this is what was done to them, in the order of entry_id.';
COMMENT ON COLUMN casework.offices.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.offices.organisation_id IS 'In which organisation.';
COMMENT ON COLUMN casework.offices.deed IS 'Its one name.';
COMMENT ON COLUMN casework.offices.actor IS 'Id of who did it; null for a founding.';
COMMENT ON COLUMN casework.offices.at IS 'When.';
COMMENT ON COLUMN casework.offices.entry_id IS 'The entry of the trail.';
SELECT audit.guard_insert_only('casework.offices', 'organisation', 'organisation_id');

CREATE TABLE casework.serials (
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	year            integer NOT NULL,
	last            integer NOT NULL,
	PRIMARY KEY (organisation_id, year)
);
COMMENT ON TABLE casework.serials IS 'The last serial of each year''s references; a deed that fails gives its number back.';
COMMENT ON COLUMN casework.serials.organisation_id IS 'Whose references.';
COMMENT ON COLUMN casework.serials.year IS 'Europe/London year of submission.';
COMMENT ON COLUMN casework.serials.last IS 'Last number given.';

CREATE TABLE casework.requests (
	id              uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	reference       text UNIQUE,
	requester       text NOT NULL REFERENCES casework.people (user_id),
	emergency       boolean NOT NULL,
	state           text NOT NULL CHECK (state IN ('DRAFT', 'SUBMITTED', 'TRIAGE', 'AWAITING_INFORMATION', 'IN_CONSULTATION',
		'READY_FOR_DECISION', 'IN_REVIEW', 'DECIDED', 'EMERGENCY_RECORDED', 'AWAITING_RATIFICATION', 'WITHDRAWN', 'CLOSED')),
	kind            text NOT NULL,
	urgency         text NOT NULL,
	title           text NOT NULL,
	sponsor         text NOT NULL,
	asset_owner     text NOT NULL,
	version         integer NOT NULL,
	revision        integer NOT NULL,
	created_at      timestamptz NOT NULL,
	submitted_at    timestamptz,
	decided_at      timestamptz,
	entry_id        bigint NOT NULL
);
COMMENT ON TABLE casework.requests IS 'One row a request: where it stands now. Everything in it follows from the tables below.';
COMMENT ON COLUMN casework.requests.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.requests.organisation_id IS 'The controller that is asked.';
COMMENT ON COLUMN casework.requests.reference IS 'CG-organisation-year-serial, from submission on.';
COMMENT ON COLUMN casework.requests.requester IS 'Who asks.';
COMMENT ON COLUMN casework.requests.emergency IS 'Begun by record_emergency.';
COMMENT ON COLUMN casework.requests.state IS 'Vocabulary request_state.';
COMMENT ON COLUMN casework.requests.kind IS 'Of the current version.';
COMMENT ON COLUMN casework.requests.urgency IS 'Of the current version.';
COMMENT ON COLUMN casework.requests.title IS 'Of the current version: the only free text in lists.';
COMMENT ON COLUMN casework.requests.sponsor IS 'Of the current version; empty without one.';
COMMENT ON COLUMN casework.requests.asset_owner IS 'Of the current version; empty without one.';
COMMENT ON COLUMN casework.requests.version IS 'Number of the current version.';
COMMENT ON COLUMN casework.requests.revision IS 'Counts the writes that If-Match is about: the ETag.';
COMMENT ON COLUMN casework.requests.created_at IS 'When it was drafted or recorded.';
COMMENT ON COLUMN casework.requests.submitted_at IS 'Start of the current round.';
COMMENT ON COLUMN casework.requests.decided_at IS 'Newest decision.';
COMMENT ON COLUMN casework.requests.entry_id IS 'The entry of the trail by which the row stands as it does.';
CREATE INDEX requests_newest ON casework.requests (organisation_id, created_at DESC, id DESC);
CREATE INDEX requests_own ON casework.requests (requester, created_at DESC, id DESC);
CREATE INDEX requests_sponsor ON casework.requests (sponsor) WHERE sponsor <> '';
CREATE INDEX requests_asset_owner ON casework.requests (asset_owner) WHERE asset_owner <> '';
CREATE INDEX requests_words ON casework.requests USING gin (to_tsvector('simple', title));
SELECT audit.guard_table('casework.requests', 'request', 'id');

CREATE TABLE casework.versions (
	request_id uuid NOT NULL REFERENCES casework.requests,
	n          integer NOT NULL,
	content    text NOT NULL,
	digest     bytea NOT NULL CHECK (digest = sha256(convert_to(content, 'UTF8'))),
	confirmed  jsonb NOT NULL,
	made_by    text NOT NULL REFERENCES casework.people (user_id),
	at         timestamptz NOT NULL,
	entry_id   bigint NOT NULL,
	PRIMARY KEY (request_id, n)
);
COMMENT ON TABLE casework.versions IS 'Every state of a request''s content; none ever changes.';
COMMENT ON COLUMN casework.versions.request_id IS 'Of which request.';
COMMENT ON COLUMN casework.versions.n IS '1 for the first.';
COMMENT ON COLUMN casework.versions.content IS 'The document, JSON in the service''s own form.';
COMMENT ON COLUMN casework.versions.digest IS 'SHA-256 of content; the entry carries it too.';
COMMENT ON COLUMN casework.versions.confirmed IS 'not_identifiers: fields of which the author says that they hold no NHS number, and why.';
COMMENT ON COLUMN casework.versions.made_by IS 'Author.';
COMMENT ON COLUMN casework.versions.at IS 'When.';
COMMENT ON COLUMN casework.versions.entry_id IS 'The entry of the trail that brought it.';
SELECT audit.guard_insert_only('casework.versions');

CREATE TABLE casework.deeds (
	id             uuid PRIMARY KEY,
	request_id     uuid NOT NULL REFERENCES casework.requests,
	deed           text NOT NULL,
	actor          text NOT NULL REFERENCES casework.people (user_id),
	acting_as      text NOT NULL,
	appointment_id text NOT NULL,
	delegation_id  text NOT NULL,
	at             timestamptz NOT NULL,
	from_state     text NOT NULL,
	to_state       text NOT NULL,
	version        integer NOT NULL,
	subject        text NOT NULL,
	target         text NOT NULL,
	details        jsonb NOT NULL,
	entry_id       bigint NOT NULL
);
COMMENT ON TABLE casework.deeds IS 'Everything done to a request, in the order of entry_id: what its state, and those of its authorisation and conditions, are folded from.';
COMMENT ON COLUMN casework.deeds.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.deeds.request_id IS 'To which request.';
COMMENT ON COLUMN casework.deeds.deed IS 'Its one name.';
COMMENT ON COLUMN casework.deeds.actor IS 'Who did it.';
COMMENT ON COLUMN casework.deeds.acting_as IS 'In which role.';
COMMENT ON COLUMN casework.deeds.appointment_id IS 'By which appointment; empty for a relation.';
COMMENT ON COLUMN casework.deeds.delegation_id IS 'Under which delegation; empty without one.';
COMMENT ON COLUMN casework.deeds.at IS 'When.';
COMMENT ON COLUMN casework.deeds.from_state IS 'State before; empty for the first.';
COMMENT ON COLUMN casework.deeds.to_state IS 'State after.';
COMMENT ON COLUMN casework.deeds.version IS 'Version that stood after.';
COMMENT ON COLUMN casework.deeds.subject IS 'The decision, authorisation, condition or disclosure concerned; empty otherwise.';
COMMENT ON COLUMN casework.deeds.target IS 'The person it was handed to; empty otherwise.';
COMMENT ON COLUMN casework.deeds.details IS 'The words of the deed.';
COMMENT ON COLUMN casework.deeds.entry_id IS 'The entry of the trail.';
CREATE INDEX deeds_request ON casework.deeds (request_id, entry_id);
CREATE INDEX deeds_handed ON casework.deeds (target) WHERE target <> '';
SELECT audit.guard_insert_only('casework.deeds');

CREATE TABLE casework.consultations (
	id         uuid PRIMARY KEY,
	request_id uuid NOT NULL REFERENCES casework.requests,
	role       text NOT NULL,
	mandatory  boolean NOT NULL,
	due        date,
	asked_by   text NOT NULL REFERENCES casework.people (user_id),
	at         timestamptz NOT NULL,
	entry_id   bigint NOT NULL,
	UNIQUE (request_id, role)
);
COMMENT ON TABLE casework.consultations IS 'Roles asked for their view.';
COMMENT ON COLUMN casework.consultations.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.consultations.request_id IS 'On which request.';
COMMENT ON COLUMN casework.consultations.role IS 'Vocabulary role.';
COMMENT ON COLUMN casework.consultations.mandatory IS 'Added by the service (policy/consultees.csv).';
COMMENT ON COLUMN casework.consultations.due IS 'By when; null without a date.';
COMMENT ON COLUMN casework.consultations.asked_by IS 'Who asked.';
COMMENT ON COLUMN casework.consultations.at IS 'When.';
COMMENT ON COLUMN casework.consultations.entry_id IS 'The entry of the trail.';
SELECT audit.guard_insert_only('casework.consultations');

CREATE TABLE casework.advice (
	id         uuid PRIMARY KEY,
	request_id uuid NOT NULL REFERENCES casework.requests,
	role       text NOT NULL,
	view       text NOT NULL,
	text       text NOT NULL,
	version    integer NOT NULL,
	given_by   text NOT NULL REFERENCES casework.people (user_id),
	at         timestamptz NOT NULL,
	entry_id   bigint NOT NULL
);
COMMENT ON TABLE casework.advice IS 'Consultees'' views.';
COMMENT ON COLUMN casework.advice.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.advice.request_id IS 'On which request.';
COMMENT ON COLUMN casework.advice.role IS 'In which role.';
COMMENT ON COLUMN casework.advice.view IS 'Vocabulary consultation_view.';
COMMENT ON COLUMN casework.advice.text IS 'In their words.';
COMMENT ON COLUMN casework.advice.version IS 'On which version.';
COMMENT ON COLUMN casework.advice.given_by IS 'Who.';
COMMENT ON COLUMN casework.advice.at IS 'When.';
COMMENT ON COLUMN casework.advice.entry_id IS 'The entry of the trail.';
CREATE INDEX advice_request ON casework.advice (request_id);
SELECT audit.guard_insert_only('casework.advice');

CREATE TABLE casework.waivers (
	id         uuid PRIMARY KEY,
	request_id uuid NOT NULL REFERENCES casework.requests,
	role       text NOT NULL,
	reason     text NOT NULL,
	waived_by  text NOT NULL REFERENCES casework.people (user_id),
	at         timestamptz NOT NULL,
	entry_id   bigint NOT NULL
);
COMMENT ON TABLE casework.waivers IS 'Consultations let go.';
COMMENT ON COLUMN casework.waivers.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.waivers.request_id IS 'On which request.';
COMMENT ON COLUMN casework.waivers.role IS 'Whose view is not waited for.';
COMMENT ON COLUMN casework.waivers.reason IS 'Why.';
COMMENT ON COLUMN casework.waivers.waived_by IS 'Who.';
COMMENT ON COLUMN casework.waivers.at IS 'When.';
COMMENT ON COLUMN casework.waivers.entry_id IS 'The entry of the trail.';
CREATE INDEX waivers_request ON casework.waivers (request_id);
SELECT audit.guard_insert_only('casework.waivers');

CREATE TABLE casework.declarations (
	id          uuid PRIMARY KEY,
	request_id  uuid NOT NULL REFERENCES casework.requests,
	declared_by text NOT NULL REFERENCES casework.people (user_id),
	type        text NOT NULL,
	note        text NOT NULL,
	version     integer NOT NULL,
	at          timestamptz NOT NULL,
	entry_id    bigint NOT NULL
);
COMMENT ON TABLE casework.declarations IS 'What those who opened a case said of their own interests (SD9: never taken back).';
COMMENT ON COLUMN casework.declarations.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.declarations.request_id IS 'On which request.';
COMMENT ON COLUMN casework.declarations.declared_by IS 'Who.';
COMMENT ON COLUMN casework.declarations.type IS 'Vocabulary conflict_type.';
COMMENT ON COLUMN casework.declarations.note IS 'In their words.';
COMMENT ON COLUMN casework.declarations.version IS 'On which version.';
COMMENT ON COLUMN casework.declarations.at IS 'When.';
COMMENT ON COLUMN casework.declarations.entry_id IS 'The entry of the trail.';
CREATE INDEX declarations_request ON casework.declarations (request_id);
SELECT audit.guard_insert_only('casework.declarations');

CREATE TABLE casework.comments (
	id         uuid PRIMARY KEY,
	request_id uuid NOT NULL REFERENCES casework.requests,
	text       text NOT NULL,
	made_by    text NOT NULL REFERENCES casework.people (user_id),
	at         timestamptz NOT NULL,
	entry_id   bigint NOT NULL
);
COMMENT ON TABLE casework.comments IS 'Remarks, private to the staff who handle the request.';
COMMENT ON COLUMN casework.comments.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.comments.request_id IS 'On which request.';
COMMENT ON COLUMN casework.comments.text IS 'In their words.';
COMMENT ON COLUMN casework.comments.made_by IS 'Who.';
COMMENT ON COLUMN casework.comments.at IS 'When.';
COMMENT ON COLUMN casework.comments.entry_id IS 'The entry of the trail.';
CREATE INDEX comments_request ON casework.comments (request_id, id);
SELECT audit.guard_insert_only('casework.comments');

CREATE TABLE casework.decisions (
	id                  uuid PRIMARY KEY,
	request_id          uuid NOT NULL REFERENCES casework.requests,
	n                   integer NOT NULL,
	version             integer NOT NULL,
	outcome             text NOT NULL,
	rationale           text NOT NULL,
	decided_by          text NOT NULL REFERENCES casework.people (user_id),
	acting_as           text NOT NULL,
	appointment_id      text NOT NULL,
	delegation_id       text NOT NULL,
	at                  timestamptz NOT NULL,
	entered_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
	principles          jsonb NOT NULL,
	law                 jsonb NOT NULL,
	review_date         date,
	expiry_date         date,
	refer_to            text[] NOT NULL,
	harm_statement      text NOT NULL,
	alternative_offered text NOT NULL,
	standing_rule       text NOT NULL,
	findings            jsonb NOT NULL,
	authorisation_id    text NOT NULL,
	entry_id            bigint NOT NULL,
	UNIQUE (request_id, n),
	FOREIGN KEY (request_id, version) REFERENCES casework.versions (request_id, n)
);
COMMENT ON TABLE casework.decisions IS 'What was decided, by whom, on which version. A later decision supersedes; none is overwritten.';
COMMENT ON COLUMN casework.decisions.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.decisions.request_id IS 'On which request.';
COMMENT ON COLUMN casework.decisions.n IS '1 for the request''s first.';
COMMENT ON COLUMN casework.decisions.version IS 'On which version.';
COMMENT ON COLUMN casework.decisions.outcome IS 'Vocabulary decision_outcome.';
COMMENT ON COLUMN casework.decisions.rationale IS 'Why.';
COMMENT ON COLUMN casework.decisions.decided_by IS 'Who.';
COMMENT ON COLUMN casework.decisions.acting_as IS 'In which role.';
COMMENT ON COLUMN casework.decisions.appointment_id IS 'By which appointment.';
COMMENT ON COLUMN casework.decisions.delegation_id IS 'Under which delegation; empty without one.';
COMMENT ON COLUMN casework.decisions.at IS 'Time of decision, by the service''s clock.';
COMMENT ON COLUMN casework.decisions.entered_at IS 'Time of entry, by the database''s clock.';
COMMENT ON COLUMN casework.decisions.principles IS 'The eight judgements; {} where none is asked.';
COMMENT ON COLUMN casework.decisions.law IS 'What it relies on.';
COMMENT ON COLUMN casework.decisions.review_date IS 'Europe/London day.';
COMMENT ON COLUMN casework.decisions.expiry_date IS 'Europe/London day.';
COMMENT ON COLUMN casework.decisions.refer_to IS 'Vocabulary referral_target.';
COMMENT ON COLUMN casework.decisions.harm_statement IS 'Of not sharing (principle 7).';
COMMENT ON COLUMN casework.decisions.alternative_offered IS 'What is offered instead.';
COMMENT ON COLUMN casework.decisions.standing_rule IS 'Of set_aside.';
COMMENT ON COLUMN casework.decisions.findings IS 'As they stood.';
COMMENT ON COLUMN casework.decisions.authorisation_id IS 'Which one a SUSPEND or REVOKE is about; empty otherwise.';
COMMENT ON COLUMN casework.decisions.entry_id IS 'The entry of the trail.';
CREATE INDEX decisions_newest ON casework.decisions (at DESC, id DESC);
SELECT audit.guard_insert_only('casework.decisions');

CREATE TABLE casework.disclosures (
	id               uuid PRIMARY KEY,
	request_id       uuid NOT NULL REFERENCES casework.requests,
	authorisation_id text NOT NULL,
	recipient        text NOT NULL,
	records          integer,
	method           text NOT NULL,
	disclosed_at     timestamptz NOT NULL,
	recorded_at      timestamptz NOT NULL,
	recorded_by      text NOT NULL REFERENCES casework.people (user_id),
	exception        text NOT NULL,
	note             text NOT NULL,
	entry_id         bigint NOT NULL
);
COMMENT ON TABLE casework.disclosures IS 'What really left, allowed or not.';
COMMENT ON COLUMN casework.disclosures.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.disclosures.request_id IS 'Under which request.';
COMMENT ON COLUMN casework.disclosures.authorisation_id IS 'Held against which authorisation; empty where there was none.';
COMMENT ON COLUMN casework.disclosures.recipient IS 'Organisation code, or position in the version''s list.';
COMMENT ON COLUMN casework.disclosures.records IS 'How many; null where it is not known.';
COMMENT ON COLUMN casework.disclosures.method IS 'Vocabulary transfer_method; empty where an emergency''s is not known yet.';
COMMENT ON COLUMN casework.disclosures.disclosed_at IS 'When it left.';
COMMENT ON COLUMN casework.disclosures.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN casework.disclosures.recorded_by IS 'Who recorded it.';
COMMENT ON COLUMN casework.disclosures.exception IS 'Vocabulary exception_reason; empty where it was covered.';
COMMENT ON COLUMN casework.disclosures.note IS 'In their words.';
COMMENT ON COLUMN casework.disclosures.entry_id IS 'The entry of the trail.';
CREATE INDEX disclosures_request ON casework.disclosures (request_id);
CREATE INDEX disclosures_newest ON casework.disclosures (disclosed_at DESC, id DESC);
SELECT audit.guard_insert_only('casework.disclosures');

CREATE TABLE casework.authorisations (
	id          uuid PRIMARY KEY,
	request_id  uuid NOT NULL REFERENCES casework.requests,
	decision_id uuid NOT NULL REFERENCES casework.decisions,
	version     integer NOT NULL,
	review_date date,
	expiry_date date,
	ratifies    text NOT NULL,
	at          timestamptz NOT NULL,
	entry_id    bigint NOT NULL,
	FOREIGN KEY (request_id, version) REFERENCES casework.versions (request_id, n)
);
COMMENT ON TABLE casework.authorisations IS 'Permissions. Their state is computed from the deeds, the conditions and the instant; it is stored nowhere.';
COMMENT ON COLUMN casework.authorisations.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.authorisations.request_id IS 'Under which request.';
COMMENT ON COLUMN casework.authorisations.decision_id IS 'Born of which decision.';
COMMENT ON COLUMN casework.authorisations.version IS 'Whose recipients it covers.';
COMMENT ON COLUMN casework.authorisations.review_date IS 'Review due from the start of this Europe/London day.';
COMMENT ON COLUMN casework.authorisations.expiry_date IS 'Last Europe/London day.';
COMMENT ON COLUMN casework.authorisations.ratifies IS 'The disclosure that it ratifies; empty otherwise.';
COMMENT ON COLUMN casework.authorisations.at IS 'When it began.';
COMMENT ON COLUMN casework.authorisations.entry_id IS 'The entry of the trail.';
CREATE INDEX authorisations_request ON casework.authorisations (request_id);
CREATE INDEX authorisations_expiry ON casework.authorisations (expiry_date);
SELECT audit.guard_insert_only('casework.authorisations');

CREATE TABLE casework.conditions (
	id                uuid PRIMARY KEY,
	request_id        uuid NOT NULL REFERENCES casework.requests,
	decision_id       uuid NOT NULL REFERENCES casework.decisions,
	authorisation_id  text NOT NULL,
	label             text NOT NULL,
	type              text NOT NULL,
	text              text NOT NULL,
	owner             text NOT NULL REFERENCES casework.people (user_id),
	due               date,
	evidence_expected text NOT NULL,
	resolves          text[] NOT NULL,
	at                timestamptz NOT NULL,
	entry_id          bigint NOT NULL,
	UNIQUE (decision_id, label)
);
COMMENT ON TABLE casework.conditions IS 'What decisions ask for. Their state is folded from the deeds.';
COMMENT ON COLUMN casework.conditions.id IS 'UUIDv7.';
COMMENT ON COLUMN casework.conditions.request_id IS 'Under which request.';
COMMENT ON COLUMN casework.conditions.decision_id IS 'Of which decision.';
COMMENT ON COLUMN casework.conditions.authorisation_id IS 'Governs which authorisation; empty where the decision approved nothing.';
COMMENT ON COLUMN casework.conditions.label IS 'Name within the decision: C1.';
COMMENT ON COLUMN casework.conditions.type IS 'Vocabulary condition_type.';
COMMENT ON COLUMN casework.conditions.text IS 'What is asked.';
COMMENT ON COLUMN casework.conditions.owner IS 'Who must see to it.';
COMMENT ON COLUMN casework.conditions.due IS 'Last Europe/London day; null without one.';
COMMENT ON COLUMN casework.conditions.evidence_expected IS 'What would show it.';
COMMENT ON COLUMN casework.conditions.resolves IS 'Findings that it resolves.';
COMMENT ON COLUMN casework.conditions.at IS 'When it was set.';
COMMENT ON COLUMN casework.conditions.entry_id IS 'The entry of the trail.';
CREATE INDEX conditions_request ON casework.conditions (request_id);
CREATE INDEX conditions_owner ON casework.conditions (owner);
SELECT audit.guard_insert_only('casework.conditions');

CREATE TABLE casework.answers_given (
	person_id  uuid NOT NULL,
	key        text NOT NULL,
	digest     bytea NOT NULL,
	status     integer NOT NULL,
	etag       text NOT NULL,
	location   text NOT NULL,
	body       bytea NOT NULL,
	given_at   timestamptz NOT NULL,
	request_id uuid,
	PRIMARY KEY (person_id, key)
);
COMMENT ON TABLE casework.answers_given IS 'Answers to POSTs that carried an Idempotency-Key, kept for 24 hours and given again byte for byte. Not part of any case.';
COMMENT ON COLUMN casework.answers_given.person_id IS 'Whose key.';
COMMENT ON COLUMN casework.answers_given.key IS 'The key.';
COMMENT ON COLUMN casework.answers_given.digest IS 'SHA-256 of method, path and body: another body under the same key is refused.';
COMMENT ON COLUMN casework.answers_given.status IS 'HTTP status.';
COMMENT ON COLUMN casework.answers_given.etag IS 'ETag header.';
COMMENT ON COLUMN casework.answers_given.location IS 'Location header.';
COMMENT ON COLUMN casework.answers_given.body IS 'The bytes.';
COMMENT ON COLUMN casework.answers_given.given_at IS 'When.';
COMMENT ON COLUMN casework.answers_given.request_id IS 'The request that must still be visible to whom it is given again; null for other answers.';

CREATE INDEX answers_given_at ON casework.answers_given (given_at);

-- What the verifier holds against the trail: every row that must have its entry, and in which words the entry must agree
-- with it. Entries have one spelling, so what they say is looked for as it stands; what people said is looked for in the
-- detail that the entry commits to.
CREATE VIEW casework.witnessed AS
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
		ARRAY[format('"action":"%s"', deed), format('"actor":"%s"', p.id), format('"to":"%s"', lower(to_state)), format('"version":%s}', version)]
		|| CASE WHEN acting_as <> '' THEN ARRAY[format('"acting":"%s"', acting_as)] ELSE '{}' END,
		array_remove(ARRAY[details ->> 'reason', details ->> 'text', details ->> 'recommendation', details ->> 'certificate', details ->> 'incident'], NULL)
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
		ARRAY[coalesce(review_date::text, ''), coalesce(expiry_date::text, '')] FROM casework.authorisations
	UNION ALL SELECT 'conditions', id::text, entry_id, request_id, NULL, '{}', ARRAY[label, text, owner, evidence_expected, coalesce(due::text, '')]
	FROM casework.conditions;
COMMENT ON VIEW casework.witnessed IS 'Every row that must have its entry, with the request or organisation it belongs to what its entry must say of it, and the words that the entry''s detail must hold.';

GRANT USAGE ON SCHEMA casework TO caldicott_app, caldicott_reader;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA casework TO caldicott_app;
REVOKE ALL ON casework.witnessed FROM caldicott_app;
-- Only what a deed may bring up to date: what identifies a row never changes.
GRANT UPDATE (name, type, revision, entry_id) ON casework.organisations TO caldicott_app;
GRANT UPDATE (name, job_title, issuer, subject, active, revision, entry_id) ON casework.people TO caldicott_app;
GRANT UPDATE (valid_to, confirmed_by, since, ended_at, revision, entry_id) ON casework.appointments TO caldicott_app;
GRANT UPDATE (accepted_at, revoked_at, revision, entry_id) ON casework.delegations TO caldicott_app;
GRANT UPDATE (name, owner, revision, entry_id) ON casework.assets TO caldicott_app;
GRANT UPDATE (reference, state, kind, urgency, title, sponsor, asset_owner, version, revision, submitted_at, decided_at, entry_id)
	ON casework.requests TO caldicott_app;
GRANT UPDATE (last) ON casework.serials TO caldicott_app;
GRANT UPDATE (digest, status, etag, location, body, given_at, request_id) ON casework.answers_given TO caldicott_app;
GRANT DELETE ON casework.answers_given TO caldicott_app;
GRANT SELECT ON casework.witnessed, casework.versions, casework.people, casework.organisations, casework.requests TO caldicott_reader;
-- So that the service can say whether it and the schema fit together (/readyz).
GRANT SELECT ON goose_db_version TO caldicott_app, caldicott_reader;
