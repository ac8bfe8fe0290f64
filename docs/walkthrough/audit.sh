#!/usr/bin/env bash
# What an auditor does, against a running `make run` on which walk.sh has been: receipts, proofs, questions, copies, evidence, an
# erasure that leaves every proof valid, and the whole log verified from a directory without the database.
set -euo pipefail
. "$(dirname "$0")/ask.sh"
keys=${CALDICOTT_PG_DATA:-data}/keys # of the demonstration; in service an auditor has them from elsewhere
work=$(mktemp -d)
trap 'rm -rf "$work" "$answer" "$headers"' EXIT
asked='purpose=INTERNAL_AUDIT'

echo '— a deed is answered with a receipt: a signed promise to seal it'
ask 201 u-req-research POST /requests -d '{"kind":"ADVICE_ONLY","title":"May the ward list leave the ward?"}'
request=$(grep -i '^location:' "$headers" | sed 's#.*/requests/##' | tr -d '\r')
cp "$headers" "$work/receipt"
sleep 1
bin/caldicott audit receipt check "$work/receipt" --keys "$keys"

echo '— the log: how it is doing, and the proof that the deed is in it'
ask 200 u-auditor GET /audit/health
ask 200 u-req-research GET "/audit/requests/$request/proof"
ask 200 u-auditor GET /audit/checkpoints/latest
cp "$answer" "$work/kept" # what an auditor takes home today, and holds against the log next year

echo '— asking it: entries, the 29 questions, and that something did not happen; each with a purpose, each on record'
ask 400 u-auditor GET "/audit/entries?action=decide"
ask 200 u-auditor GET "/audit/entries?action=decide&$asked"
ask 403 u-req-research GET "/audit/entries?$asked"
ask 200 u-auditor GET "/audit/controls?from=2026-01-01&to=2026-12-31&$asked"
ask 200 u-auditor GET "/audit/controls/21/rows?from=2026-01-01&to=2026-12-31&$asked"
ask 200 u-auditor GET "/audit/statements/absence?action=revoke&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&$asked"

echo '— taking copies: CSV, FHIR, a pack of evidence for the Commissioner, a certificate of the decision'
ask 200 u-auditor GET "/audit/export?format=csv&$asked"
ask 200 u-auditor GET "/audit/export?format=fhir&action=decide&$asked"
ask 200 u-auditor GET '/decisions?limit=1'
decision=$(member id)
ask 200 u-auditor GET "/decisions/$decision"
decided=$(member request)
ask 200 u-auditor GET "/audit/evidence?request=$decided&profile=ICO&purpose=REGULATOR"
cp "$answer" "$work/evidence.zip"
ask 200 u-guardian GET "/decisions/$decision/certificate" -H 'Accept: text/plain'
cp "$answer" "$work/certificate"
bin/caldicott audit certificate check "$work/certificate" --keys "$keys"

echo '— words recorded in error are erased by two people; every proof stays valid'
ask 201 u-ig1 POST "/requests/$decided/comments" -d '{"text":"Her neighbour says that she was there in May."}'
ask 200 u-auditor GET "/audit/entries?action=comment&limit=1&$asked"
entry=$(grep -o '"entry":[0-9]*' "$answer" | head -n 1 | cut -d : -f 2)
ask 201 u-dpo POST /audit/erasures -d '{"entries":['"$entry"'],"ground":"RECORDED_IN_ERROR","reason":"It names what nobody needed to know."}'
erasure=$(grep -i '^location:' "$headers" | sed 's#.*/##' | tr -d '\r')
ask 200 u-dpo GET "/audit/erasures/$erasure"
ask 403 u-dpo POST "/audit/erasures/$erasure/confirmation" -H "If-Match: $(etag)"
ask 200 u-guardian GET "/audit/erasures/$erasure"
ask 200 u-guardian POST "/audit/erasures/$erasure/confirmation" -H "If-Match: $(etag)"
sleep 1
bin/caldicott audit explain --request "$decided" --keys "$keys" | tail -n 4

echo '— the whole log, from the database and from a directory without it; and against what was taken home'
bin/caldicott audit verify --keys "$keys" --anchor "$work/kept"
bin/caldicott audit export --to "$work/log"
bin/caldicott audit verify --directory "$work/log" --keys "$keys" --anchor "$work/kept"
