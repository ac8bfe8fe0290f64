package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

type organisationRow struct {
	ID         string `db:"id"`
	AnswersFor string `db:"organisation_id"`
	Code       string `db:"code"`
	Name       string `db:"name"`
	Type       string `db:"type"`
	Revision   int    `db:"revision"`
}

func (r organisationRow) organisation() caldicott.OrganisationRow {
	return caldicott.OrganisationRow{
		OrganisationRecord: caldicott.OrganisationRecord{
			ID: r.ID, Code: r.Code, Name: r.Name, Type: vocabulary.OrganisationType(r.Type), Revision: r.Revision,
		},
		AnswersFor: r.AnswersFor,
	}
}

const organisationColumns = `o.id, o.organisation_id, o.code, o.name, o.type, o.revision`

// LockOrganisation waits for its turn with the organisation, then reads the end of its chain.
func (t *tx) LockOrganisation(ctx context.Context, code string) (caldicott.OrganisationRecord, error) {
	const lock = `SELECT ` + organisationColumns + ` FROM casework.organisations o WHERE o.code = $1 FOR NO KEY UPDATE`
	var r organisationRow
	if err := t.run.get(ctx, &r, lock, code); err != nil {
		return caldicott.OrganisationRecord{}, explain(err, "organisation")
	}
	const chain = `SELECT k.seq, k.head FROM audit.chains k WHERE k.stream = $1`
	var ends []struct {
		Seq  int    `db:"seq"`
		Head []byte `db:"head"`
	}
	stream := caldicott.OrganisationStream(r.ID)
	if err := t.run.all(ctx, &ends, chain, stream); err != nil {
		return caldicott.OrganisationRecord{}, explain(err, "trail")
	}
	for _, e := range ends {
		t.heads[stream] = head{seq: e.Seq, leaf: [32]byte(e.Head)}
	}
	return r.organisation().OrganisationRecord, nil
}

// OrganisationByCode reads one organisation.
func (q reads) OrganisationByCode(ctx context.Context, code string) (caldicott.OrganisationRow, error) {
	const query = `SELECT ` + organisationColumns + ` FROM casework.organisations o WHERE o.code = $1`
	var r organisationRow
	if err := q.run.get(ctx, &r, query, code); err != nil {
		return caldicott.OrganisationRow{}, explain(err, "organisation")
	}
	return r.organisation(), nil
}

// AppointmentByID reads one appointment.
func (q reads) AppointmentByID(ctx context.Context, id string) (caldicott.Appointment, error) {
	const query = `SELECT ` + appointmentColumns + `
		FROM casework.appointments a JOIN casework.organisations o ON o.id = a.organisation_id WHERE a.id = $1`
	var r appointmentRow
	if err := q.run.get(ctx, &r, query, id); err != nil {
		return caldicott.Appointment{}, explain(err, "appointment")
	}
	return r.appointment(), nil
}

// DelegationByID reads one delegation.
func (q reads) DelegationByID(ctx context.Context, id string) (caldicott.Delegation, error) {
	const query = `SELECT ` + delegationColumns + `
		FROM casework.delegations d JOIN casework.organisations o ON o.id = d.organisation_id WHERE d.id = $1`
	var r delegationRow
	if err := q.run.get(ctx, &r, query, id); err != nil {
		return caldicott.Delegation{}, explain(err, "delegation")
	}
	return r.delegation(), nil
}

type assetRow struct {
	ID             string `db:"id"`
	OrganisationID string `db:"organisation_id"`
	OrgCode        string `db:"org_code"`
	Name           string `db:"name"`
	Owner          string `db:"owner"`
	Revision       int    `db:"revision"`
}

func (r assetRow) asset() caldicott.Asset { return caldicott.Asset(r) }

const assetColumns = `a.id, a.organisation_id, o.code AS org_code, a.name, a.owner, a.revision`

// AssetByID reads one asset.
func (q reads) AssetByID(ctx context.Context, id string) (caldicott.Asset, error) {
	const query = `SELECT ` + assetColumns + `
		FROM casework.assets a JOIN casework.organisations o ON o.id = a.organisation_id WHERE a.id = $1`
	var r assetRow
	if err := q.run.get(ctx, &r, query, id); err != nil {
		return caldicott.Asset{}, explain(err, "asset")
	}
	return r.asset(), nil
}

// AnyAppointment says whether anybody was ever appointed: bootstrap begins only an empty house.
func (q reads) AnyAppointment(ctx context.Context) (bool, error) {
	const query = `SELECT EXISTS (SELECT FROM casework.appointments)`
	var any bool
	err := q.run.get(ctx, &any, query)
	return any, explain(err, "appointment")
}

// AnyAppointment inside a transaction also keeps a second bootstrap waiting until the first has ended.
func (t *tx) AnyAppointment(ctx context.Context) (bool, error) {
	var locked string
	if err := t.run.get(ctx, &locked, `SELECT CAST(pg_advisory_xact_lock(20261121) AS text)`); err != nil {
		return false, explain(err, "bootstrap")
	}
	return t.reads.AnyAppointment(ctx)
}

// SaveDirectory appends the event to the organisation's chain and writes the rows under it, one statement a table.
func (t *tx) SaveDirectory(ctx context.Context, e caldicott.Event, rows caldicott.DirectoryRows) error {
	entry, err := t.record(ctx, e)
	if err != nil {
		return err
	}
	if err := t.run.write(ctx, writeOffice, map[string]any{
		"id": uuid.Must(uuid.NewV7()).String(), "organisation_id": e.Organisation, "deed": string(e.Action), "actor": orNull(e.Actor), "at": e.At,
		"entry_id": entry,
	}); err != nil {
		return explain(err, "directory")
	}
	for _, some := range []struct {
		query string
		rows  []map[string]any
		kind  string // of what is kept of it for later; "" where the table itself is enough
	}{
		{writeOrganisations, each(rows.Organisations, organisationColumnsOf), ""},
		{writePeople, each(rows.People, personColumnsOf), people},
		{writeAppointments, each(rows.Appointments, appointmentColumnsOf), appointments},
		{writeDelegations, each(rows.Delegations, delegationColumnsOf), delegations},
		{writeAssets, each(rows.Assets, assetColumnsOf), ""},
		{writeLedger, each(rows.Ledger, ledgerColumnsOf), ""},
	} {
		if len(some.rows) == 0 {
			continue
		}
		list, err := json.Marshal(some.rows)
		if err != nil {
			return fmt.Errorf("rows of the directory: %w", err)
		}
		written := map[string]any{"rows": string(list), "entry_id": entry, "kind": some.kind, "at": e.At}
		if err := t.run.write(ctx, some.query, written); err != nil {
			return explain(err, "directory")
		}
		if some.kind == "" {
			continue
		}
		if err := t.run.write(ctx, writeVersions, written); err != nil {
			return explain(err, "directory")
		}
	}
	return nil
}

func each[T any](list []T, columns func(T) map[string]any) []map[string]any {
	var out []map[string]any
	for _, x := range list {
		out = append(out, columns(x))
	}
	return out
}

func organisationColumnsOf(o caldicott.OrganisationRow) map[string]any {
	return map[string]any{
		"id": o.ID, "organisation_id": o.AnswersFor, "code": o.Code, "name": o.Name, "type": string(o.Type), "revision": o.Revision,
	}
}

func personColumnsOf(p caldicott.Person) map[string]any {
	return map[string]any{
		"id": p.ID, "organisation_id": p.OrganisationID, "user_id": p.UserID, "name": p.Name, "job_title": p.JobTitle,
		"issuer": orNull(p.Issuer), "subject": orNull(p.Subject), "manager": orNull(p.Manager), "email": orNull(p.Email),
		"mail": cmp.Or(string(p.Mail), string(vocabulary.MailPreferenceAtOnce)), "active": p.Active, "revision": p.Revision,
	}
}

func appointmentColumnsOf(a caldicott.Appointment) map[string]any {
	return map[string]any{
		"id": a.ID, "organisation_id": a.OrganisationID, "person": a.UserID, "role": string(a.Role),
		"valid_from": a.ValidFrom, "valid_to": orNull(a.ValidTo), "posts": strs(a.Posts), "board_reference": a.BoardReference,
		"appointed_by": orNull(a.AppointedBy), "confirmed_by": orNull(a.ConfirmedBy), "since": orNoInstant(a.Since), "ended_at": orNoInstant(a.Ended),
		"revision": a.Revision,
	}
}

func delegationColumnsOf(d caldicott.Delegation) map[string]any {
	return map[string]any{
		"id": d.ID, "organisation_id": d.OrganisationID, "guardian": d.From, "deputy": d.To, "reason": string(d.Reason),
		"note": d.Note, "valid_from": d.ValidFrom, "valid_to": d.ValidTo, "scope": d.Scope, "given_at": d.Given,
		"accepted_at": orNoInstant(d.Accepted), "revoked_at": orNoInstant(d.Revoked), "revision": d.Revision,
	}
}

func assetColumnsOf(a caldicott.Asset) map[string]any {
	return map[string]any{
		"id": a.ID, "organisation_id": a.OrganisationID, "name": a.Name, "owner": a.Owner, "revision": a.Revision,
	}
}

func ledgerColumnsOf(l caldicott.LedgerRow) map[string]any {
	return map[string]any{
		"id": l.ID, "organisation_id": l.OrganisationID, "kind": string(l.Kind), "subject": l.Subject, "person": orNull(l.By),
		"body": json.RawMessage(l.Body), "at": l.At,
	}
}

// Each row of the directory is inserted with revision 1 and afterwards brought up to date by id; what identifies it never
// changes. A second row of the same name is a conflict, not an update.
const (
	writeOffice = `
		INSERT INTO casework.offices (id, organisation_id, deed, actor, at, entry_id)
		VALUES (:id, :organisation_id, :deed, :actor, :at, :entry_id)`
	writeOrganisations = `
		INSERT INTO casework.organisations (id, organisation_id, code, name, type, revision, entry_id)
		SELECT x.id, x.organisation_id, x.code, x.name, x.type, x.revision, :entry_id
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (id uuid, organisation_id uuid, code text, name text, type text, revision integer)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, revision = excluded.revision, entry_id = excluded.entry_id`
	writePeople = `
		INSERT INTO casework.people (id, organisation_id, user_id, name, job_title, issuer, subject, manager, email, mail, active, revision, entry_id)
		SELECT x.id, x.organisation_id, x.user_id, x.name, x.job_title, x.issuer, x.subject, x.manager, x.email, x.mail, x.active, x.revision, :entry_id
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (id uuid, organisation_id uuid, user_id text, name text, job_title text,
			issuer text, subject text, manager text, email text, mail text, active boolean, revision integer)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, job_title = excluded.job_title, issuer = excluded.issuer,
			subject = excluded.subject, manager = excluded.manager, email = excluded.email, mail = excluded.mail, active = excluded.active, revision = excluded.revision, entry_id = excluded.entry_id`
	writeAppointments = `
		INSERT INTO casework.appointments (id, organisation_id, person, role, valid_from, valid_to, posts, board_reference,
			appointed_by, confirmed_by, since, ended_at, revision, entry_id)
		SELECT x.id, x.organisation_id, x.person, x.role, x.valid_from, x.valid_to, x.posts, x.board_reference,
			x.appointed_by, x.confirmed_by, x.since, x.ended_at, x.revision, :entry_id
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (id uuid, organisation_id uuid, person text, role text, valid_from date,
			valid_to date, posts text[], board_reference text, appointed_by text, confirmed_by text, since timestamptz, ended_at timestamptz, revision integer)
		ON CONFLICT (id) DO UPDATE SET valid_to = excluded.valid_to, confirmed_by = excluded.confirmed_by, since = excluded.since,
			ended_at = excluded.ended_at, revision = excluded.revision, entry_id = excluded.entry_id`
	writeDelegations = `
		INSERT INTO casework.delegations (id, organisation_id, guardian, deputy, reason, note, valid_from, valid_to, scope,
			given_at, accepted_at, revoked_at, revision, entry_id)
		SELECT x.id, x.organisation_id, x.guardian, x.deputy, x.reason, x.note, x.valid_from, x.valid_to, x.scope,
			x.given_at, x.accepted_at, x.revoked_at, x.revision, :entry_id
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (id uuid, organisation_id uuid, guardian text, deputy text, reason text,
			note text, valid_from date, valid_to date, scope jsonb, given_at timestamptz, accepted_at timestamptz,
			revoked_at timestamptz, revision integer)
		ON CONFLICT (id) DO UPDATE SET accepted_at = excluded.accepted_at, revoked_at = excluded.revoked_at,
			revision = excluded.revision, entry_id = excluded.entry_id`
	writeLedger = `
		INSERT INTO casework.ledger (id, organisation_id, kind, subject, person, body, at, entry_id)
		SELECT x.id, x.organisation_id, x.kind, x.subject, x.person, x.body, x.at, :entry_id
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (id uuid, organisation_id uuid, kind text, subject text, person text,
			body jsonb, at timestamptz)`
	writeAssets = `
		INSERT INTO casework.assets (id, organisation_id, name, owner, revision, entry_id)
		SELECT x.id, x.organisation_id, x.name, x.owner, x.revision, :entry_id
		FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (id uuid, organisation_id uuid, name text, owner text, revision integer)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, owner = excluded.owner, revision = excluded.revision, entry_id = excluded.entry_id`
)
