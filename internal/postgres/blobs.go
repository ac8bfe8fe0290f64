package postgres

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Blobs keeps the sealed bytes of documents, and knows of every document whose bytes are kept, wherever that is.
//
//	postgres.Blobs{DB: db, Absent: vault.ErrAbsent}
type Blobs struct {
	DB *DB
	// Elsewhere keeps the bytes, where that is not the database; nil where it is. A row without bytes then says that there
	// may be some there, from before they are put until after they are deleted: a crash leaves none that nobody knows of.
	// Documents that were kept before there was an Elsewhere stay where they are, and are found there.
	Elsewhere Place
	// Absent is the answer for an id under which nothing is kept.
	Absent error
}

// Place keeps sealed bytes under an id.
type Place interface {
	Put(ctx context.Context, id string, sealed []byte) error
	Get(ctx context.Context, id string) ([]byte, error)
	Delete(ctx context.Context, id string) error
}

// Put keeps the bytes in place of what was there.
func (b Blobs) Put(ctx context.Context, id string, sealed []byte) error {
	const query = `
		INSERT INTO casework.blobs (document_id, sealed) VALUES (CAST($1 AS uuid), $2)
		ON CONFLICT (document_id) DO UPDATE SET sealed = excluded.sealed`
	kept := sealed
	if b.Elsewhere != nil {
		kept = []byte{}
	}
	if _, err := b.DB.pool.db.ExecContext(ctx, query, id, kept); err != nil {
		return explain(err, "document")
	}
	if b.Elsewhere == nil {
		return nil
	}
	return b.Elsewhere.Put(ctx, id, sealed)
}

// Get gives the bytes, or Absent.
func (b Blobs) Get(ctx context.Context, id string) ([]byte, error) {
	const query = `SELECT b.sealed FROM casework.blobs b WHERE b.document_id = CAST($1 AS uuid)`
	var sealed []byte
	if err := b.DB.pool.get(ctx, &sealed, query, id); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, explain(err, "document")
	}
	switch {
	case len(sealed) > 0:
		return sealed, nil
	case b.Elsewhere != nil:
		return b.Elsewhere.Get(ctx, id)
	case b.Absent != nil:
		return nil, b.Absent
	}
	return nil, explain(sql.ErrNoRows, "document")
}

// Delete forgets the bytes, and then that there were any; where there are none, that is done already.
func (b Blobs) Delete(ctx context.Context, id string) error {
	if b.Elsewhere != nil {
		if err := b.Elsewhere.Delete(ctx, id); err != nil {
			return err
		}
	}
	const query = `DELETE FROM casework.blobs WHERE document_id = CAST($1 AS uuid)`
	_, err := b.DB.pool.db.ExecContext(ctx, query, id)
	return explain(err, "document")
}

// StrayDocuments lists documents whose bytes are kept, though no deed has named them since before that instant, or one has
// erased them.
func (q reads) StrayDocuments(ctx context.Context, before time.Time) ([]string, error) {
	const query = `
		SELECT b.document_id FROM casework.blobs b
		WHERE b.document_id < CAST($1 AS uuid)
			AND NOT EXISTS (SELECT FROM casework.deeds d WHERE d.id = b.document_id AND d.deed = 'attach')
		UNION
		SELECT b.document_id FROM casework.deeds d JOIN casework.blobs b ON CAST(b.document_id AS text) = d.subject
		WHERE d.deed = 'erase_document'
		ORDER BY document_id`
	var ids []string
	return ids, explain(q.run.all(ctx, &ids, query, firstOf(before).String()), "document")
}

// firstOf is less than every id that was made at the instant or later, and more than all before: a UUIDv7 begins with the
// milliseconds since 1970, 48 bits of them, and PostgreSQL compares it byte by byte.
func firstOf(at time.Time) uuid.UUID {
	var first uuid.UUID
	binary.BigEndian.PutUint64(first[:8], uint64(max(0, at.UnixMilli()))<<16) //nolint:gosec // never negative
	return first
}

// WaitingDocuments lists documents of which the scanner has not said anything yet, oldest first.
func (q reads) WaitingDocuments(ctx context.Context) ([]string, error) {
	const query = `
		SELECT d.id FROM casework.deeds d
		WHERE d.deed = 'attach' AND d.details ->> 'scan' IS NULL AND NOT EXISTS (
			SELECT FROM casework.deeds x
			WHERE x.request_id = d.request_id AND x.deed IN ('scan_document', 'erase_document') AND x.subject = CAST(d.id AS text))
		ORDER BY d.id`
	var ids []string
	return ids, explain(q.run.all(ctx, &ids, query), "document")
}
