package notarydb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/notary"
)

// Catalogue is how the schemas audit and casework are defined. Any login may read it.
type Catalogue struct{ DB *sqlx.DB }

var _ notary.Catalogue = Catalogue{}

// definition names things and never their numbers, which a restore changes. Rights are one line each, as their order in
// the catalogue is that of their giving. Of the settings those stand here that let a crash or a standby lose what was
// committed, or switch triggers off.
const definition = `
	WITH spaces AS (SELECT oid, nspname, nspacl, nspowner FROM pg_namespace WHERE nspname IN ('audit', 'casework', 'controls')),
	tables AS (SELECT c.* FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace)
	SELECT concat_ws(' ', 'schema', nspname, pg_get_userbyid(nspowner)) FROM spaces
	UNION ALL SELECT concat_ws(' ', 'right', nspname, a) FROM spaces, unnest(nspacl) a
	UNION ALL SELECT concat_ws(' ', 'relation', oid::regclass, relkind, pg_get_userbyid(relowner), relpersistence, relrowsecurity, relforcerowsecurity, relreplident, reloptions) FROM tables
	UNION ALL SELECT concat_ws(' ', 'right', oid::regclass, a) FROM tables, unnest(relacl) a
	UNION ALL SELECT concat_ws(' ', 'column', t.oid::regclass, quote_ident(attname), format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
			attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid))
		FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND attnum > 0 AND NOT attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum WHERE t.relkind IN ('r', 'p', 'v', 'm')
	UNION ALL SELECT concat_ws(' ', 'right', t.oid::regclass, quote_ident(attname), x)
		FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND attnum > 0 AND NOT attisdropped, unnest(attacl) x
	UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, quote_ident(conname), convalidated, pg_get_constraintdef(c.oid)) FROM pg_constraint c JOIN spaces s ON s.oid = c.connamespace
	UNION ALL SELECT concat_ws(' ', 'index', i.indexrelid::regclass, i.indisvalid, pg_get_indexdef(i.indexrelid)) FROM pg_index i JOIN tables t ON t.oid = i.indrelid
	UNION ALL SELECT concat_ws(' ', 'trigger', t.oid::regclass, tgenabled, pg_get_triggerdef(g.oid)) FROM pg_trigger g JOIN tables t ON t.oid = g.tgrelid WHERE NOT tgisinternal
	UNION ALL SELECT concat_ws(' ', 'check', t.oid::regclass, tgfoid::regproc, tgtype, tgenabled, n)
		FROM (SELECT tgrelid, tgfoid, tgtype, tgenabled, count(*) AS n FROM pg_trigger WHERE tgisinternal GROUP BY 1, 2, 3, 4) g JOIN tables t ON t.oid = g.tgrelid
	UNION ALL SELECT concat_ws(' ', 'rule', t.oid::regclass, ev_enabled, pg_get_ruledef(r.oid)) FROM pg_rewrite r JOIN tables t ON t.oid = r.ev_class
	UNION ALL SELECT concat_ws(' ', 'policy', t.oid::regclass, quote_ident(polname), polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy p JOIN tables t ON t.oid = p.polrelid
	UNION ALL SELECT concat_ws(' ', 'function', pg_get_userbyid(proowner), pg_get_functiondef(p.oid)) FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace WHERE prokind IN ('f', 'p')
	UNION ALL SELECT concat_ws(' ', 'right', p.oid::regprocedure, a) FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace, unnest(proacl) a
	UNION ALL SELECT concat_ws(' ', 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle) FROM pg_sequence q JOIN tables t ON t.oid = q.seqrelid
	UNION ALL SELECT concat_ws(' ', 'event trigger', evtname, evtevent, evtenabled, evtfoid::regproc, evttags, pg_get_userbyid(evtowner)) FROM pg_event_trigger
	UNION ALL SELECT concat_ws(' ', 'function', pg_get_userbyid(proowner), pg_get_functiondef(p.oid)) FROM pg_proc p
		WHERE p.oid IN (SELECT evtfoid FROM pg_event_trigger) OR p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname = 'caldicott_guard')
	UNION ALL SELECT concat_ws(' ', 'setting', name, setting) FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'session_replication_role')`

// Definition reads the catalogue under a fixed search path and fixed quoting, which decide how names are spelt.
func (c Catalogue) Definition(ctx context.Context) ([]string, error) {
	tx, err := c.DB.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	const fixed = `SET LOCAL search_path = pg_catalog; SET LOCAL quote_all_identifiers = off; SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'; SET LOCAL extra_float_digits = 1`
	if _, err := tx.ExecContext(ctx, fixed); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	var lines []string
	if err := tx.SelectContext(ctx, &lines, definition); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return lines, nil
}
