package notarydb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// Shelf reads the log, under the reader's login or the sealer's.
type Shelf struct{ DB *sqlx.DB }

// Desk is where the signer works, under the sealer's login.
type Desk struct{ Shelf }

var (
	_ notary.Shelf = Shelf{}
	_ notary.Desk  = Desk{}
)

// Tiles reads places; all full tiles of one call in one query.
func (s Shelf) Tiles(ctx context.Context, places []merkle.Place) ([][]byte, error) {
	full, err := s.full(ctx, places)
	if err != nil {
		return nil, err
	}
	data := make([][]byte, len(places))
	for i, p := range places {
		if data[i] = full[p]; data[i] != nil {
			continue
		}
		if data[i], err = tile(ctx, s.DB, p); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// full reads the full tiles among the places. What is missing is left to tile, which says so.
func (s Shelf) full(ctx context.Context, places []merkle.Place) (map[merkle.Place][]byte, error) {
	var levels, indexes []int64
	for _, p := range places {
		if p.Width == merkle.TileWidth {
			levels, indexes = append(levels, int64(p.Level)), append(indexes, p.Index)
		}
	}
	found := make(map[merkle.Place][]byte, len(levels))
	if len(levels) == 0 {
		return found, nil
	}
	const query = `
		SELECT t.level, t.idx, t.hashes FROM unnest(CAST($1 AS smallint[]), CAST($2 AS bigint[])) AS x (level, idx)
		JOIN audit.tiles t ON t.level = x.level AND t.idx = x.idx`
	var rows []struct {
		Level  int    `db:"level"`
		Index  int64  `db:"idx"`
		Hashes []byte `db:"hashes"`
	}
	if err := s.DB.SelectContext(ctx, &rows, query, pq.Array(levels), pq.Array(indexes)); err != nil {
		return nil, fmt.Errorf("tiles: %w", err)
	}
	for _, r := range rows {
		found[merkle.Place{Level: r.Level, Index: r.Index, Width: merkle.TileWidth}] = r.Hashes
	}
	return found, nil
}

// checkpointColumns take the lines of the note: the log's own first, then the witnesses'.
const checkpointColumns = `
	SELECT c.size, c.root, ARRAY(SELECT s.line FROM audit.signatures s WHERE s.size = c.size ORDER BY s.key_id)
		|| ARRAY(SELECT w.line FROM audit.cosignatures w WHERE w.size = c.size ORDER BY w.witness) AS lines
	FROM audit.checkpoints c`

// LastSigned reads the newest checkpoint that is signed.
func (s Shelf) LastSigned(ctx context.Context) (merkle.Tree, []string, error) {
	return s.checkpoint(ctx, checkpointColumns+` WHERE c.size = (SELECT max(size) FROM audit.signatures)`)
}

// At reads the checkpoint of a size.
func (s Shelf) At(ctx context.Context, size int64) (merkle.Tree, []string, error) {
	return s.checkpoint(ctx, checkpointColumns+` WHERE c.size = $1`, size)
}

// Newest reads the last checkpoint, which the sealer's transaction has made durable.
func (s Shelf) Newest(ctx context.Context) (merkle.Tree, error) {
	tree, _, err := s.checkpoint(ctx, checkpointColumns+` ORDER BY c.size DESC LIMIT 1`)
	return tree, err
}

func (s Shelf) checkpoint(ctx context.Context, query string, args ...any) (merkle.Tree, []string, error) {
	var row struct {
		Size  int64          `db:"size"`
		Root  []byte         `db:"root"`
		Lines pq.StringArray `db:"lines"`
	}
	err := s.DB.GetContext(ctx, &row, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return merkle.Tree{}, nil, nil
	}
	if err != nil {
		return merkle.Tree{}, nil, fmt.Errorf("checkpoint: %w", err)
	}
	return merkle.Tree{Size: row.Size, Root: merkle.Hash(row.Root)}, row.Lines, nil
}

// leafColumns take the hash from the entry, as a proof is of the entry and not of what the log says of it.
const leafColumns = `SELECT e.id, COALESCE(l.leaf_index, -1) AS leaf_index, e.leaf_hash FROM audit.entries e LEFT JOIN audit.leaves l ON l.entry_id = e.id`

type leafRow struct {
	Entry int64  `db:"id"`
	Index int64  `db:"leaf_index"`
	Hash  []byte `db:"leaf_hash"`
}

func (r leafRow) leaf() notary.Leaf {
	return notary.Leaf{Entry: r.Entry, Index: r.Index, Hash: merkle.Hash(r.Hash)}
}

// Leaf finds an entry in the log.
func (s Shelf) Leaf(ctx context.Context, entry int64) (notary.Leaf, bool, error) {
	return s.one(ctx, leafColumns+` WHERE e.id = $1`, entry)
}

func (s Shelf) one(ctx context.Context, query string, args ...any) (notary.Leaf, bool, error) {
	var row leafRow
	err := s.DB.GetContext(ctx, &row, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return notary.Leaf{}, false, nil
	}
	if err != nil {
		return notary.Leaf{}, false, fmt.Errorf("entry: %w", err)
	}
	return row.leaf(), true, nil
}

// Chained finds an entry by its place in a chain; only the reader's login may.
func (s Shelf) Chained(ctx context.Context, stream string, seq int) (notary.Leaf, bool, error) {
	return s.one(ctx, leafColumns+` WHERE e.stream = $1 AND e.seq = $2`, stream, seq)
}

// LeavesOf finds a request's entries in the log; only the reader's login may.
func (s Shelf) LeavesOf(ctx context.Context, request string) ([]notary.Leaf, error) {
	var rows []leafRow
	if err := s.DB.SelectContext(ctx, &rows, leafColumns+` WHERE e.request_id = $1 ORDER BY e.id`, request); err != nil {
		return nil, fmt.Errorf("entries of a request: %w", err)
	}
	leaves := make([]notary.Leaf, len(rows))
	for i, r := range rows {
		leaves[i] = r.leaf()
	}
	return leaves, nil
}

// Signed reads who has signed a checkpoint.
func (d Desk) Signed(ctx context.Context, size int64) ([]string, error) {
	var ids []string
	err := d.DB.SelectContext(ctx, &ids, `SELECT key_id FROM audit.signatures WHERE size = $1`, size)
	if err != nil {
		return nil, fmt.Errorf("signatures of %d: %w", size, err)
	}
	return ids, nil
}

// Sign stores a signature. Another replica with the same key has written the same line.
func (d Desk) Sign(ctx context.Context, size int64, keyID, line string) error {
	const query = `INSERT INTO audit.signatures (size, key_id, line) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	if _, err := d.DB.ExecContext(ctx, query, size, keyID, line); err != nil {
		return fmt.Errorf("store the signature of %d: %w", size, err)
	}
	return nil
}

// Spans reads the last word on each key that is not a witness's.
func (d Desk) Spans(ctx context.Context) (map[string]notary.Span, error) {
	const query = `
		SELECT DISTINCT ON (vkey) vkey, role, valid_from_size, valid_to_size
		FROM audit.keys WHERE role IN ('log', 'receipt') ORDER BY vkey, n DESC`
	var rows []struct {
		Key  string `db:"vkey"`
		Role string `db:"role"`
		From int64  `db:"valid_from_size"`
		To   *int64 `db:"valid_to_size"`
	}
	if err := d.DB.SelectContext(ctx, &rows, query); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	spans := make(map[string]notary.Span, len(rows))
	for _, r := range rows {
		spans[r.Key] = notary.Span{Role: r.Role, From: r.From, To: r.To}
	}
	return spans, nil
}

// Say adds a word on a key.
func (d Desk) Say(ctx context.Context, verifier string, span notary.Span) error {
	const query = `INSERT INTO audit.keys (vkey, role, valid_from_size, valid_to_size) VALUES ($1, $2, $3, $4)`
	if _, err := d.DB.ExecContext(ctx, query, verifier, span.Role, span.From, span.To); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}
