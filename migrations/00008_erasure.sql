-- Erasure of personal text, legal hold, and disposal when the time of keeping is over: the words go, the proof stays. docs/decisions/0025-erasure.md says why it is as it
-- is. Errors, besides those of the trail and the log:
--   CG008  this erasure is not what two people agreed on, or there is nothing to erase
--   CG009  a legal hold is in force

-- +goose Up

ALTER TABLE casework.ledger DROP CONSTRAINT ledger_kind_check;
ALTER TABLE casework.ledger ADD CONSTRAINT ledger_kind_check CHECK (kind IN ('assurance', 'shift', 'shift_end', 'sample', 'judgement',
	'standing_rule', 'erasure', 'erasure_end', 'erased', 'hold', 'hold_end',
	'disposal', 'disposal_end', 'disposed'));
CREATE INDEX ledger_entry ON casework.ledger (entry_id) WHERE kind = 'erased';
COMMENT ON TABLE casework.ledger IS 'What an organisation has put on record besides its directory: standing of others under the Toolkit, the rota, samples and what the guardian said of them, erasures and legal holds.';

-- An entry that was disposed of keeps its place, its hash and its codes; its bytes and the person are gone.
CREATE TABLE audit.disposals (
	entry_id          bigint PRIMARY KEY,
	certificate_entry bigint NOT NULL REFERENCES audit.entries (id),
	disposed_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE audit.disposals IS 'Entries whose bytes were disposed of when their time of keeping was over.';
COMMENT ON COLUMN audit.disposals.entry_id IS 'The entry.';
COMMENT ON COLUMN audit.disposals.certificate_entry IS 'The entry that certifies the disposal: action disposed.';
COMMENT ON COLUMN audit.disposals.disposed_at IS 'The database''s own clock.';
SELECT audit.keep('audit.disposals', 'UPDATE OR DELETE');
GRANT SELECT ON audit.disposals TO caldicott_reader;
ALTER TABLE audit.entries ALTER COLUMN canon DROP NOT NULL;
COMMENT ON COLUMN audit.entries.canon IS 'The entry itself: canonical JSON (RFC 8785) of codes and identifiers, no free text and no names. Null once it was disposed of (audit.disposals).';
COMMENT ON COLUMN audit.entries.actor_id IS 'canon.actor: the person who acted; null for the service itself, for strangers, and once the entry was disposed of.';

-- Erasing finds rows by the entry that brought them.
CREATE INDEX deeds_entry ON casework.deeds (entry_id);
CREATE INDEX versions_entry ON casework.versions (entry_id);
CREATE INDEX decisions_entry ON casework.decisions (entry_id);
CREATE INDEX conditions_entry ON casework.conditions (entry_id);
CREATE INDEX disclosures_entry ON casework.disclosures (entry_id);
CREATE INDEX advice_entry ON casework.advice (entry_id);
CREATE INDEX waivers_entry ON casework.waivers (entry_id);
CREATE INDEX declarations_entry ON casework.declarations (entry_id);
CREATE INDEX comments_entry ON casework.comments (entry_id);
CREATE INDEX ledger_brought ON casework.ledger (entry_id);

-- A version whose words were erased keeps the digest of what it was.
ALTER TABLE casework.versions ADD COLUMN erased_entry bigint;
COMMENT ON COLUMN casework.versions.erased_entry IS 'The entry that records the erasure of its words; null while content is what digest says.';
COMMENT ON COLUMN casework.versions.digest IS 'SHA-256 of content as it was brought; the entry carries it too.';
ALTER TABLE casework.versions DROP CONSTRAINT versions_check;
ALTER TABLE casework.versions ADD CONSTRAINT versions_digest_check CHECK (erased_entry IS NOT NULL OR digest = sha256(convert_to(content, 'UTF8')));
CREATE TRIGGER bring_whole BEFORE INSERT ON casework.versions FOR EACH ROW WHEN (NEW.erased_entry IS NOT NULL) EXECUTE FUNCTION audit.refuse();
ALTER TABLE casework.versions ENABLE ALWAYS TRIGGER bring_whole; -- nothing comes erased, or its digest would be held against nothing

-- held says whether a legal hold of the organisation is in force: over everything, or over this request.
-- +goose StatementBegin
CREATE FUNCTION audit.held(organisation uuid, request uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT EXISTS (
		SELECT FROM casework.ledger h
		WHERE h.organisation_id = organisation AND h.kind = 'hold' AND h.subject IN ('', request::text)
			AND NOT EXISTS (SELECT FROM casework.ledger r
				WHERE r.organisation_id = organisation AND r.kind = 'hold_end' AND r.subject = h.id::text));
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.held(uuid, uuid) IS 'Whether a legal hold is in force over the request (null: over what belongs to no request).';

-- blank puts a mark in the place of every text of a document. What is known to be a code, an identifier, a date or a hash
-- stays; everything else goes, so that a member nobody thought of is erased rather than kept. A test holds the list
-- against the types that write these documents.
-- +goose StatementBegin
CREATE FUNCTION audit.blank(doc jsonb, place text DEFAULT '') RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	codes CONSTANT text[] := ARRAY[
		-- versions
		'kind', 'purpose_category', 'urgency', 'requester.user_id', 'requester.org_code', 'external_requester.org_code',
		'external_requester.verified_by', 'sponsor_user_id', 'iao_user_id', 'investigator_user_ids', 'data_subjects.sensitive_flags',
		'data_items.category', 'data_period.from', 'data_period.to', 'identifiability', 'legal.art6', 'legal.art9', 'legal.dpa_sch1',
		'legal.dpa_exemption', 'legal.cldc_basis', 'legal.statutory_power', 'legal.s251.regulation', 'legal.s251.application',
		'legal.s251.decision_maker', 'legal.s251.status', 'legal.s251.granted', 'legal.s251.annual_review_due',
		'national_data_opt_out.status', 'recipients.org_code', 'recipients.type', 'recipients.dspt_status', 'recipients.country',
		'recipients.user_ids', 'transfer.method', 'transfer.frequency', 'transfer.international_mechanism', 'linked_documents.type',
		'linked_documents.status', 'conflicts.person', 'conflicts.type', 'conflicts.detection', 'conflicts.action', 'attachments.id',
		'attachments.sha256', 'disclosed_at', 'approved_by',
		-- deeds
		'questions.field', 'missing', 'role', 'ground', 'report.aware_at', 'report.reported_at', 'report.authorisation',
		'risk.register', 'risk.authorisation', 'support.status', 'support.annual_review_due', 'document.media_type',
		'document.sha256', 'document.type', 'evidence', 'scan', 'moment', 'wire', 'cause', 'limit', 'due', 'dated', 'rechecked',
		'destruction.on', 'not_identifiers.Field', 'findings.Rule', 'findings.Severity', 'findings.Field', 'flags',
		-- decisions
		'Rule', 'Severity', 'Field',
		-- the ledger
		'status', 'valid_to', 'from', 'to', 'seed', 'digest', 'drawn.decision', 'drawn.request', 'drawn.reference', 'drawn.kind',
		'drawn.outcome', 'drawn.decided_by', 'sample', 'request', 'proposal', 'outcome', 'before', 'authority'];
BEGIN
	CASE jsonb_typeof(doc)
	WHEN 'object' THEN
		RETURN (SELECT COALESCE(jsonb_object_agg(key, audit.blank(value, ltrim(place || '.' || key, '.'))), '{}') FROM jsonb_each(doc));
	WHEN 'array' THEN
		RETURN (SELECT COALESCE(jsonb_agg(audit.blank(value, place) ORDER BY n), '[]') FROM jsonb_array_elements(doc) WITH ORDINALITY x (value, n));
	WHEN 'string' THEN
		RETURN CASE WHEN doc = '""' OR place = ANY (codes) OR place LIKE '%.assessment' THEN doc ELSE '"[erased]"' END;
	ELSE
		RETURN doc;
	END CASE;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.blank(jsonb, text) IS 'The document with [erased] for every text; codes, identifiers, dates and hashes stay.';

-- blank_person takes from a former record of a person what it says of them; ids and codes stay, so that it can still be read.
-- +goose StatementBegin
CREATE FUNCTION audit.blank_person(doc jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT jsonb_object_agg(key, CASE WHEN key IN ('name', 'job_title', 'email', 'subject') AND jsonb_typeof(value) = 'string' AND value <> '""'
		THEN '"[erased]"' ELSE value END)
	FROM jsonb_each(doc);
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.blank_person(jsonb) IS 'A person''s record with [erased] for name, job title, e-mail address and the subject of their sign-in.';

-- erasure_of asks as the log's owner: who brings a row up to date may not read the trail.
-- +goose StatementBegin
CREATE FUNCTION audit.erasure_of(entry bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT max(e.id) FROM audit.entries e
	WHERE e.xid = pg_current_xact_id() AND e.recorded_at >= transaction_timestamp() AND e.outcome = 'done' AND e.seq IS NOT NULL
		AND (e.action = 'erased' AND audit.read_canon(e.canon) -> 'facts' ->> 'entry' = entry::text
			OR e.action = 'disposed' AND EXISTS (SELECT FROM audit.disposals d WHERE d.entry_id = entry AND d.certificate_entry = e.id));
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.erasure_of(bigint) IS 'The entry of this very transaction that records the erasure of the entry''s words, or its disposal; null without one.';

-- erase_row is all that an UPDATE can do to what never changes: whatever it sets is thrown away, and the columns named are
-- blanked, if this transaction has recorded that the words of the row's entry are erased.
-- +goose StatementBegin
CREATE FUNCTION audit.erase_row() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	erasure CONSTANT bigint := audit.erasure_of(OLD.entry_id);
	was     CONSTANT jsonb := to_jsonb(OLD);
	marks   jsonb := '{}';
	named   text;
BEGIN
	IF erasure IS NULL THEN
		RAISE EXCEPTION '%.% keeps everything: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'CG004';
	END IF;
	FOREACH named IN ARRAY TG_ARGV LOOP
		marks := marks || jsonb_build_object(named, CASE named
			WHEN 'content' THEN to_jsonb(audit.blank((was ->> named)::jsonb)::text)
			WHEN 'erased_entry' THEN to_jsonb(erasure)
			-- A label is C1 and the like; what else somebody called a condition goes, and it stays unique.
			WHEN 'label' THEN CASE WHEN was ->> named ~ '^[A-Z]?[0-9]{1,3}$' THEN was -> named ELSE to_jsonb(right(was ->> 'id', 12)) END
			WHEN 'salt' THEN 'null'
			WHEN 'body' THEN CASE TG_TABLE_NAME WHEN 'details' THEN 'null' WHEN 'directory_versions' THEN audit.blank_person(was -> named)
				ELSE audit.blank(was -> named) END
			WHEN 'erased_at' THEN to_jsonb(clock_timestamp())
			WHEN 'erasure_entry' THEN to_jsonb(erasure)
			ELSE audit.blank(was -> named) END);
	END LOOP;
	RETURN jsonb_populate_record(OLD, marks);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.erase_row() IS 'Trigger (columns): an UPDATE erases the words of the row, or is refused.';

-- +goose StatementBegin
CREATE FUNCTION audit.erase_title() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF audit.erasure_of((SELECT v.entry_id FROM casework.versions v WHERE v.request_id = OLD.id AND v.n = OLD.version)) IS NULL THEN
		RAISE EXCEPTION 'casework.requests: UPDATE without its entry in the trail' USING ERRCODE = 'CG005';
	END IF;
	NEW := OLD;
	NEW.title := '[erased]';
	RETURN NEW;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.erase_title() IS 'Trigger: an UPDATE of a request that brings no new entry erases the title of its version, or is refused.';

-- +goose StatementBegin
CREATE FUNCTION audit.keep_but_erase(guarded regclass, VARIADIC columns text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('DROP TRIGGER keep_rows ON %s', guarded);
	EXECUTE format('CREATE TRIGGER keep_rows BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.refuse()', guarded);
	EXECUTE format('CREATE TRIGGER erase_words BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION audit.erase_row(%s)', guarded,
		(SELECT string_agg(quote_literal(x), ', ') FROM unnest(columns) x));
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER keep_rows, ENABLE ALWAYS TRIGGER erase_words', guarded);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.keep_but_erase(regclass, text[]) IS 'On a table that never changes: lets an erasure, and nothing else, blank these columns.';

SELECT audit.keep_but_erase('audit.details', 'salt', 'body', 'erased_at', 'erasure_entry');
SELECT audit.keep_but_erase('casework.versions', 'content', 'confirmed', 'erased_entry');
SELECT audit.keep_but_erase('casework.deeds', 'details');
SELECT audit.keep_but_erase('casework.advice', 'text');
SELECT audit.keep_but_erase('casework.waivers', 'reason');
SELECT audit.keep_but_erase('casework.declarations', 'note');
SELECT audit.keep_but_erase('casework.comments', 'text');
SELECT audit.keep_but_erase('casework.decisions', 'rationale', 'principles', 'harm_statement', 'alternative_offered', 'standing_rule', 'findings');
SELECT audit.keep_but_erase('casework.disclosures', 'note');
SELECT audit.keep_but_erase('casework.conditions', 'label', 'text', 'evidence_expected');
SELECT audit.keep_but_erase('casework.ledger', 'body');
SELECT audit.keep_but_erase('casework.directory_versions', 'body');

-- The title of a request repeats its version's. A row that names a new entry is held to it as before.
DROP TRIGGER witness ON casework.requests;
CREATE CONSTRAINT TRIGGER witness AFTER INSERT ON casework.requests DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION audit.require_entry('request', 'id');
CREATE CONSTRAINT TRIGGER witness_change AFTER UPDATE ON casework.requests DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (OLD.entry_id <> NEW.entry_id OR OLD.id <> NEW.id) EXECUTE FUNCTION audit.require_entry('request', 'id');
CREATE TRIGGER erase_title BEFORE UPDATE ON casework.requests
	FOR EACH ROW WHEN (OLD.entry_id = NEW.entry_id) EXECUTE FUNCTION audit.erase_title();
ALTER TABLE casework.requests ENABLE ALWAYS TRIGGER witness, ENABLE ALWAYS TRIGGER witness_change, ENABLE ALWAYS TRIGGER erase_title;

-- words_of tells what can be erased, and nothing of what it says. The directory's own words stand in rows that are brought
-- up to date, and go by being amended; then the entry that brought them has words to erase, and with them goes what the
-- directory said before.
-- +goose StatementBegin
CREATE FUNCTION audit.words_of(entries bigint[]) RETURNS TABLE (entry bigint, request uuid, organisation uuid, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT e.id, e.request_id, COALESCE(r.organisation_id, e.organisation_id),
		CASE WHEN d.erased_at IS NOT NULL OR v.erased_entry IS NOT NULL THEN 'erased'
			WHEN d.entry_id IS NULL AND v.entry_id IS NULL THEN 'none'
			WHEN e.action IN ('bootstrapped', 'appoint', 'delegate')
				OR EXISTS (SELECT FROM casework.people p WHERE p.entry_id = e.id)
				OR EXISTS (SELECT FROM casework.organisations o WHERE o.entry_id = e.id)
				OR EXISTS (SELECT FROM casework.assets a WHERE a.entry_id = e.id) THEN 'directory'
			ELSE 'words' END
	FROM audit.entries e
	LEFT JOIN audit.details d ON d.entry_id = e.id
	LEFT JOIN casework.versions v ON v.entry_id = e.id
	LEFT JOIN casework.requests r ON r.id = e.request_id
	WHERE e.id = ANY (entries);
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.words_of(bigint[]) IS 'Of each entry that is there, to whom it belongs and whether its words are there (words), were erased, are the directory''s, or there are none.';

-- +goose StatementBegin
CREATE FUNCTION audit.blank_rows(subject bigint, request uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE casework.versions SET erased_entry = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.requests r SET title = NULL WHERE r.id = blank_rows.request AND r.title <> '[erased]'
		AND EXISTS (SELECT FROM casework.versions v WHERE v.request_id = r.id AND v.n = r.version AND v.entry_id = blank_rows.subject);
	UPDATE casework.deeds SET details = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.advice SET text = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.waivers SET reason = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.declarations SET note = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.comments SET text = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.decisions SET rationale = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.disclosures SET note = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.conditions SET text = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.ledger SET body = NULL WHERE entry_id = blank_rows.subject;
	UPDATE casework.directory_versions v SET body = NULL WHERE v.entry_id = blank_rows.subject AND v.kind = 'people'
		AND EXISTS (SELECT FROM casework.directory_versions n WHERE n.kind = v.kind AND n.row_id = v.row_id AND n.revision > v.revision);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.blank_rows(bigint, uuid) IS 'Blanks the rows of the case tables that an entry brought; their triggers see that it may be done.';

-- +goose StatementBegin
CREATE FUNCTION audit.forget_answers(organisation uuid, request uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	-- Answers kept for whoever asks again hold the words too.
	DELETE FROM casework.answers_given g
	WHERE g.request_id = request
		OR g.request_id IS NULL AND g.person_id IN (SELECT p.id FROM casework.people p WHERE p.organisation_id = organisation);
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.forget_answers(uuid, uuid) IS 'Answers that were kept for whoever asks again hold words of the case, or of the organisation''s records: they go.';

-- erase is the one way to blank a row. It believes nothing of its caller: the entry of the erasure, the proposal, the second
-- person and the absence of a hold are looked up.
-- +goose StatementBegin
CREATE FUNCTION audit.erase(subject bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	erasure CONSTANT bigint := audit.erasure_of(erase.subject);
	about   record;
	agreed  casework.ledger;
BEGIN
	SELECT * INTO about FROM audit.words_of(ARRAY[erase.subject]);
	PERFORM FROM casework.requests r WHERE r.id = about.request FOR UPDATE; -- a deed under way may be about to keep the words in its answer
	SELECT l.* INTO agreed FROM casework.ledger l
	JOIN casework.ledger p ON p.id = (l.body ->> 'proposal')::uuid AND p.kind = 'erasure' AND p.organisation_id = l.organisation_id
		AND p.body -> 'entries' @> to_jsonb(erase.subject) AND p.person <> l.person
	WHERE l.entry_id = erasure AND l.kind = 'erased' AND l.subject = erase.subject::text
		AND NOT EXISTS (SELECT FROM casework.ledger x WHERE x.kind = 'erasure_end' AND x.organisation_id = l.organisation_id
			AND x.subject = p.id::text AND x.body ->> 'outcome' <> 'CONFIRMED');
	IF agreed.id IS NULL OR about.organisation IS DISTINCT FROM agreed.organisation_id OR about.state <> 'words' THEN
		RAISE EXCEPTION 'no two people have agreed to erase the words of entry %, or it has none', erase.subject USING ERRCODE = 'CG008';
	END IF;
	IF audit.held(about.organisation, about.request) THEN
		RAISE EXCEPTION 'a legal hold is in force over entry %', erase.subject USING ERRCODE = 'CG009';
	END IF;
	UPDATE audit.details SET erased_at = NULL WHERE entry_id = erase.subject AND erased_at IS NULL;
	PERFORM audit.blank_rows(erase.subject, about.request);
	PERFORM audit.forget_answers(about.organisation, about.request);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.erase(bigint) IS 'Erases the words of an entry wherever they stand, if this transaction records that a second person confirmed it; CG008 otherwise, CG009 under a legal hold.';

-- dispose_row lets the bytes of an entry and its detail go, and nothing else, once this transaction has certified it.
-- +goose StatementBegin
CREATE FUNCTION audit.dispose_row() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF TG_TABLE_NAME = 'entries' AND TG_OP = 'UPDATE' THEN
		IF EXISTS (SELECT FROM audit.disposals d WHERE d.entry_id = OLD.id AND d.certificate_entry = audit.erasure_of(OLD.id)) THEN
			NEW := OLD;
			NEW.canon := NULL;
			NEW.actor_id := NULL;
			RETURN NEW;
		END IF;
	ELSIF TG_TABLE_NAME = 'details' AND TG_OP = 'DELETE' THEN
		IF EXISTS (SELECT FROM audit.disposals d WHERE d.entry_id = OLD.entry_id AND d.certificate_entry = audit.erasure_of(OLD.entry_id)) THEN
			RETURN OLD;
		END IF;
	END IF;
	RAISE EXCEPTION '%.% keeps everything: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'CG004';
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.dispose_row() IS 'Trigger: refuses whatever is not a disposal that this transaction has certified.';
DROP TRIGGER keep_rows ON audit.entries;
CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON audit.entries FOR EACH ROW EXECUTE FUNCTION audit.dispose_row();
DROP TRIGGER keep_rows ON audit.details;
CREATE TRIGGER keep_rows BEFORE DELETE ON audit.details FOR EACH ROW EXECUTE FUNCTION audit.dispose_row();
ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER keep_rows;
ALTER TABLE audit.details ENABLE ALWAYS TRIGGER keep_rows;

-- disposable are the entries of the requests of a kind that are over, whose last deed is older than the limit, and that no hold
-- and no document keeps. Only what is sealed: the log holds its hash already.
-- +goose StatementBegin
CREATE FUNCTION audit.disposable(organisation uuid, kind text, before timestamptz) RETURNS TABLE (entry bigint, request uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT e.id, r.id
	FROM casework.requests r JOIN audit.entries e ON e.request_id = r.id AND (e.seq IS NULL OR e.stream = 'request:' || r.id::text)
	JOIN audit.leaves l ON l.entry_id = e.id
	WHERE r.organisation_id = disposable.organisation AND r.kind = disposable.kind AND r.state IN ('CLOSED', 'WITHDRAWN')
		AND e.canon IS NOT NULL AND e.recorded_at < before AND e.occurred_at < before
		AND NOT audit.held(r.organisation_id, r.id)
		AND NOT EXISTS (SELECT FROM audit.entries x LEFT JOIN audit.leaves y ON y.entry_id = x.id
			WHERE x.stream = 'request:' || r.id::text AND (x.recorded_at >= before OR x.occurred_at >= before OR y.entry_id IS NULL))
		AND NOT EXISTS (SELECT FROM casework.deeds a WHERE a.request_id = r.id AND a.deed = 'attach'
			AND NOT EXISTS (SELECT FROM casework.deeds x WHERE x.request_id = r.id AND x.deed = 'erase_document' AND x.subject = a.id::text));
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.disposable(uuid, text, timestamptz) IS 'The sealed entries of closed requests of the kind that nothing has been done to since, and that neither a hold nor a document keeps.';

-- dispose works the list out anew and disposes of it only if it is, to the last entry, what two people agreed on.
-- +goose StatementBegin
CREATE FUNCTION audit.dispose(proposal uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	agreed record;
	list   bigint[];
	due    record;
BEGIN
	SELECT p.organisation_id, p.body, c.id AS certificate, audit.read_canon(c.canon) -> 'facts' AS facts INTO agreed
	FROM casework.ledger p
	JOIN casework.ledger l ON l.kind = 'disposed' AND l.organisation_id = p.organisation_id AND l.subject = p.id::text AND l.person <> p.person
	JOIN audit.entries c ON c.id = l.entry_id AND c.xid = pg_current_xact_id() AND c.recorded_at >= transaction_timestamp()
		AND c.action = 'disposed' AND c.outcome = 'done' AND c.seq IS NOT NULL
	WHERE p.id = dispose.proposal AND p.kind = 'disposal'
		AND NOT EXISTS (SELECT FROM casework.ledger x WHERE x.kind = 'disposal_end' AND x.organisation_id = p.organisation_id
			AND x.subject = p.id::text AND x.body ->> 'outcome' <> 'CONFIRMED');
	-- A deed under way is waited for: then it keeps its request, as the list that is worked out after it says.
	PERFORM FROM casework.requests r
	WHERE r.id IN (SELECT d.request FROM audit.disposable(agreed.organisation_id, agreed.body ->> 'kind', (agreed.body ->> 'before')::timestamptz) d)
	ORDER BY r.id FOR UPDATE;
	SELECT array_agg(d.entry ORDER BY d.entry) INTO list
	FROM audit.disposable(agreed.organisation_id, agreed.body ->> 'kind', (agreed.body ->> 'before')::timestamptz) d;
	IF list IS NULL OR agreed.facts ->> 'digest' IS DISTINCT FROM agreed.body ->> 'digest'
		OR encode(sha256(convert_to(array_to_string(list, E'\n') || E'\n', 'UTF8')), 'hex') IS DISTINCT FROM agreed.facts ->> 'digest'
	THEN
		RAISE EXCEPTION 'no two people have agreed to dispose of what falls under proposal % now', dispose.proposal USING ERRCODE = 'CG008';
	END IF;
	INSERT INTO audit.disposals (entry_id, certificate_entry) SELECT x, agreed.certificate FROM unnest(list) x;
	FOR due IN SELECT e.id, e.request_id, e.organisation_id FROM audit.entries e WHERE e.id = ANY (list) ORDER BY e.id LOOP
		PERFORM audit.blank_rows(due.id, due.request_id);
		DELETE FROM casework.answers_given g WHERE g.request_id = due.request_id;
	END LOOP;
	DELETE FROM audit.details WHERE entry_id = ANY (list);
	UPDATE audit.entries SET canon = NULL WHERE id = ANY (list);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.dispose(uuid) IS 'Disposes of what a proposal names, if this transaction holds its certificate by a second person and nothing has changed; CG008 otherwise.';

REVOKE ALL ON FUNCTION audit.held(uuid, uuid), audit.blank(jsonb, text), audit.blank_person(jsonb), audit.erasure_of(bigint), audit.erase_row(), audit.erase_title(),
	audit.keep_but_erase(regclass, text[]), audit.words_of(bigint[]), audit.erase(bigint),
	audit.blank_rows(bigint, uuid), audit.forget_answers(uuid, uuid), audit.dispose_row(), audit.disposable(uuid, text, timestamptz), audit.dispose(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.held(uuid, uuid), audit.words_of(bigint[]), audit.erasure_of(bigint), audit.erase(bigint),
	audit.disposable(uuid, text, timestamptz), audit.dispose(uuid) TO caldicott_app;
