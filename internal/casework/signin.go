package casework

import (
	"context"
	"strconv"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Known finds the person that a token speaks for. Roles come from local appointments, never from the token. A stranger,
// or somebody who is no longer active, is refused with AUTHORITY, on the record.
func (s *Service) Known(ctx context.Context, issuer, subject string) (caldicott.Actor, error) {
	by, err := s.Store.ActorBySubject(ctx, issuer, subject)
	if err != nil && caldicott.KindOf(err) != caldicott.NotFound {
		return caldicott.Actor{}, err
	}
	if err == nil && by.Active {
		return by, nil
	}
	now := s.Now()
	refusal := caldicott.Errorf(caldicott.Forbidden, caldicott.CodeAuthority, "Nobody is enrolled here under this sign-in.")
	return caldicott.Actor{}, s.record(ctx, refusal, caldicott.Event{
		Stream: accessStream(now), Action: caldicott.SignIn, Outcome: caldicott.OutcomeRefused, Rule: caldicott.CodeAuthority, At: now,
		Actor: by.ID, Organisation: by.OrganisationID, PolicyDigest: s.Policy.Digest(),
	})
}

// Started puts the policy in force on the record: one entry at every start.
func (s *Service) Started(ctx context.Context) error {
	return s.record(ctx, nil, caldicott.Event{
		Stream: "policy", Action: caldicott.PolicyLoaded, Outcome: caldicott.OutcomeDone, At: s.Now(), PolicyDigest: s.Policy.Digest(),
	})
}

// Migrated puts a change of the schema on the record.
func (s *Service) Migrated(ctx context.Context, migrations int) error {
	return s.record(ctx, nil, caldicott.Event{
		Stream: "schema", Action: caldicott.Migrated, Outcome: caldicott.OutcomeDone, At: s.Now(),
		Facts: map[string]string{"migrations": strconv.Itoa(migrations)},
	})
}

// Verified puts a verification of the trail on the record, with what it found.
func (s *Service) Verified(ctx context.Context, entries, findings int64) error {
	return s.record(ctx, nil, caldicott.Event{
		Stream: "verification", Action: caldicott.Verified, Outcome: caldicott.OutcomeDone, At: s.Now(),
		Facts: map[string]string{"entries": strconv.FormatInt(entries, 10), "findings": strconv.FormatInt(findings, 10)},
	})
}

// Attested puts on the record what the schema is: the digest of its definition, and how many lines that has. A trigger
// that is taken away, or a right that is given, is another digest in the log itself.
func (s *Service) Attested(ctx context.Context, digest string, lines int) error {
	return s.record(ctx, nil, caldicott.Event{
		Stream: "schema", Action: caldicott.Attested, Outcome: caldicott.OutcomeDone, At: s.Now(), Digest: digest,
		Facts: map[string]string{"lines": strconv.Itoa(lines)},
	})
}

// KeyNoted puts on the record from which size of the log on a key signs and, where to is not nil, before which size it ends.
// What it signs stands in its name.
func (s *Service) KeyNoted(ctx context.Context, key string, from int64, to *int64) error {
	facts := map[string]string{"key": key, "from_size": strconv.FormatInt(from, 10)}
	if to != nil {
		facts["to_size"] = strconv.FormatInt(*to, 10)
	}
	return s.record(ctx, nil, caldicott.Event{
		Stream: "keys", Action: caldicott.KeyNoted, Outcome: caldicott.OutcomeDone, At: s.Now(), Facts: facts,
	})
}
