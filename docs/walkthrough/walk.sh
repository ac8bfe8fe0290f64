#!/usr/bin/env bash
# The README's walk-through, step by step, against a running `make run`: curl and nothing else. It stops at the first
# answer that is not what it should be.
set -euo pipefail
cd "$(dirname "$0")/../.."
base=${CALDICOTT_API:-http://127.0.0.1:8080/api/v1}
answer=$(mktemp) headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT

# ask STATUS PERSON METHOD PATH [curl's own…]: sends a request as the person and expects the status.
ask() {
	local want=$1 person=$2 method=$3 path=$4 got
	shift 4
	got=$(curl -sS -o "$answer" -D "$headers" -w '%{http_code}' -X "$method" "$base$path" \
		-H "Authorization: Bearer $(bin/caldicott token "$person")" -H 'Content-Type: application/json' "$@")
	printf '%-16s %-5s %-42s %s %s\n' "$person" "$method" "$(sed -E 's#/[0-9a-f]{8}-[0-9a-f-]{27}#/{id}#' <<<"$path")" "$got" "$(member code)"
	[ "$got" = "$want" ] || { echo "expected $want:"; cat "$answer"; exit 1; }
}
# member NAME: the first string member of that name in the answer.
member() { { grep -o '"'"$1"'" *: *"[^"]*"' "$answer" || true; } | head -n 1 | cut -d '"' -f 4; }
etag() { sed -n 's/^[Ee][Tt][Aa][Gg]: *\("[0-9]*"\).*/\1/p' "$headers"; }
seen() { ask 200 "$1" GET "/requests/$request"; revision=$(etag); }
deed() { # deed STATUS PERSON PATH BODY: reads the request, then does a deed on what was read
	seen "$2"
	ask "$1" "$2" POST "/requests/$request/$3" -H "If-Match: $revision" -d "$4"
}

request=none
echo '— a researcher drafts, checks and submits'
ask 200 u-req-research POST /requests/check -d @docs/walkthrough/s03.json
ask 201 u-req-research POST /requests -H "Idempotency-Key: walk-$$" -d @docs/walkthrough/s03.json
request=$(grep -i '^location:' "$headers" | sed 's#.*/requests/##' | tr -d '\r')
ask 200 u-req-research POST "/requests/$request/check"
deed 200 u-req-research submission '{}'
echo '— another requester is told that there is no such thing'
ask 404 u-req-audit GET "/requests/$request"
echo '— information governance triages and consults; the consultees advise'
deed 200 u-ig1 triage '{}'
deed 200 u-ig1 consultations '{"consultees":["RESEARCH_OFFICE","DPO","IAO"]}'
for who in u-rd:RESEARCH_OFFICE u-dpo:DPO u-iao-ehr:IAO; do
	ask 200 "${who%%:*}" POST "/requests/$request/advice" -d '{"role":"'"${who##*:}"'","view":"SUPPORT","text":"No objection."}'
done
deed 200 u-iglead readiness '{"recommendation":"Supported."}'
echo '— the requester may not decide, a stale revision is refused, the guardian opens and decides'
stale=$revision
deed 200 u-guardian opening '{"conflict":{"type":"NONE"}}'
seen u-req-research
ask 403 u-req-research POST "/requests/$request/decisions" -H "If-Match: $revision" -d @docs/walkthrough/decision.json
[ "$(member code)" = SD1 ] || { echo 'expected SD1'; exit 1; }
ask 412 u-guardian POST "/requests/$request/decisions" -H "If-Match: $stale" -d @docs/walkthrough/decision.json
seen u-guardian
ask 200 u-guardian POST "/requests/$request/decisions" -H "If-Match: $revision" -d @docs/walkthrough/decision.json
echo '— the authorisation, a disclosure under it, the history, and the trail'
seen u-req-research
authorisation=$(sed -n 's/.*"authorisations" *: *\[ *{ *"id" *: *"\([^"]*\)".*/\1/p' "$answer")
ask 200 u-req-research GET "/authorisations/$authorisation"
[ "$(member state)" = ACTIVE ] || { echo 'expected an ACTIVE authorisation'; cat "$answer"; exit 1; }
ask 201 u-req-research POST "/authorisations/$authorisation/disclosures" -d '{"recipient":"TST05","records":8888,"method":"SFTP"}'
ask 200 u-req-research GET "/requests/$request/history"
ask 200 u-auditor GET "/requests/$request/history"
bin/caldicott audit verify
